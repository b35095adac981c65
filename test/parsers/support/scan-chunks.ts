import type { DialectInfo } from '../../../src/parsers/input/dialect.js';
import { LineScanner } from '../../../src/parsers/input/line-scanner.js';
import { EventTable } from '../../../src/timeline/events.js';
import { Interner } from '../../../src/timeline/interner.js';
import { TimeBase } from '../../../src/timeline/time-base.js';

export const CHUNKS = [1, 7, 64, 4096] as const;

export interface Scanned {
  readonly rows: string[];
  readonly counts: number[];
  readonly skips: { reason: string; count: number; firstLine: number }[];
  readonly lines: number;
  readonly notes: readonly { code: string }[];
}

/** Rows through the real scanner, in the same form whatever the chunks. */
export function scanChunks(info: DialectInfo, input: Uint8Array, size: number): Scanned {
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const rows: string[] = [];
  const scanner = new LineScanner(info.open(input.subarray(0, 64 << 10)), {
    input: 0,
    context,
    sink: (b) => {
      for (let i = 0; i < b.length; i++) {
        const head = context.events.head(b.event[i]!);
        const fact = head.kind === 'reserved';
        rows.push(
          `${b.line[i]} ${b.offset[i]} ${fact ? '' : context.time.absolute(b.tsNs[i]!)} ${b.cpu[i]} ${b.pid[i]} ${b.flags[i]} ` +
            `${fact ? '' : context.names.text(b.comm[i]!)} ${head.kind} ${head.name} ${b.aux[i]} ${b.body(i)}`,
        );
      }
    },
  });
  // As a reader does: the bytes of a chunk are gone after the call.
  for (let i = 0; i < input.length; i += size) {
    const chunk = Uint8Array.prototype.slice.call(input, i, i + size);
    scanner.push(chunk);
    chunk.fill(0x7c);
  }
  scanner.finish();
  return {
    rows,
    counts: [...scanner.counts],
    skips: scanner.skips,
    lines: scanner.lineNumber,
    notes: scanner.notes,
  };
}
