import { ByteText } from './convert/byte-text.js';
import { csvWriter } from './convert/csv-writer.js';
import type { MakeWriter } from './convert/form-writer.js';
import { ftraceWriter } from './convert/ftrace-writer.js';
import { jsonlWriter } from './convert/jsonl-writer.js';
import { type ScannedInput, scanInput } from './parsers/open-input.js';
import { RecordingFacts } from './parsers/recording-facts.js';
import { newPipeline, type PipelineOptions } from './pipeline.js';

export { CSV_COLUMNS } from './convert/csv-writer.js';
export { flagsText } from './convert/form-writer.js';

export const CONVERT_FORMATS = ['jsonl', 'csv', 'ftrace'] as const;
export type ConvertFormat = (typeof CONVERT_FORMATS)[number];

export interface ConvertOptions extends PipelineOptions {
  readonly to: ConvertFormat;
  /** Takes the output in pieces of at most a batch; each is overwritten after the call. */
  readonly write: (bytes: Uint8Array) => void;
}

export interface Converted {
  readonly inputs: ScannedInput[];
  /** What the form cannot say → rows concerned; empty: the output reads back to the same timeline. */
  readonly unsaid: ReadonlyMap<string, number>;
}

const WRITERS: Readonly<Record<ConvertFormat, MakeWriter>> = {
  jsonl: jsonlWriter,
  csv: csvWriter,
  ftrace: ftraceWriter,
};

/**
 * Rewrites inputs in one of pttrace's own forms, streaming; memory does not grow with the input. Each form reads back
 * to the same timeline: stamps, heads, bodies byte by byte, loss and capture marks. Where ftrace text has no words
 * for something, `unsaid` counts it. Throws TraceError as `analyse` does.
 */
export async function convert(options: ConvertOptions): Promise<Converted> {
  const pipeline = newPipeline();
  const out = new ByteText();
  const writer = WRITERS[options.to](pipeline, out);
  const pass = (): void => {
    if (out.length > 0) options.write(out.view());
    out.clear();
  };
  const inputs: ScannedInput[] = [];
  for (let i = 0; i < options.paths.length; i++) {
    // Passed on with the first rows: an input that cannot be read leaves no output behind.
    writer.begin(i === 0);
    const facts = new RecordingFacts();
    let said = false;
    const input = await scanInput(options.paths[i]!, {
      ...options,
      input: i,
      context: pipeline,
      facts,
      sink: (batch) => {
        if (!said) writer.recorded(facts.all);
        said = true;
        writer.rows(batch);
        pass();
      },
    });
    if (!said) writer.recorded(facts.all);
    writer.end(input.header);
    pass();
    inputs.push(input);
    if (options.signal?.aborted) break;
  }
  return { inputs, unsaid: writer.unsaid };
}
