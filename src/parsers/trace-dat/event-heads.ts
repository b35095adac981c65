import { cleanSymbol, type EventHead, type EventTable } from '../../timeline/events.js';
import { FLAG } from '../../timeline/flags.js';
import type { EventFormat } from './event-format.js';
import type { Record } from './record.js';

/** What sort of rows an event gives. */
export const KIND = { plain: 0, learn: 1, func: 2, probe: 3, graphEntry: 4, graphExit: 5 } as const;

export function kindOf(f: EventFormat): number {
  if (f.system === 'ftrace') {
    if (f.name === 'function' && f.byName.has('ip')) return KIND.func;
    if (f.name === 'funcgraph_entry') return KIND.graphEntry;
    if (f.name === 'funcgraph_exit') return KIND.graphExit;
  }
  if (f.byName.has('__probe_ip') || f.byName.has('__probe_func')) return KIND.probe;
  return f.system === 'sched' && /^sched_(?:switch|wakeup|wakeup_new)$/.test(f.name)
    ? KIND.learn
    : KIND.plain;
}

/** Head of an event that is a tracepoint. */
export const tracepoint = (name: string): EventHead => ({ kind: 'tracepoint', name, symbol: '', caller: '' });

/** As the text of trace-cmd report gives it (trace-cmd-report.ts). */
export function headOf(name: string): EventHead {
  const sys = /^sys_(enter|exit)_(\w+)$/.exec(name);
  if (sys !== null) {
    return { kind: `syscall-${sys[1] as 'enter' | 'exit'}`, name: sys[2]!, symbol: '', caller: '' };
  }
  return /^(?:b?print|bputs|raw_data)$/.test(name)
    ? { ...tracepoint(name), kind: 'print' }
    : tracepoint(name);
}

/** Id of the head of a function-tracer line; `printed`: the function as its symbol table names it. */
export function functionHead(events: EventTable, printed: string): number {
  const symbol = cleanSymbol(printed);
  return events.internHead(`${printed} <-`, { kind: 'function', name: symbol, symbol, caller: '' });
}

/** include/linux/trace_events.h `enum trace_flag_type`, and the two depths of `preempt_count`. */
export function flagsOf(r: Record, flagsAt: number, preemptAt: number): number {
  const f = r.read(flagsAt, 1) as number;
  const pc = r.read(preemptAt, 1) as number;
  let out: number = FLAG.known | ((pc & 15) << 8) | ((pc >> 4) << 12);
  if (f & 0x01) out |= FLAG.irqsOff;
  if (f & 0x02) out |= FLAG.needReschedLazy;
  if (f & 0x24) out |= FLAG.needResched;
  if (f & 0x08) out |= FLAG.hardirq;
  if (f & 0x10) out |= FLAG.softirq;
  if (f & 0x40) out |= FLAG.nmi;
  if (f & 0x80) out |= FLAG.bhOff;
  return out;
}
