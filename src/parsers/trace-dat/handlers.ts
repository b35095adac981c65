import type { EventFormat } from './event-format.js';
import { functionText } from './print-arguments.js';
import { type Knowledge, type Record, symbolOf, type Value } from './record.js';

/** What event handlers keep between records and ask of their reader. */
export interface HandlerState {
  /** Function tracer: names of the nested functions, per CPU. */
  readonly stacks: Map<number, string[]>;
  /** function_graph: takes the next record when it is the return of `func` in task `pid`; its duration, else null. */
  takeReturn(func: Value, pid: number): bigint | null;
}

/** Text of an event; null: print by its format. */
export type Handler = (e: EventFormat, r: Record, k: Knowledge, s: HandlerState) => string | null;

const value = (e: EventFormat, r: Record, name: string): Value => {
  const f = e.byName.get(name);
  return f === undefined ? 0 : r.field(f);
};
const has = (e: EventFormat, name: string): boolean => e.byName.has(name);
const signed = (v: Value): bigint => BigInt.asIntN(64, BigInt(v));
const int = (v: Value): number => Number(BigInt.asIntN(32, BigInt(v)));

/** plugin_function.c: the name, indented by the callers seen on that CPU. */
const functionHandler: Handler = (e, r, k, s) => {
  const ip = value(e, r, 'ip');
  const fn = symbolOf(k, ip);
  const parent = symbolOf(k, value(e, r, 'parent_ip'));
  const indent = parent === null ? 0 : nest(s.stacks, r.cpu, parent.name, fn?.name ?? null);
  return ' '.repeat(indent * 3) + (fn?.name ?? `0x${ip.toString(16)}`);
};

const DEEPEST = 4096;

function nest(stacks: Map<number, string[]>, cpu: number, parent: string, child: string | null): number {
  let stack = stacks.get(cpu);
  if (stack === undefined) stacks.set(cpu, (stack = []));
  for (let i = 0; i < stack.length; i++) {
    if (stack[i] !== parent) continue;
    if (child !== null && i + 1 < DEEPEST) stack[i + 1] = child;
    return i;
  }
  stack[0] = parent;
  if (child !== null) stack[1] = child;
  return 0;
}

/** plugin_function.c `trace_stack_handler`. */
const stackHandler: Handler = (e, r, k) => {
  const f = e.byName.get('caller');
  if (f === undefined) return '<CANT FIND FIELD caller>';
  let out = '<stack trace >\n';
  for (let at = f.offset; at + k.longSize <= r.size; at += k.longSize) {
    const v = r.read(at, k.longSize);
    if (v === 0xffffffffffffffffn || int(v) === -1) break;
    const s = symbolOf(k, v);
    out += s === null ? `=> ${v.toString(16)}\n` : `=> ${s.name} (${v.toString(16)})\n`;
  }
  return out;
};

/** plugin_function.c `trace_raw_data_handler`. */
const rawDataHandler: Handler = (e, r) => {
  const f = e.byName.get('buf');
  let out = `# ${value(e, r, 'id').toString(16)}`;
  for (let at = f?.offset ?? r.size; at < r.size; at++) {
    out += ` ${r.bytes[r.start + at]!.toString(16).padStart(2, '0')}`;
  }
  return out;
};

function overhead(ns: bigint): string {
  if (ns > 1_000_000_000n) return '$ ';
  if (ns > 1_000_000n) return '# ';
  if (ns > 100_000n) return '! ';
  return ns > 10_000n ? '+ ' : '  ';
}

/** trace-ftrace.c `print_graph_duration`. */
function duration(ns: bigint): string {
  const us = (ns / 1000n).toString();
  let s = us;
  if (us.length < 7)
    s += `.${(ns % 1000n)
      .toString()
      .padStart(3, '0')
      .slice(0, Math.max(0, 7 - us.length))}`;
  return `${s} us ${' '.repeat(Math.max(0, 7 - s.length))}|  `;
}

const graphEntry: Handler = (e, r, k, s) => {
  const func = value(e, r, 'func');
  const depth = Math.min(Math.max(int(value(e, r, 'depth')), 0), 1000);
  const name = symbolOf(k, func)?.name ?? func.toString(16);
  const indent = ' '.repeat(depth * 2);
  const ns = s.takeReturn(func, int(value(e, r, 'common_pid')));
  if (ns === null) return `             |  ${indent}${name}() {`;
  return `${overhead(ns)}${duration(ns)}${indent}${name}();`;
};

/** Duration of a funcgraph_exit record. */
export function graphDuration(e: EventFormat, r: Record): bigint {
  return BigInt.asUintN(64, BigInt(value(e, r, 'rettime')) - BigInt(value(e, r, 'calltime')));
}

const graphExit: Handler = (e, r) => {
  const ns = graphDuration(e, r);
  const depth = Math.min(Math.max(int(value(e, r, 'depth')), 0), 1000);
  return `${overhead(ns)}${duration(ns)}${' '.repeat(depth * 2)}}`;
};

const STATES = 'SDTtZXxW';

/** plugin_sched_switch.c; learns the names of both tasks. */
const switchHandler: Handler = (e, r, k) => {
  learnTasks(e, r, k);
  let out = `${comm(e, r, 'prev_comm')}${signed(value(e, r, 'prev_pid'))} `;
  if (has(e, 'prev_prio')) out += `[${int(value(e, r, 'prev_prio'))}] `;
  if (has(e, 'prev_state')) {
    const state = int(value(e, r, 'prev_state'));
    out += [...STATES].filter((_, i) => (state & (1 << i)) !== 0).join('|') || 'R';
  }
  out += ` ==> ${comm(e, r, 'next_comm')}${signed(value(e, r, 'next_pid'))}`;
  return has(e, 'next_prio') ? `${out} [${int(value(e, r, 'next_prio'))}]` : out;
};

const wakeupHandler: Handler = (e, r, k) => {
  learnTasks(e, r, k);
  let out = `${comm(e, r, 'comm')}${signed(value(e, r, 'pid'))}`;
  if (has(e, 'prio')) out += ` [${signed(value(e, r, 'prio'))}]`;
  if (has(e, 'success')) out += ` success=${signed(value(e, r, 'success'))}`;
  if (has(e, 'target_cpu')) out += ` CPU:${value(e, r, 'target_cpu').toString().padStart(3, '0')}`;
  return out;
};

function comm(e: EventFormat, r: Record, name: string): string {
  const f = e.byName.get(name);
  return f === undefined ? '' : `${r.text(f.offset, f.size)}:`;
}

/** Names in a scheduler event fill gaps of the saved ones. Returns a pid that was new, -1 none. */
export function learnTasks(e: EventFormat, r: Record, k: Knowledge): number {
  let fresh = -1;
  for (const [pidField, commField] of LEARN) {
    const p = e.byName.get(pidField);
    const c = e.byName.get(commField);
    if (p === undefined || c === undefined || c.dynamic !== 'no') continue;
    const pid = int(r.field(p));
    if (k.tasks.knows(pid)) continue;
    if (k.tasks.learn(pid, r.text(c.offset, c.size))) fresh = pid;
  }
  return fresh;
}

const LEARN = [
  ['prev_pid', 'prev_comm'],
  ['next_pid', 'next_comm'],
  ['pid', 'comm'],
] as const;

const REASONS = ['flush on task switch', 'remote shootdown', 'local shootdown', 'local mm shootdown'];

/** plugin_tlb.c. */
const tlbHandler: Handler = (e, r) => {
  const reason = value(e, r, 'reason');
  const text = typeof reason === 'number' ? (REASONS[reason] ?? '') : '';
  return `pages=${signed(value(e, r, 'pages'))} reason=${text} (${signed(reason)})`;
};

/** plugin_hrtimer.c. */
const timerStart: Handler = (e, r, k) => {
  const fn = functionText(k, value(e, r, 'function'), false);
  const times = `expires=${signed(value(e, r, 'expires'))} softexpires=${signed(value(e, r, 'softexpires'))}`;
  return `hrtimer=0x${timerOf(e, r).toString(16)} function=${fn} ${times}`;
};
const timerExpire: Handler = (e, r, k) => {
  const fn = has(e, 'function') ? ` function=${functionText(k, value(e, r, 'function'), false)}` : '';
  return `hrtimer=0x${timerOf(e, r).toString(16)} now=${signed(value(e, r, 'now'))}${fn}`;
};
const timerOf = (e: EventFormat, r: Record): Value => value(e, r, has(e, 'timer') ? 'timer' : 'hrtimer');

/** Handlers that trace-cmd 3.1 applies by default, by `system/event`. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ['ftrace/function', functionHandler],
  ['ftrace/kernel_stack', stackHandler],
  ['ftrace/raw_data', rawDataHandler],
  ['ftrace/funcgraph_entry', graphEntry],
  ['ftrace/funcgraph_exit', graphExit],
  ['sched/sched_switch', switchHandler],
  ['sched/sched_wakeup', wakeupHandler],
  ['sched/sched_wakeup_new', wakeupHandler],
  ['tlb/tlb_flush', tlbHandler],
  ['timer/hrtimer_start', timerStart],
  ['timer/hrtimer_expire_entry', timerExpire],
]);

const CALL_SITE =
  /^kmem\/(?:kfree|kmalloc|kmalloc_node|kmem_cache_alloc|kmem_cache_alloc_node|kmem_cache_free)$/;

/** plugin_kmem.c: what stands in front of the event's own text. */
export function callSite(e: EventFormat, r: Record, k: Knowledge): string {
  if (!CALL_SITE.test(`${e.system}/${e.name}`) || !has(e, 'call_site')) return '';
  const s = symbolOf(k, value(e, r, 'call_site'));
  return s === null ? '' : `(${s.name}+0x${s.offset.toString(16)}) `;
}
