import { latin1 } from '../../timeline/batch.js';
import type { EventHead } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';

/**
 * `strace`, with or without `-f`, `-t`, `-tt`, `-ttt`, `-r` and `-T`:
 *
 *     [pid  4411] 10:02:11.204511 munmap(0x7f2a40000000, 1073741824) = 0 <0.041877>
 *     4412  1732789331.205002 munmap(0x7f2a80000000, 2097152 <unfinished ...>
 *     4412  1732789331.205800 <... munmap resumed>) = 0 <0.000790>
 *          0.000145 madvise(0x7f2ac0000000, 4194304, MADV_DONTNEED) = 0
 *
 * A call with its time (`-T`) becomes a `span` row: strace measured it, no clock is needed. A call without one is a
 * `syscall-enter` row at its begin, and a resumed one a `syscall-exit` row: what else ended when is not printed.
 * `-r` gives distances from the line before, which are added up; lines without any stamp count as ticks.
 * Source: strace src/strace.c printleader(), src/syscall.c syscall_exiting_trace().
 */
export const STRACE: DialectInfo = {
  id: 'strace',
  title: 'strace text',
  score,
  open: () => new StraceDialect(),
};

const PREFIX =
  /^(?:\[pid +(\d+)\] |(\d+) +(?=\d\d:|\d+\.\d|\w+\(|<\.\.\. |[-+]{3} ))?(?:(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? +|(\d{9,11})\.(\d{6,9}) +| *(\d{1,8})\.(\d{6,9}) +)?(?:\(\+ +(\d+)\.(\d{6,9})\) +)?(?:\[[ 0-9a-fx]+\] )*/;
const CALL = /^([a-z_]\w*)\(/;
const RESUMED = /^<\.\.\. (\w+) resumed> ?/;
const TOOK = / <(\d+)\.(\d{6,9})>$/;
const UNFINISHED = /<unfinished \.\.\.>$/;
const RESULT = /\)\s+= (?:-?\d|0x|\?)/;
const NOTICE = /^(?:strace: |\+\+\+ |--- |% time|\[ Process )/;
/** Of a line; strings that programs write can be long. */
const HEAD = 240;
const DAY = 86_400;

class StraceDialect implements LineDialect {
  readonly id = 'strace';
  readonly amongOthers = true;
  private lastSec = -1;
  private days = 0;
  private sumNs = 0;
  private ticks = 0;
  private said = '';

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, Math.min(end, start + HEAD));
    if (text.trim() === '') return LINE.blank;
    const prefix = PREFIX.exec(text)!;
    const rest = text.slice(prefix[0].length);
    if (NOTICE.test(rest)) return LINE.header;
    const call = CALL.exec(rest);
    const resumed = call === null ? RESUMED.exec(rest) : null;
    if (call === null && resumed === null) return LINE.foreign;
    const tail = latin1(buf, Math.max(start, end - 64), end);
    const unfinished = UNFINISHED.test(tail);
    if (call !== null && !unfinished && !RESULT.test(latin1(buf, start, end))) return LINE.foreign;
    this.stamp(prefix, host);
    const took = TOOK.exec(tail);
    const name = (call ?? resumed)![1]!;
    const kind = took !== null ? 'span' : resumed !== null ? 'syscall-exit' : 'syscall-enter';
    const body = start + prefix[0].length + (call ?? resumed)![0].length;
    const b = host.batch;
    const i = b.length;
    b.cpu[i] = -1;
    b.pid[i] = prefix[1] === undefined && prefix[2] === undefined ? -1 : Number(prefix[1] ?? prefix[2]);
    b.tgid[i] = -1;
    b.flags[i] = 0;
    b.comm[i] = host.names.internString('');
    b.event[i] = host.events.internHead(
      `strace ${kind} ${resumed ? 'end' : 'start'} ${name}`,
      head(kind, name, resumed !== null),
    );
    b.bodyStart[i] = Math.min(body, end);
    b.bodyEnd[i] = Math.max(Math.min(body, end), end - (took?.[0].length ?? (unfinished ? 17 : 0)));
    b.aux[i] = took === null ? 0 : Number(took[1]) * 1e9 + Number(took[2]!.padEnd(9, '0'));
    host.commit();
    if (kind === 'syscall-enter' && !unfinished) this.noDurations(host);
    return LINE.event;
  }

  private noDurations(host: LineHost): void {
    host.note(
      'strace-durations',
      'strace was run without -T: only calls that another thread cut in two show their end, which is no fair sample; run strace -f -tt -T',
    );
  }

  /** Fills the row's stamp. */
  private stamp(m: RegExpExecArray, host: LineHost): void {
    const { batch, time } = host;
    const i = batch.length;
    if (m[3] !== undefined) {
      const sec = Number(m[3]) * 3600 + Number(m[4]) * 60 + Number(m[5]);
      // Times of day: midnight lies between.
      if (this.lastSec - sec > DAY / 2) this.days++;
      this.lastSec = sec;
      if (m[6] === undefined)
        this.tell(host, 'strace -t', 'its stamps are whole seconds (-t): only what -T measured tells a time');
      batch.tsNs[i] = time.relative(this.days * DAY + sec, Number((m[6] ?? '').padEnd(9, '0')));
    } else if (m[7] !== undefined) {
      batch.tsNs[i] = time.relative(Number(m[7]), Number(m[8]!.padEnd(9, '0')));
    } else if (m[9] !== undefined) {
      this.sumNs += Number(m[9]) * 1e9 + Number(m[10]!.padEnd(9, '0'));
      this.tell(host, 'strace -r', 'its stamps are distances from the line before (-r): they are added up');
      batch.tsNs[i] = time.relative(Math.floor(this.sumNs / 1e9), this.sumNs % 1e9);
    } else {
      time.unit = 'ticks';
      this.tell(
        host,
        'strace',
        'its lines have no stamps (-tt): what -T measured is exact, the rest is order',
      );
      batch.tsNs[i] = time.relative(0, this.ticks++);
    }
  }

  private tell(host: LineHost, code: string, message: string): void {
    if (this.said === code) return;
    this.said = code;
    host.note(code.replace(' ', ''), message);
  }
}

function head(kind: 'span' | 'syscall-enter' | 'syscall-exit', name: string, atEnd: boolean): EventHead {
  const bare = { kind, name, symbol: '', caller: '' };
  return kind === 'span' ? { ...bare, stamp: atEnd ? 'end' : 'start' } : bare;
}

function score(sample: Uint8Array): number {
  const lines = sampleText(sample, 1 << 15).split('\n', 300);
  if (lines.length > 1) lines.pop();
  let hits = 0;
  let other = 0;
  for (const line of lines) {
    const rest = line.slice(PREFIX.exec(line)![0].length);
    const end = rest.trimEnd();
    if ((CALL.test(rest) || RESUMED.test(rest)) && (UNFINISHED.test(end) || RESULT.test(end))) hits++;
    else if (rest.trim() !== '' && !NOTICE.test(rest)) other++;
  }
  return hits === 0 ? 0 : (hits / (hits + other)) * 0.96;
}
