import { makeBases } from '../../../src/kernel/bases.js';
import { Decoder } from '../../../src/kernel/decoder.js';
import { FuncTable } from '../../../src/kernel/func-table.js';
import { OP, Op } from '../../../src/kernel/ops.js';
import type { ProbesFile } from '../../../src/kernel/probes-file.js';
import { load } from './lines.js';

const KASLR = makeBases(0x1fea0000000000, 0x1f888000000000, 'test');
const NAMES = Object.fromEntries(Object.entries(OP).map(([name, kind]) => [kind, name]));

/** Every line decoded: what it shows, null where it means nothing. A line without columns gets some. */
export function decodeAll(lines: string[], probes?: ProbesFile, bases = KASLR) {
  const { batches, events } = load(lines.map(line).join('\n'), { size: 3 });
  const funcs = new FuncTable();
  const decoder = new Decoder({ events, funcs, bases, ...(probes ? { probes } : {}) });
  const op = new Op();
  const out: (ReturnType<typeof shown> | null)[] = [];
  for (const b of batches) {
    for (let row = 0; row < b.length; row++) out.push(decoder.decode(b, row, op) ? shown(op, funcs) : null);
  }
  return out;
}

const line = (body: string) =>
  /\[\d+\] \S+ +\d+\.\d+: /.test(body) ? body : `        ptw-munmap-901   [002] d.h2.    51.114697: ${body}`;

function shown(op: Op, funcs: FuncTable) {
  const slots = [op.a0, op.a1, op.a2, op.a3, op.a4, op.a5];
  while (slots.length > 0 && Number.isNaN(slots.at(-1))) slots.pop();
  return {
    kind: NAMES[op.kind]!,
    slots,
    basis: op.basis,
    tables: [...op.tables.subarray(0, op.nTables)],
    funcs,
    op,
  };
}

/** The first line, in short: its kind and slots. */
export const one = (body: string, probes?: ProbesFile) => {
  const r = decodeAll([body], probes)[0];
  return r
    ? `${r.kind} ${r.slots.map((n) => (Number.isNaN(n) ? '-' : n < 0 ? n : `0x${n.toString(16)}`)).join(' ')}`.trim()
    : null;
};
