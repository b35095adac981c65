import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ConvertFormat, convert } from '../../src/convert/convert.js';
import { type ScannedInput, scanInput } from '../../src/parsers/input/open-input.js';
import { newPipeline } from '../../src/read/pipeline.js';
import type { RecordBatch } from '../../src/timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../../src/timeline/events.js';
import { ROOT } from '../support/built.js';

/** Every fixture that holds a trace; those there to be refused, and histograms, are other tests' business. */
export const TRACES = readdirSync(join(ROOT, 'fixtures'), { recursive: true, encoding: 'utf8' })
  .filter((f) => /\.(?:txt|gz|dat|json|jsonl|csv|html)$/.test(f))
  .filter((f) => !/^(?:tracefs-refusals|bpftrace-hist|litmus|mail|record)\b|kprobe_events|README/.test(f))
  // Of these, the traces; the others are printed tables or are there to be refused.
  .filter((f) => !f.startsWith('inputs') || /[/\\](?:F0[2459]|F07|F1[346]|F21|W[12])/.test(f))
  .map((f) => join('fixtures', f))
  .sort();

export interface Timeline {
  readonly input: ScannedInput;
  /** Events and facts, in order, one line of text each. */
  readonly rows: string[];
  readonly clock: string;
}

const hex = (b: Uint8Array): string => Buffer.from(b.buffer, b.byteOffset, b.length).toString('latin1');

/** Everything a timeline holds, so that two can be compared. */
export async function timelineOf(path: string): Promise<Timeline> {
  const pipeline = newPipeline();
  const { names, events, time } = pipeline;
  const rows: string[] = [];
  const sink = (b: RecordBatch): void => {
    for (let i = 0; i < b.length; i++) {
      const event = b.event[i]!;
      if (event <= LAST_RESERVED) {
        // How many were lost counts for that fact only.
        rows.push(`fact ${event} cpu ${b.cpu[i]} ${event === RESERVED.lost ? b.aux[i] : ''}`);
        continue;
      }
      const { kind, name, symbol, caller, stamp } = events.head(event);
      rows.push(
        JSON.stringify([
          time.absolute(b.tsNs[i]!),
          b.cpu[i],
          b.pid[i],
          b.tgid[i],
          hex(names.bytesOf(b.comm[i]!)),
          b.flags[i],
          [kind, name, symbol, caller, stamp ?? ''],
          hex(b.bytes.subarray(b.bodyStart[i]!, b.bodyEnd[i]!)),
          kind === 'span' ? String(b.aux[i]) : '',
        ]),
      );
    }
  };
  const input = await scanInput(path, { input: 0, context: pipeline, sink });
  return { input, rows, clock: `${time.unit} ${time.resolutionNs}` };
}

/** The output of a conversion, and what it could not say. */
export async function converted(
  paths: readonly string[],
  to: ConvertFormat,
): Promise<{ bytes: Buffer; unsaid: ReadonlyMap<string, number> }> {
  const parts: Buffer[] = [];
  const { unsaid } = await convert({ paths, to, write: (b) => parts.push(Buffer.from(b)) });
  return { bytes: Buffer.concat(parts), unsaid };
}
