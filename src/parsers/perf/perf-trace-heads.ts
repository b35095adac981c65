import { latin1 } from '../../timeline/batch.js';
import type { EventHead } from '../../timeline/events.js';
import { Interner } from '../../timeline/interner.js';
import type { LineHost } from '../input/dialect.js';

/** The heads an event name of `perf trace` may stand for; -1: not asked for yet. */
interface Named {
  readonly text: string;
  readonly grouped: boolean;
  enter: number;
  exit: number;
  event: number;
}

/** Names remembered by their bytes. */
const MAX_NAMES = 1 << 14;

/** Heads of the calls and events by the bytes of their names: strings are made once per name. */
export class PerfTraceHeads {
  /** Of the name asked for last: it has a group, as in `sched:sched_switch`. */
  grouped = false;
  private readonly names = new Interner();
  private readonly known: Named[] = [];

  /** A handle of the name `buf[from, to)`, for the calls below, before the next one is asked for. */
  of(buf: Uint8Array, from: number, to: number): number {
    const id = this.names.size < MAX_NAMES ? this.names.intern(buf, from, to) : MAX_NAMES;
    if (id === MAX_NAMES || this.known[id] === undefined) {
      const text = latin1(buf, from, to);
      this.known[id] = { text, grouped: text.includes(':'), enter: -1, exit: -1, event: -1 };
    }
    this.grouped = this.known[id]!.grouped;
    return id;
  }

  enter(id: number, host: LineHost): number {
    const named = this.known[id]!;
    if (named.enter < 0)
      named.enter = host.events.internHead(`sys_${named.text}(`, call(named.text, 'enter'));
    return named.enter;
  }

  exit(id: number, host: LineHost): number {
    const named = this.known[id]!;
    if (named.exit < 0) named.exit = host.events.internHead(`sys_${named.text} ->`, call(named.text, 'exit'));
    return named.exit;
  }

  event(id: number, host: LineHost): number {
    const named = this.known[id]!;
    if (named.event < 0) {
      const short = named.text.slice(named.text.lastIndexOf(':') + 1);
      const sys = /^sys_(enter|exit)_(\w+)$/.exec(short);
      const head = sys ? call(sys[2]!, sys[1] as 'enter' | 'exit') : tracepoint(short);
      named.event = host.events.internHead(short, head);
    }
    return named.event;
  }
}

const call = (name: string, edge: 'enter' | 'exit'): EventHead => ({
  kind: `syscall-${edge}`,
  name,
  symbol: '',
  caller: '',
});
const tracepoint = (name: string): EventHead => ({ kind: 'tracepoint', name, symbol: '', caller: '' });
