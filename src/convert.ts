import { type ScannedInput, scanInput } from './parsers/open-input.js';
import { newPipeline, type Pipeline, type PipelineOptions } from './pipeline.js';
import type { RecordBatch } from './timeline/batch.js';
import type { EventHead, EventTable } from './timeline/events.js';
import { LAST_RESERVED, RESERVED } from './timeline/events.js';
import { FLAG, migrateDepth, preemptDepth } from './timeline/flags.js';

export const CONVERT_FORMATS = ['jsonl', 'csv', 'ftrace'] as const;
export type ConvertFormat = (typeof CONVERT_FORMATS)[number];

export interface ConvertOptions extends PipelineOptions {
  readonly to: ConvertFormat;
  /** Takes the text in pieces of at most a batch; its promise is waited for. */
  readonly write: (text: string) => void;
}

export const CSV_COLUMNS = [
  'ts_ns',
  'cpu',
  'pid',
  'tgid',
  'comm',
  'flags',
  'kind',
  'event',
  'symbol',
  'caller',
  'aux',
  'args',
] as const;

/**
 * Rewrites inputs in one of pttrace's own forms, streaming. Each form reads back to the same timeline: stamps to
 * the ns, heads, bodies, loss and capture marks. Throws TraceError as `analyse` does.
 */
export async function convert(options: ConvertOptions): Promise<ScannedInput[]> {
  const pipeline = newPipeline();
  const writer = WRITERS[options.to](pipeline);
  options.write(writer.head());
  const inputs: ScannedInput[] = [];
  for (let i = 0; i < options.paths.length; i++) {
    if (i > 0) options.write(writer.segment());
    inputs.push(
      await scanInput(options.paths[i]!, {
        input: i,
        context: pipeline,
        sink: (batch) => options.write(writer.rows(batch)),
        format: options.format,
        signal: options.signal,
        onProgress: options.onProgress,
        stdin: options.stdin,
      }),
    );
  }
  return inputs;
}

interface Writer {
  head(): string;
  rows(batch: RecordBatch): string;
  segment(): string;
}

const WRITERS: Record<ConvertFormat, (pipeline: Pipeline) => Writer> = {
  jsonl: jsonlWriter,
  csv: csvWriter,
  ftrace: ftraceWriter,
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bodyOf = (batch: RecordBatch, row: number): string =>
  text(batch.bytes.subarray(batch.bodyStart[row]!, batch.bodyEnd[row]!));

/** One canonical event per line, see src/schema/event.schema.json. Absent facts are left out. */
function jsonlWriter({ names, events, time }: Pipeline): Writer {
  const mark = (what: string, extra: Record<string, unknown>): string =>
    `${JSON.stringify({ mark: what, ...extra })}\n`;
  return {
    head: () => '',
    segment: () => mark('segment', {}),
    rows: (batch) => {
      let out = '';
      for (let row = 0; row < batch.length; row++) {
        const event = batch.event[row]!;
        if (event <= LAST_RESERVED) {
          if (event === RESERVED.lost) out += mark('lost', { cpu: batch.cpu[row]!, count: batch.aux[row]! });
          else if (event === RESERVED.segment) out += mark('segment', {});
          else out += mark('buffer-start', { cpu: batch.cpu[row]! });
          continue;
        }
        const head = events.head(event);
        const flags = flagsText(batch.flags[row]!);
        const span = head.kind === 'span';
        out += `${JSON.stringify({
          tsNs: time.absolute(batch.tsNs[row]!),
          ...(time.unit === 'ticks' ? { unit: 'ticks' } : {}),
          ...(batch.cpu[row]! >= 0 ? { cpu: batch.cpu[row]! } : {}),
          ...(batch.pid[row]! >= 0 ? { pid: batch.pid[row]! } : {}),
          ...(batch.tgid[row]! >= 0 ? { tgid: batch.tgid[row]! } : {}),
          comm: names.text(batch.comm[row]!),
          ...(flags === '' ? {} : { flags }),
          kind: head.kind,
          event: head.name,
          ...(head.symbol === '' ? {} : { symbol: head.symbol }),
          ...(head.caller === '' ? {} : { caller: head.caller }),
          ...(span && head.stamp ? { stamp: head.stamp } : {}),
          ...(span && Number.isFinite(batch.aux[row]!) ? { durNs: batch.aux[row]! } : {}),
          args: bodyOf(batch, row),
        })}\n`;
      }
      return out;
    },
  };
}

function csvWriter({ names, events, time }: Pipeline): Writer {
  const line = (cells: readonly (string | number)[]): string => `${cells.map(csvCell).join(',')}\n`;
  const mark = (what: string, cpu: number | '', count: number | ''): string =>
    line(['', cpu, '', '', '', '', 'mark', what, '', '', count, '']);
  return {
    head: () => line(CSV_COLUMNS),
    segment: () => mark('segment', '', ''),
    rows: (batch) => {
      let out = '';
      for (let row = 0; row < batch.length; row++) {
        const event = batch.event[row]!;
        if (event === RESERVED.lost) out += mark('lost', batch.cpu[row]!, batch.aux[row]!);
        else if (event === RESERVED.segment) out += mark('segment', '', '');
        else if (event === RESERVED.bufferStart) out += mark('buffer-start', batch.cpu[row]!, '');
        else {
          const head = events.head(event);
          const known = (n: number): number | '' => (n >= 0 ? n : '');
          out += line([
            time.absolute(batch.tsNs[row]!),
            known(batch.cpu[row]!),
            known(batch.pid[row]!),
            known(batch.tgid[row]!),
            names.text(batch.comm[row]!),
            flagsText(batch.flags[row]!),
            head.kind,
            head.name,
            head.symbol,
            head.caller,
            head.kind === 'span' && Number.isFinite(batch.aux[row]!) ? batch.aux[row]! : '',
            bodyOf(batch, row),
          ]);
        }
      }
      return out;
    },
  };
}

function csvCell(value: string | number): string {
  const s = String(value);
  return /[",\n\r]/.test(s) || s !== s.trim() ? `"${s.replaceAll('"', '""')}"` : s;
}

/** tracefs text with ns stamps (nine decimals), which the ftrace reader takes as it takes six. */
function ftraceWriter({ names, events, time }: Pipeline): Writer {
  const header =
    '# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n#              | |         |   |||||     |         |\n';
  return {
    head: () => header,
    segment: () => header,
    rows: (batch) => {
      let out = '';
      for (let row = 0; row < batch.length; row++) {
        const event = batch.event[row]!;
        const cpu = Math.max(0, batch.cpu[row]!);
        if (event === RESERVED.lost) {
          const n = batch.aux[row]!;
          out += `CPU:${cpu} [LOST ${n < 0 ? '' : `${n} `}EVENTS]\n`;
        } else if (event === RESERVED.segment) out += header;
        else if (event === RESERVED.bufferStart) out += `##### CPU ${cpu} buffer started ####\n`;
        else {
          const comm = names.text(batch.comm[row]!).padStart(16);
          const pid = String(Math.max(0, batch.pid[row]!)).padEnd(7);
          const tgid = batch.tgid[row]! >= 0 ? `(${String(batch.tgid[row]!).padStart(7)}) ` : '';
          const flags = flagsText(batch.flags[row]!);
          const stamp = stampText(time.absolute(batch.tsNs[row]!), time.unit);
          out += `${comm}-${pid} ${tgid}[${String(cpu).padStart(3, '0')}] ${flags === '' ? '' : `${flags} `}${stamp}: ${lineOf(events, event, bodyOf(batch, row))}\n`;
        }
      }
      return out;
    },
  };
}

function stampText(absolute: string, unit: 'ns' | 'ticks'): string {
  if (unit === 'ticks') return absolute.padStart(12);
  const digits = absolute.padStart(10, '0');
  return `${digits.slice(0, -9).padStart(5)}.${digits.slice(-9)}`;
}

/** A head and its body as tracefs would print them. */
function lineOf(events: EventTable, event: number, body: string): string {
  const head: EventHead = events.head(event);
  switch (head.kind) {
    case 'probe':
      return head.symbol === '' ? `${head.name}: ${body}` : `${head.name}: (${head.symbol}+0x0/0x0) ${body}`;
    case 'retprobe':
      return `${head.name}: (${head.caller || '0x0'}+0x0/0x0 <- ${head.symbol}) ${body}`;
    case 'function':
      return `${head.name} <-${body}`;
    case 'syscall-enter':
      return `sys_${head.name}(${body}`;
    case 'syscall-exit':
      return `sys_${head.name} -> ${body}`;
    default:
      return `${head.name}: ${body}`;
  }
}

/** The five-column form of packed flags; empty when the recording had no such column. */
export function flagsText(flags: number): string {
  if ((flags & FLAG.known) === 0) return '';
  const irqs = flags & FLAG.irqsOff ? (flags & FLAG.bhOff ? 'D' : 'd') : flags & FLAG.bhOff ? 'b' : '.';
  const both = FLAG.needResched | FLAG.needReschedLazy;
  const need =
    (flags & both) === both ? 'L' : flags & FLAG.needResched ? 'N' : flags & FLAG.needReschedLazy ? 'l' : '.';
  const hard = flags & FLAG.hardirq;
  const nmi = flags & FLAG.nmi;
  const context = nmi
    ? hard
      ? 'Z'
      : 'z'
    : hard
      ? flags & FLAG.softirq
        ? 'H'
        : 'h'
      : flags & FLAG.softirq
        ? 's'
        : '.';
  const depth = (n: number): string => (n === 0 ? '.' : n.toString(16));
  return `${irqs}${need}${context}${depth(preemptDepth(flags))}${depth(migrateDepth(flags))}`;
}
