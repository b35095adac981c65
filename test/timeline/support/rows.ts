import { RecordBatch } from '../../../src/timeline/batch.js';
import { EventTable } from '../../../src/timeline/events.js';

export const events = new EventTable();
export const kindOf = (name: string, kind: 'tracepoint' | 'function' = 'tracepoint'): number =>
  events.internHead(`${kind} ${name}`, { kind, name, symbol: '', caller: '' });
export const KINDS = ['a', 'b', 'c', 'd', 'e'].map((name) => kindOf(name));

export interface Row {
  readonly ts: number;
  readonly event: number;
  readonly body: string;
  readonly cpu?: number;
}

/** Gives the rows to `push` in batches of `size`, each with bytes that are wiped afterwards. */
export function inBatches(rows: readonly Row[], size: number, push: (batch: RecordBatch) => void): void {
  for (let at = 0; at < rows.length; at += size) {
    const part = rows.slice(at, at + size);
    const batch = new RecordBatch(part.length);
    batch.bytes = new TextEncoder().encode(part.map((r) => r.body).join(''));
    let used = 0;
    part.forEach(({ ts, event, body, cpu = 0 }, i) => {
      batch.tsNs[i] = ts;
      batch.event[i] = event;
      batch.cpu[i] = cpu;
      batch.line[i] = at + i + 1;
      batch.bodyStart[i] = used;
      batch.bodyEnd[i] = used += body.length;
    });
    batch.length = part.length;
    push(batch);
    batch.bytes.fill(0);
  }
}
