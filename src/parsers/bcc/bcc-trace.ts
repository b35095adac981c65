import { latin1 } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';

/**
 * What bcc's `trace` prints, with any of -t, -T, -u (TIME) and -c (CPU):
 *
 *     TIME     PID     TID     COMM            FUNC             -
 *     10:02:11 901     901     munmap-test     __x64_sys_munmap addr=7f15f6646000
 *     0.001204 901     901     munmap-test     tlb_finish_mmu
 *
 * An entry (`p::f`) and a return (`r::f`) print the same name, so no row is taken for either: each is an event of that
 * name and no operation of the kernel. A time of day has whole seconds: the rows then have an order and no distances.
 * Source: bcc tools/trace.py, Probe.print_event() and Tool.run().
 */
export const BCC_TRACE: DialectInfo = {
  id: 'bcc-trace',
  title: "rows of bcc's trace",
  silentLoss: 'bcc tells of lost events on standard error: what is absent here proves nothing',
  score,
  open: () => new BccTraceDialect(),
};

const HEADING = /^(TIME +)?(CPU +)?PID +TID +COMM +FUNC(?: +-)? *$/;
const LOST = /^Possibly lost (\d+) samples/;
/** Width of the task name, which may hold blanks. */
const COMM = 15;

interface Columns {
  readonly cpu: boolean;
  /** What stands before the task name: stamp, CPU, process, thread. */
  readonly lead: RegExp;
}

interface Row {
  readonly time: string;
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly func: string;
  /** Where the message begins in the line. */
  readonly message: number;
}

function headingOf(text: string): Columns | null {
  const m = HEADING.exec(text);
  if (m === null) return null;
  const time = m[1] === undefined ? '()' : '(\\d{1,2}:\\d\\d:\\d\\d|\\d+\\.\\d*) +';
  const cpu = m[2] !== undefined;
  return { cpu, lead: new RegExp(`^${time}${cpu ? '(\\d+) +' : '()'}(\\d+) +(\\d+) +`) };
}

function rowOf(text: string, columns: Columns): Row | null {
  const lead = columns.lead.exec(text);
  if (lead === null) return null;
  const rest = text.slice(lead[0].length);
  const wide = rest[COMM] === ' ' ? COMM : rest.indexOf(' ');
  const func = /^ +(\S+) ?/.exec(rest.slice(Math.max(0, wide)));
  if (wide <= 0 || func === null) return null;
  return {
    time: lead[1]!,
    cpu: columns.cpu ? Number(lead[2]) : -1,
    pid: Number(lead[3]),
    tid: Number(lead[4]),
    comm: rest.slice(0, wide).trimEnd(),
    func: func[1]!,
    message: lead[0].length + wide + func[0].length,
  };
}

class BccTraceDialect implements LineDialect {
  readonly id = 'bcc-trace';
  private columns: Columns | null = null;
  private rows = 0;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, end);
    if (text.trim() === '') return LINE.blank;
    const columns = headingOf(text);
    if (columns !== null) {
      this.columns = columns;
      return LINE.header;
    }
    if (this.columns === null) return LINE.foreign;
    const lost = LOST.exec(text);
    if (lost !== null) {
      host.fact(RESERVED.lost, -1, Number(lost[1]));
      return LINE.lost;
    }
    // Options -K and -U: one frame a line.
    if (/^\s+\S/.test(text) && this.rows > 0) return LINE.stack;
    const row = rowOf(text, this.columns);
    if (row === null) return LINE.foreign;
    this.rows++;
    const b = host.batch;
    const i = b.length;
    b.tsNs[i] = this.stamp(row.time, host);
    b.cpu[i] = row.cpu;
    b.pid[i] = row.tid;
    b.tgid[i] = row.pid;
    b.flags[i] = 0;
    b.comm[i] = host.names.internString(row.comm);
    const name = row.func;
    b.event[i] = host.events.internHead(`bcc ${name}`, { kind: 'tracepoint', name, symbol: '', caller: '' });
    b.bodyStart[i] = Math.min(end, start + row.message);
    b.bodyEnd[i] = end;
    b.aux[i] = 0;
    host.note(
      'entry-or-return',
      'an entry and a return print the same name here: --from A --to B says which is which',
    );
    if (host.time.unit === 'ticks')
      host.note(
        'no-clock',
        'its rows have no clock but a time of day, or none: they are in order, and no more',
      );
    host.commit();
    return LINE.event;
  }

  private stamp(text: string, { time }: LineHost): number {
    const m = /^(\d+)\.(\d*)$/.exec(text);
    if (m !== null) {
      // Cut to 8 characters: the later, the coarser.
      const digits = m[2]!.slice(0, 9);
      if (time.resolutionNs < 1e9) time.resolutionNs = Math.max(time.resolutionNs, 10 ** (9 - digits.length));
      return time.relative(Number(m[1]), Number(digits.padEnd(9, '0')));
    }
    time.unit = 'ticks';
    return time.relative(0, this.rows);
  }
}

/** The heading, and rows under it. */
function score(sample: Uint8Array): number {
  let columns: Columns | null = null;
  let hits = 0;
  let other = 0;
  for (const line of sampleText(sample, 1 << 14).split(/\r?\n/, 300)) {
    const found = headingOf(line);
    if (found !== null) columns = found;
    else if (columns !== null && rowOf(line, columns) !== null) hits++;
    else if (line !== '' && !/^\s/.test(line)) other++;
  }
  return hits === 0 ? 0 : (hits / (hits + other)) * 0.96;
}
