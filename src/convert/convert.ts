import { machinesApart } from '../parsers/input/machines.js';
import { type ScannedInput, scanInput } from '../parsers/input/open-input.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import type { RecordBatch } from '../timeline/batch.js';
import { ByteText } from './byte-text.js';
import { csvWriter } from './csv-writer.js';
import type { MakeWriter } from './form-writer.js';
import { ftraceWriter } from './ftrace-writer.js';
import { jsonlWriter } from './jsonl-writer.js';

export { CSV_COLUMNS } from './csv-writer.js';
export { flagsText } from './form-writer.js';

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
  const facts = new RecordingFacts();
  let said = 0;
  /** Each where it stands: a reader learns it there, too. */
  const tell = (): void => {
    const fresh = facts.all.slice(said).filter((fact) => !isTorn(fact));
    if (fresh.length > 0) writer.recorded(fresh);
    said = facts.all.length;
  };
  // Passed on with the first rows: an input that cannot be read leaves no output behind.
  writer.begin(true);
  const rows = (batch: RecordBatch): void => {
    tell();
    writer.rows(batch);
    pass();
  };
  const paths = await machinesApart(options.paths);
  const inputs =
    paths.length === 1
      ? [await scanInput(paths[0]!, { ...options, input: 0, context: pipeline, facts, sink: rows })]
      : await joined(pipeline, { ...options, facts }, rows, () => writer.begin(false));
  tell();
  // Known at the end of the first reading: there it stands in every later one, too.
  const torn = new Set(facts.all.filter(isTorn));
  const own = tornNote(inputs);
  if (own !== null) torn.add(own);
  if (torn.size > 0) writer.recorded([...torn]);
  const [first] = inputs;
  if (first) writer.end({ ...first.header, cpus: Math.max(...inputs.map((i) => i.header.cpus)) });
  pass();
  return { inputs, unsaid: writer.unsaid };
}

const isTorn = (fact: string): boolean => fact.startsWith('note cut-file');

/** What is absent from a recording that is not whole proves nothing: the new form must say so, too. */
function tornNote(inputs: readonly ScannedInput[]): string | null {
  const cut = inputs.flatMap((i) => i.report.notes).find((n) => n.code === 'cut-file');
  const broken = inputs.find((i) => i.report.error);
  const why = cut?.message ?? broken?.report.error?.message;
  if (why !== undefined) return `note cut-file ${why}`;
  return inputs.length > 1 ? `note cut-file put together from ${inputs.length} recordings` : null;
}

/** Several inputs become one timeline as in a replay: merged where their clocks allow, else one after the other. */
async function joined(
  pipeline: Pipeline,
  options: PipelineOptions,
  batch: (batch: RecordBatch) => void,
  boundary: () => void,
): Promise<ScannedInput[]> {
  return (await runPipeline(pipeline, options, () => ({ batch, boundary }))).inputs;
}
