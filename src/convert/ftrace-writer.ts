import type { HeaderFacts } from '../parsers/input/dialect.js';
import { FACT_PREFIX } from '../parsers/input/recording-facts.js';
import { SILENT_LOSS } from '../parsers/tracefs/ftrace-header.js';
import { latin1, type RecordBatch } from '../timeline/batch.js';
import { type EventHead, LAST_RESERVED, OVERWRITTEN, RESERVED } from '../timeline/events.js';
import type { ByteText } from './byte-text.js';
import { cached, type FormWriter, flagsText, stampOf, type Written } from './form-writer.js';
import { ReadBack } from './read-back.js';

/** Numbers no machine has, which every reader of ours takes for unknown (`MAX_CPUS`, `MAX_PID`). */
const UNKNOWN_CPU = 99999;
const UNKNOWN_PID = 99999999;
/** An address that names nothing, where a probe's place must stand. */
const NOWHERE = '0x0000000000000000';
const COMM_WIDTH = 16;
const LF = 10;
const HEADER = [
  '# tracer: nop',
  '#',
  '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
  '#              | |         |   |||||     |         |',
];

/**
 * tracefs text, stamps with six decimals or, if the recording has ns, nine. What it cannot say is counted in
 * `unsaid`: every line is read again by the reader of this format and compared.
 */
export const ftraceWriter = (written: Written, out: ByteText): FormWriter => new FtraceWriter(written, out);

class FtraceWriter implements FormWriter {
  readonly unsaid = new Map<string, number>();
  private readonly written: Written;
  private readonly out: ByteText;
  private readonly readBack: ReadBack;
  private readonly flags = cached((packed) => {
    const text = flagsText(packed);
    return text === '' ? '' : `${text} `;
  });
  private readonly head: (id: number) => string;
  private entries = 0;
  private header = true;

  constructor(written: Written, out: ByteText) {
    this.written = written;
    this.out = out;
    this.readBack = new ReadBack(written);
    this.head = cached((id) => headText(written.events.head(id)));
  }

  /** The header of a capture. */
  begin(): void {
    const { out, readBack } = this;
    this.entries = 0;
    this.header = false;
    for (const line of HEADER) {
      const start = out.length;
      out.text(line);
      readBack.header(out.bytes, start, out.length);
      out.text('\n');
    }
  }

  recorded(facts: readonly string[]): void {
    for (const text of facts) this.out.text(`${FACT_PREFIX}${text}\n`);
  }

  rows(batch: RecordBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const event = batch.event[i]!;
      if (event <= LAST_RESERVED) this.fact(event, batch.cpu[i]!, batch.aux[i]!);
      else this.row(batch, i, event);
    }
  }

  end(facts: HeaderFacts): void {
    if (this.header || facts.cpus < 0) return;
    // Known only now; the reader takes this line anywhere.
    const overwritten = Math.max(0, facts.entriesWritten - facts.entriesInBuffer);
    this.out.text(
      `# entries-in-buffer/entries-written: ${this.entries}/${this.entries + overwritten}   #P:${facts.cpus}\n`,
    );
  }

  private fact(event: number, cpu: number, count: number): void {
    const { out } = this;
    const on = cpu >= 0 ? cpu : UNKNOWN_CPU;
    if (event === RESERVED.lost) out.text(`CPU:${on} [LOST ${count < 0 ? '' : `${count} `}EVENTS]\n`);
    else if (event === RESERVED.bufferStart) {
      out.text(
        count === OVERWRITTEN ? `##### CPU ${on} buffer started ####\n` : `CPU:${on} [SUBBUFFER START]\n`,
      );
    } else if (event === RESERVED.segment) this.begin();
    else out.text(`${SILENT_LOSS}\n`);
  }

  private row(batch: RecordBatch, i: number, event: number): void {
    const { out } = this;
    const { names, events, time } = this.written;
    const start = out.length;
    const comm = names.bytesOf(batch.comm[i]!);
    out.blanks(COMM_WIDTH - comm.length);
    out.raw(comm);
    const cpu = batch.cpu[i]!;
    const pid = batch.pid[i]!;
    const tgid = batch.tgid[i]!;
    const body = batch.bodyStart[i]!;
    const bodyEnd = batch.bodyEnd[i]!;
    out.text(
      `-${String(pid >= 0 ? pid : UNKNOWN_PID).padEnd(7)} ${tgid >= 0 ? `(${String(tgid).padStart(7)}) ` : ''}` +
        `[${String(cpu >= 0 ? cpu : UNKNOWN_CPU).padStart(3, '0')}] ${this.flags(batch.flags[i]!)}` +
        `${stampText(stampOf(time, batch.tsNs[i]!), time)}: `,
    );
    const { kind, name } = events.head(event);
    // Option func-args: what stands in the parentheses is part of the body.
    if (kind === 'function' && latin1(batch.bytes, body, bodyEnd).includes(') <-')) out.text(`${name}(`);
    else out.text(this.head(event));
    oneLine(out, batch.bytes, body, bodyEnd);
    const differs = this.readBack.differs(out.bytes, start, out.length, batch, i);
    if (differs !== null) this.unsaid.set(differs, (this.unsaid.get(differs) ?? 0) + 1);
    out.text('\n');
    this.entries++;
  }
}

function stampText(absolute: string, time: Written['time']): string {
  if (time.unit === 'ticks') return absolute.padStart(12);
  const negative = absolute.startsWith('-');
  const digits = (negative ? absolute.slice(1) : absolute).padStart(10, '0');
  const micro = time.resolutionNs >= 1000 && digits.endsWith('000');
  const stamp = `${digits.slice(0, -9)}.${micro ? digits.slice(-9, -3) : digits.slice(-9)}`;
  return (negative ? `-${stamp}` : stamp).padStart(micro ? 12 : 15);
}

/** What stands in front of the body, as tracefs prints it. */
function headText({ kind, name, symbol, caller, stamp }: EventHead): string {
  const place = (s: string): string => (s === '' ? NOWHERE : `${s}+0x0/0x0`);
  const of = (s: string): string => (s === '' ? NOWHERE : s);
  switch (kind) {
    case 'probe':
      return `${name}: (${place(symbol)}) `;
    case 'retprobe':
      return `${name}: (${place(caller)} <- ${of(symbol)}) `;
    case 'function':
      return `${name} <-`;
    case 'syscall-enter':
      return `sys_${name}(`;
    case 'syscall-exit':
      return `sys_${name} -> `;
    case 'span':
      return stamp === 'end' ? `${name}__return: (${NOWHERE} <- ${of(symbol)}) ` : `${name} <-`;
    default:
      return `${name}: `;
  }
}

/** A body of several lines goes on one: the rest of a line break would be another line. */
function oneLine(out: ByteText, bytes: Uint8Array, start: number, end: number): void {
  let from = start;
  for (let i = start; i < end; i++) {
    if (bytes[i] !== LF) continue;
    out.raw(bytes, from, i);
    out.blanks(1);
    from = i + 1;
  }
  out.raw(bytes, from, end);
}
