import { OP, Op } from '../kernel/ops.js';
import { newPipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { LAST_RESERVED } from '../timeline/events.js';
import { MM_SLOT, TLB_KINDS } from './event-notes.js';
import type { Subject } from './subject.js';

/**
 * The object a line is about: the table, else the gather, the head or the mm its event names; null where it names none.
 * A text says why the line is no event.
 */
export async function subjectOfLine(
  options: PipelineOptions,
  wanted: number,
): Promise<Subject | null | string> {
  let found: Subject | null | string | undefined;
  let last = 0;
  const op = new Op();
  await runPipeline(newPipeline(), options, (decoder) => ({
    boundary: () => {},
    batch: (batch) => {
      if (batch.length > 0) last = Math.max(last, batch.line[batch.length - 1]!);
      if (found !== undefined || last < wanted) return;
      for (let row = 0; row < batch.length; row++) {
        if (batch.line[row]! !== wanted || batch.event[row]! <= LAST_RESERVED) continue;
        const named = decoder.decode(batch, row, op) ? subjectOf(op) : {};
        found = Object.keys(named).length > 0 ? named : null;
        return;
      }
      found = 'it is no event: give the line of one';
    },
  }));
  return found !== undefined ? found : `the last event of this trace is in line ${last}`;
}

function subjectOf(op: Op): Subject {
  const page = [OP.TR, OP.APP, OP.PVOP, OP.UL, OP.PUB].includes(op.kind as 7)
    ? op.a2
    : [OP.FREE, OP.ALLOC, OP.PTEN, OP.FPSC].includes(op.kind as 33)
      ? op.a0
      : Number.NaN;
  if (page >= 0) return { table: `pfn:0x${page.toString(16)}` };
  const hex = (addr: number): string => `0x${(BigInt(addr) | 0xffe0_0000_0000_0000n).toString(16)}`;
  if ((op.kind === OP.CR || op.kind === OP.CB) && op.a0 > 0) return { head: hex(op.a0) };
  if (TLB_KINDS.has(op.kind) && op.a0 > 0) return { gather: hex(op.a0) };
  const at = MM_SLOT[op.kind];
  const mm = at === undefined ? Number.NaN : at === 0 ? op.a0 : op.a1;
  return mm > 0 ? { mm: hex(mm) } : {};
}
