import { TRACEPOINTS } from '../../kernel/tracepoints.js';
import { latin1 } from '../../timeline/batch.js';
import { type EventHead, RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';

/**
 * LTTng recordings as babeltrace 1 and 2 print them:
 *
 *     [15:27:28.123856789] (+0.000400000) box syscall_exit_munmap: { cpu_id = 2 }, { ret = 0 }
 *     [1732789331.125856789] (+0.002000000) box kmem_mm_page_free: { cpu_id = 2 }, { tid = 9 }, { pfn = 1048576, order = 0 }
 *
 * and with `--names all`, where `timestamp = `, `name = ` and the like stand before each part.
 *
 * The last braces hold the event's fields, those before its contexts (`lttng add-context -t tid -t procname`). Names
 * lose the prefix LTTng puts before the kernel's (`kmem_mm_page_free`). Fields become `name=value`, arguments of
 * system calls hex, as ftrace prints them. Source: babeltrace2 plugins/text/pretty/print.c print_event_header().
 */
export const BABELTRACE: DialectInfo = {
  id: 'babeltrace',
  title: 'babeltrace text of an LTTng recording',
  score,
  open: () => new BabeltraceDialect(),
};

const EVENT =
  /^\[(?:(\d{4})-(\d\d)-(\d\d) )?(?:(\d\d):(\d\d):(\d\d)|(\d+))\.(\d{9})\] \(\+[?\d]+\.[?\d]+\) (?:(.*?) )?([\w:]+): \{/;
/** `--names all`. */
const NAMED =
  /^timestamp = \[?(?:(\d{4})-(\d\d)-(\d\d) )?(?:(\d\d):(\d\d):(\d\d)|(\d+))\.(\d{9})\]?, delta = \+[?\d]+\.[?\d]+, (?:trace:hostname = ([^,]*), )?(?:trace[\w:]* = [^,]*, )*name = ([\w:]+), (?:[\w.]+ = )?\{/;
const eventIn = (text: string): RegExpExecArray | null => EVENT.exec(text) ?? NAMED.exec(text);
const LOST = /\b(\d+) events? (?:discarded|lost)|discarded (\d+) events?|lost (\d+) (?:packets|events)/i;
const DAY = 86_400;

class BabeltraceDialect implements LineDialect {
  readonly id = 'babeltrace';
  private lastSec = -1;
  private days = 0;
  private host = '';

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, end);
    if (text.trim() === '') return LINE.blank;
    const m = eventIn(text);
    if (m === null) return this.other(text, host);
    this.machine(m[9] ?? '', host);
    const parts = groups(text.slice(m[0].length - 1));
    const context = new Map(parts.slice(0, -1).flatMap(pairs));
    const fields = parts.length > 1 ? pairs(parts.at(-1)!) : [];
    const cpu =
      context.get('cpu_id') ?? (parts.length === 1 ? new Map(pairs(parts[0]!)).get('cpu_id') : undefined);
    const head = headOf(m[10]!);
    const b = host.batch;
    const i = b.length;
    host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(this.seconds(m), Number(m[8]));
    b.cpu[i] = integer(cpu);
    b.pid[i] = integer(context.get('tid') ?? context.get('vtid'));
    b.tgid[i] = integer(context.get('pid') ?? context.get('vpid'));
    b.flags[i] = 0;
    const comm = (context.get('procname') ?? '').replace(/^"(.*)"$/, '$1');
    b.comm[i] = host.names.internString(comm);
    b.event[i] = host.events.internHead(`lttng ${m[10]}`, head);
    b.aux[i] = 0;
    const body = fields
      .map(([name, value]) => field(head.kind, name, value))
      .join(head.kind === 'syscall-enter' ? ', ' : ' ');
    const bytes = Buffer.from(body, 'latin1');
    if (bytes.length > end - start) return host.skip('babeltrace: fields longer than their line');
    buf.set(bytes, start);
    b.bodyStart[i] = start;
    b.bodyEnd[i] = start + bytes.length;
    host.commit();
    return LINE.event;
  }

  /** Recordings of several machines in one text: each is a capture of its own. */
  private machine(name: string, host: LineHost): void {
    if (name === this.host) return;
    if (this.host !== '') {
      host.fact(RESERVED.segment, -1, 0);
      host.note(
        'machines',
        'recordings of several machines stand in it: nothing is carried from one to the other',
      );
    }
    this.host = name;
  }

  private seconds(m: RegExpExecArray): number {
    if (m[7] !== undefined) return Number(m[7]);
    const sec = Number(m[4]) * 3600 + Number(m[5]) * 60 + Number(m[6]);
    if (m[1] !== undefined) return Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3])) / 1000 + sec;
    if (this.lastSec - sec > DAY / 2) this.days++;
    this.lastSec = sec;
    return this.days * DAY + sec;
  }

  private other(text: string, host: LineHost): LineKind {
    const lost = /warning|lost|discarded/i.test(text) ? LOST.exec(text) : null;
    if (lost === null) return LINE.foreign;
    host.fact(RESERVED.lost, -1, Number(lost[1] ?? lost[2] ?? -1));
    return LINE.lost;
  }
}

/** `{ a = 1 }, { b = 2 }` → the insides; braces of structures and strings nest. */
function groups(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' && depth++ === 0) from = i + 1;
    else if (c === '}' && --depth === 0) out.push(text.slice(from, i));
  }
  return out;
}

/** `name = value` at the top level. */
function pairs(text: string): [string, string][] {
  const out: [string, string][] = [];
  for (const m of text.matchAll(
    /([\w[\]]+) = ("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|\( [^)]*\)|[^,]*)(?:, |\s*$)/g,
  ))
    out.push([m[1]!, m[2]!.trim()]);
  return out;
}

function field(kind: EventHead['kind'], name: string, value: string): string {
  if (kind === 'syscall-exit' && name === 'ret') {
    return /^-?\d{1,18}$/.test(value) ? `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}` : value;
  }
  if (kind !== 'syscall-enter') return `${name}=${/^0x[\dA-F]+$/i.test(value) ? value.toLowerCase() : value}`;
  const number = /^\d{2,19}$/.test(value) ? `0x${BigInt(value).toString(16)}` : value.toLowerCase();
  return `${name}: ${number}`;
}

function headOf(name: string): EventHead {
  const call = /^(?:compat_)?syscall_(entry|exit)_(\w+)$/.exec(name);
  if (call !== null) {
    return {
      kind: call[1] === 'entry' ? 'syscall-enter' : 'syscall-exit',
      name: call[2]!,
      symbol: '',
      caller: '',
    };
  }
  const bare = name.replace(/^(?:kmem|timer|irq|rcu|mm|tlb|lttng)_(?=[a-z])/, '');
  const known = Object.hasOwn(TRACEPOINTS, name) ? name : Object.hasOwn(TRACEPOINTS, bare) ? bare : name;
  return { kind: 'tracepoint', name: known, symbol: '', caller: '' };
}

const integer = (text: string | undefined): number =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : -1;

function score(sample: Uint8Array): number {
  const lines = sampleText(sample, 1 << 15).split('\n', 300);
  if (lines.length > 1) lines.pop();
  const hits = lines.filter((l) => eventIn(l) !== null).length;
  const written = lines.filter((l) => l.trim() !== '').length;
  return hits === 0 ? 0 : (hits / written) * 0.98;
}
