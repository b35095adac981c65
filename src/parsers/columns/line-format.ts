import { byName } from '../../result/by-name.js';
import { UsageError } from '../../result/usage-error.js';
import { latin1 } from '../../timeline/batch.js';
import { printfHead } from '../bpftrace/bpftrace-log.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { packFlags } from '../input/kernel-pieces.js';

/**
 * Lines of any log by a pattern with named groups (`--line-format`), for programs that print events their own way:
 *
 *     (?<ts>\d+) cpu(?<cpu>\d+) (?<comm>.{1,15})\/(?<tid>\d+): (?<event>\w+) ?(?<body>.*)
 *
 * Groups: `ts` (ns; or seconds where it has decimals) or `tsNs`, `tsUs`, `tsMs`, `tsS`; `event`; optionally `cpu`,
 * `pid`, `tid`, `comm`, `flags`, `body`. Any other group is an argument `name=value`. Lines that do not match are foreign.
 * A pattern is given by hand and run on lines of at most `MAX_LINE_BYTES`; longer ones are skipped.
 */
export const LINE_FORMAT_ID = 'line-format';

/** Backtracking grows with the length of the line. */
const MAX_LINE_BYTES = 2048;
const STAMPS: Readonly<Record<string, number>> = byName({ ts: 0, tsNs: 0, tsUs: 3, tsMs: 6, tsS: 9 });
const OTHERS = new Set(['cpu', 'pid', 'tid', 'comm', 'flags', 'event', 'body', 'rest', 'args']);

/** The dialect of a pattern. Throws UsageError for one that is no pattern and for groups that lack. */
export function lineFormat(pattern: string): DialectInfo {
  let regex: RegExp;
  try {
    regex = new RegExp(pattern, 'd');
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, '');
    throw new UsageError(`--line-format is no regular expression: ${why}`);
  }
  if (repeatsNested(pattern)) {
    throw new UsageError(
      '--line-format repeats a group that itself repeats, such as (a+)+: on some lines that would never end',
    );
  }
  const groups = [...new Set([...pattern.matchAll(/\(\?<([A-Za-z_$][\w$]*)>/g)].map((m) => m[1]!))];
  const stamps = groups.filter((g) => Object.hasOwn(STAMPS, g));
  if (stamps.length !== 1) {
    throw new UsageError(
      `--line-format needs one group for the time, (?<ts>…), or tsNs, tsUs, tsMs, tsS for its unit; it has ${stamps.length}`,
    );
  }
  if (!groups.includes('event'))
    throw new UsageError('--line-format needs a group for the event: (?<event>…)');
  return {
    id: LINE_FORMAT_ID,
    title: 'lines of the given --line-format',
    unordered: true,
    silentLoss: 'nothing is known of how this log was recorded: what is absent here proves nothing',
    score: () => 0,
    open: () => new LineFormatDialect(regex, groups, stamps[0]!),
  };
}

/**
 * A repeated group that itself repeats, `(a+)+` or `((a+)b)*`: on a line that does not match, trying all ways to share
 * it out takes time without end.
 */
function repeatsNested(pattern: string): boolean {
  let rest = pattern.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
  for (;;) {
    const group = /\(([^()]*)\)([*+]|\{\d+,)?/.exec(rest);
    if (group === null) return false;
    const repeats = /[*+]|\{\d+,/.test(group[1]!);
    if (repeats && group[2] !== undefined) return true;
    rest = rest.replace(group[0], () => `${repeats ? 'x+' : 'x'}${group[2] ?? ''}`);
  }
}

class LineFormatDialect implements LineDialect {
  readonly id = LINE_FORMAT_ID;
  readonly amongOthers = true;
  private readonly regex: RegExp;
  private readonly stampGroup: string;
  private readonly bodyGroup: string | undefined;
  private readonly free: readonly string[];

  constructor(regex: RegExp, groups: readonly string[], stampGroup: string) {
    this.regex = regex;
    this.stampGroup = stampGroup;
    this.bodyGroup = ['body', 'rest', 'args'].find((g) => groups.includes(g));
    this.free = groups.filter((g) => g !== stampGroup && !OTHERS.has(g));
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (end === start) return LINE.blank;
    if (end - start > MAX_LINE_BYTES)
      return host.skip(`line format: a line of more than ${MAX_LINE_BYTES} bytes`);
    const text = latin1(buf, start, end);
    if (text.trim() === '') return LINE.blank;
    const m = this.regex.exec(text);
    if (m === null) return LINE.foreign;
    const at = m.indices!.groups!;
    const groups = m.groups!;
    const stamp = this.stamp(groups[this.stampGroup] ?? '', host);
    if (stamp === null) return host.skip(`line format: the group ${this.stampGroup} holds no time`);
    const cpu = number(groups.cpu);
    const tid = number(groups.tid);
    const pid = number(groups.pid);
    if (cpu < -1) return host.skip('line format: the group cpu holds no number');
    if (tid < -1) return host.skip('line format: the group tid holds no number');
    if (pid < -1) return host.skip('line format: the group pid holds no number');
    const event = at.event;
    if (event === undefined || event[0] === event[1])
      return host.skip('line format: a line without an event');
    const b = host.batch;
    const i = b.length;
    b.tsNs[i] = stamp;
    b.cpu[i] = cpu;
    b.pid[i] = tid >= 0 ? tid : pid;
    b.tgid[i] = tid >= 0 ? pid : -1;
    b.flags[i] = flagsOf(groups.flags, buf, start, at.flags);
    b.comm[i] = at.comm
      ? host.names.intern(buf, start + at.comm[0], start + at.comm[1])
      : host.names.internString('');
    b.event[i] = this.head(buf, start + event[0], start + event[1], host);
    b.aux[i] = 0;
    if (!this.body(groups, at, buf, start, end, host)) {
      return host.skip('line format: arguments longer than the line; name one group body instead');
    }
    host.commit();
    return LINE.event;
  }

  private stamp(text: string, host: LineHost): number | null {
    const m = /^(\d{1,20})(?:\.(\d{1,9})\d*)?$/.exec(text.trim());
    if (m === null) return null;
    const decimals = m[2] ?? '';
    const digits = this.stampGroup === 'ts' && decimals !== '' ? 9 : STAMPS[this.stampGroup]!;
    const ns = (m[1]! + decimals.slice(0, digits).padEnd(digits, '0')).padStart(10, '0');
    if (digits - decimals.length < 3) host.time.resolutionNs = 1;
    return host.time.relative(Number(ns.slice(0, -9)), Number(ns.slice(-9)));
  }

  private head(buf: Uint8Array, from: number, to: number, host: LineHost): number {
    let h = 0x811c9dc5 | 0;
    for (let k = from; k < to; k++) h = Math.imul(h ^ buf[k]!, 0x01000193);
    return host.events.intern(buf, from, to, h, printfHead);
  }

  /** One group is the body where it stands; further ones are put together over the line, which has been read. */
  private body(
    groups: Record<string, string | undefined>,
    at: Record<string, [number, number] | undefined>,
    buf: Uint8Array,
    start: number,
    end: number,
    host: LineHost,
  ): boolean {
    const b = host.batch;
    const i = b.length;
    const own = this.bodyGroup === undefined ? undefined : at[this.bodyGroup];
    b.bodyStart[i] = start + (own?.[0] ?? 0);
    b.bodyEnd[i] = start + (own?.[1] ?? 0);
    const more = this.free.filter((g) => groups[g] !== undefined);
    if (more.length === 0) return true;
    const first = own === undefined ? '' : latin1(buf, start + own[0], start + own[1]);
    const text = [...(first === '' ? [] : [first]), ...more.map((g) => `${g}=${groups[g]}`)].join(' ');
    if (text.length > end - start) return false;
    for (let k = 0; k < text.length; k++) buf[start + k] = text.charCodeAt(k);
    b.bodyStart[i] = start;
    b.bodyEnd[i] = start + text.length;
    return true;
  }
}

/** -1 not there, -2 no number. */
function number(text: string | undefined): number {
  if (text === undefined) return -1;
  return /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : -2;
}

function flagsOf(
  text: string | undefined,
  buf: Uint8Array,
  start: number,
  at: [number, number] | undefined,
): number {
  if (text === undefined || at === undefined || !/^\S{3,8}$/.test(text)) return 0;
  return packFlags(buf, start + at[0], start + at[1]);
}
