import { type EventHead, IN_HANDLERS, OVERWRITTEN, RESERVED } from '../../timeline/events.js';
import { printfHead } from '../bpftrace/bpftrace-log.js';
import { LINE, type LineHost, type LineKind } from '../input/dialect.js';
import { packFlags } from '../input/kernel-pieces.js';

/** An event as the canonical forms (JSON lines, CSV) say it; -1, empty, NaN: not said. */
export interface CanonicalEvent {
  /** Whole ns or ticks, signed. */
  stamp: string;
  ticks: boolean;
  cpu: number;
  pid: number;
  tgid: number;
  comm: Uint8Array | string;
  flags: string | number;
  kind: string;
  event: string;
  symbol: string;
  caller: string;
  end: string;
  aux: number;
}

/** What names an event. */
export type HeadParts = Pick<CanonicalEvent, 'kind' | 'event' | 'symbol' | 'caller' | 'end'>;

/** A fact about the recording, as the canonical forms say it. */
export interface CanonicalMark {
  readonly mark: string;
  readonly cpu?: number | undefined;
  readonly count?: number | undefined;
  readonly unit?: string | undefined;
  readonly resolutionNs?: number | undefined;
  readonly text?: string | undefined;
  readonly tracer?: string | undefined;
  readonly clock?: string | undefined;
  readonly cpus?: number | undefined;
  readonly entriesInBuffer?: number | undefined;
  readonly entriesWritten?: number | undefined;
}

/** Kinds of event that the canonical forms name; empty: told from the name. */
export const EVENT_KINDS: ReadonlySet<string> = new Set([
  'tracepoint',
  'probe',
  'retprobe',
  'function',
  'syscall-enter',
  'syscall-exit',
  'print',
  'span',
  '',
]);

const MAX_CACHED = 1 << 16;
const GIGA = 1_000_000_000n;

/** Fills rows from canonical events. One per input: it remembers names, heads and what was said of the clock. */
export class CanonicalRows {
  private readonly comms = new Map<string, number>();
  private readonly heads = new Map<string, number>();
  private clockSaid = false;

  /** The body must lie in the line's buffer, at `[bodyStart, bodyEnd)`. */
  commit(e: CanonicalEvent, bodyStart: number, bodyEnd: number, host: LineHost): LineKind {
    const { batch, time } = host;
    const i = batch.length;
    if (e.ticks) time.unit = 'ticks';
    batch.tsNs[i] = this.stamp(e.stamp, host);
    batch.cpu[i] = e.cpu;
    batch.pid[i] = e.pid;
    batch.tgid[i] = e.tgid;
    batch.flags[i] = typeof e.flags === 'number' ? e.flags : flagsOf(e.flags);
    batch.comm[i] = this.comm(e.comm, host);
    batch.event[i] = this.head(e, host);
    batch.aux[i] = e.kind === 'span' ? e.aux : 0;
    batch.bodyStart[i] = bodyStart;
    batch.bodyEnd[i] = bodyEnd;
    host.commit();
    return LINE.event;
  }

  /** As `commit`, where all columns but that of the stamp are filled already. */
  commitAt(sec: number, ns: number, host: LineHost): LineKind {
    host.batch.tsNs[host.batch.length] = this.relative(sec, ns, host);
    host.commit();
    return LINE.event;
  }

  mark(m: CanonicalMark, host: LineHost): LineKind {
    const { header, time } = host;
    switch (m.mark) {
      case 'lost':
        host.fact(RESERVED.lost, m.cpu ?? -1, m.count ?? -1);
        return LINE.lost;
      case 'segment':
        host.fact(RESERVED.segment, -1, 0);
        break;
      case 'buffer-start':
        host.fact(RESERVED.bufferStart, m.cpu ?? -1, m.count === OVERWRITTEN ? OVERWRITTEN : 0);
        break;
      case 'silent-loss':
        host.fact(RESERVED.silentLoss, -1, m.count === IN_HANDLERS ? IN_HANDLERS : 0);
        host.note(
          'silent-loss',
          'its recorder tells of losses elsewhere: what is absent here proves nothing',
        );
        break;
      case 'recorded':
        host.recorded?.(m.text ?? '');
        break;
      case 'clock':
        this.clockSaid = true;
        if (m.unit === 'ticks') time.unit = 'ticks';
        time.resolutionNs = m.resolutionNs ?? time.resolutionNs;
        break;
      default:
        header.tracer = m.tracer ?? header.tracer;
        header.clock = m.clock ?? header.clock;
        header.cpus = m.cpus ?? header.cpus;
        header.entriesInBuffer = m.entriesInBuffer ?? header.entriesInBuffer;
        header.entriesWritten = m.entriesWritten ?? header.entriesWritten;
    }
    return LINE.header;
  }

  private stamp(text: string, host: LineHost): number {
    let sec: number;
    let ns: number;
    if (text.length <= 15) {
      const n = Number(text);
      sec = Math.floor(n / 1e9);
      ns = n - sec * 1e9;
    } else {
      const n = BigInt(text);
      const rest = ((n % GIGA) + GIGA) % GIGA;
      sec = Number((n - rest) / GIGA);
      ns = Number(rest);
    }
    return this.relative(sec, ns, host);
  }

  private relative(sec: number, ns: number, host: LineHost): number {
    if (!this.clockSaid && ns % 1000 !== 0) host.time.resolutionNs = 1;
    return host.time.relative(sec, ns);
  }

  private comm(comm: Uint8Array | string, host: LineHost): number {
    if (typeof comm !== 'string') return host.names.intern(comm, 0, comm.length);
    let id = this.comms.get(comm);
    if (id === undefined) {
      id = host.names.internString(comm);
      if (this.comms.size < MAX_CACHED) this.comms.set(comm, id);
    }
    return id;
  }

  /** Id of the head by the parts of `e` that name it. */
  head(e: HeadParts, host: LineHost): number {
    // No line of another dialect begins with this byte: heads of the same text cannot collide.
    const key = `\u0001${e.kind}\u0001${e.event}\u0001${e.symbol}\u0001${e.caller}\u0001${e.kind === 'span' ? e.end : ''}`;
    let id = this.heads.get(key);
    if (id === undefined) {
      id = host.events.internHead(key, headOf(e));
      if (this.heads.size < MAX_CACHED) this.heads.set(key, id);
    }
    return id;
  }
}

function headOf({ kind, event, symbol, caller, end }: HeadParts): EventHead {
  if (kind === '') {
    const told = printfHead(event);
    return { ...told, symbol: symbol || told.symbol, caller };
  }
  const head = { kind: kind as EventHead['kind'], name: event, symbol, caller };
  return kind === 'span' && end !== '' ? { ...head, stamp: end as 'start' | 'end' } : head;
}

/** Writes a body over the line it came from, which has been read; -1 if it has no room there. */
export function putBody(buf: Uint8Array, start: number, end: number, text: string, hex: string): number {
  if (hex !== '') {
    const bytes = Buffer.from(hex, 'hex');
    buf.set(bytes, start);
    return start + bytes.length;
  }
  if (text.length > end - start || Buffer.byteLength(text) > end - start) return -1;
  return start + new TextEncoder().encodeInto(text, buf.subarray(start, end)).written;
}

function flagsOf(text: string): number {
  if (text === '') return 0;
  const bytes = Buffer.from(text, 'latin1');
  return packFlags(bytes, 0, bytes.length);
}

const FLAG_LETTER = new Uint8Array(256);
for (const c of '.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  FLAG_LETTER[c.charCodeAt(0)] = 1;

/** What the schema takes for the irq and preempt columns. */
export function isFlags(buf: Uint8Array, from: number, end: number): boolean {
  if (end - from < 3 || end - from > 8) return false;
  for (let p = from; p < end; p++) if (FLAG_LETTER[buf[p]!] === 0) return false;
  return true;
}
