import { byName } from '../result/by-name.js';
import { cleanSymbol } from '../timeline/events.js';
import { BPFTRACE_EXTRAS } from './bpftrace-extras.js';
import { within } from './levels.js';
import { type PlannedEvent, type PlannedProbe, placed, type RecordingPlan } from './plan.js';
import { bpftraceFilter } from './task-filter.js';

/** One block of a bpftrace program, and what the kernel must have for it. */
export interface BpftraceBlock {
  /** Function that must be traceable, or `system/event` that must exist. */
  readonly needs: string;
  readonly kind: 'function' | 'event';
  readonly text: string;
  /** The same with more that is read, and the kernel variables that takes. */
  readonly more?: { readonly text: string; readonly variables: readonly string[] };
}

export const BPFTRACE_HEADER = 'BEGIN { printf("# nsecs cpu pid tid comm probe args\\n"); }';

const COLUMNS = '%llu %d %d %d %s';
const VALUES = 'nsecs, cpu, pid, tid, comm';
/**
 * Each line in a perf buffer raises an interrupt that wakes its reader, and takes a reader section to do so: recorded, it
 * would raise the next one, without end. kernel/events/core.c ring_buffer_wakeup(), inlined into perf_event_wakeup().
 */
export const WAKER = 'perf_event_wakeup';
const SECTIONS = new Set(['__rcu_read_lock', '__rcu_read_unlock']);
/** Stands in a block for the condition that the caller is not it: how long the function is, only the machine knows. */
export const NOT_ITS_WAKER = 'NOT_ITS_WAKER';

const REGISTERS: Readonly<Record<string, string>> = byName({
  di: 'arg0',
  si: 'arg1',
  dx: 'arg2',
  cx: 'arg3',
  r8: 'arg4',
  r9: 'arg5',
});

interface Field {
  readonly name: string;
  readonly format: string;
  readonly value: string;
}

/** Address or value of a fetch argument without its type; null where bpftrace has no word for it. */
function expression(fetch: string, cast: string): string | null {
  const register = /^%(\w+)$/.exec(fetch);
  if (register) return REGISTERS[register[1]!] ?? null;
  if (fetch === '$retval') return 'retval';
  const variable = /^@(\w+)\+(\d+)$/.exec(fetch);
  if (variable) return `*(${cast} *)(kaddr("${variable[1]}") + ${variable[2]})`;
  const deref = /^\+(\d+)\((.+)\)$/.exec(fetch);
  if (!deref) return null;
  const inner = expression(deref[2]!, 'uint64');
  return inner === null ? null : `*(${cast} *)(${inner} + ${deref[1]})`;
}

/** `new_tlb_gen=+24(%si):u64` → how bpftrace prints it; null for arrays, which it cannot. */
function fieldOf(arg: string): Field | null {
  const m = /^(\w+)=(.+):(\w+)$/.exec(arg);
  if (!m) return null;
  const [, name, fetch, type] = m;
  const format =
    type === 'symbol' ? '%s' : type!.startsWith('x') ? '0x%lx' : type!.startsWith('s') ? '%d' : '%lu';
  const bits = /^[xus](\d+)$/.exec(type!)?.[1] ?? '64';
  const cast = `${type!.startsWith('s') ? 'int' : 'uint'}${bits}`;
  const read = expression(fetch!, cast);
  if (read === null) return null;
  const value = bits === '64' || read.startsWith('*') ? read : `(${cast})${read}`;
  return { name: name!, format, value: type === 'symbol' ? `ksym(${value})` : value };
}

/** Fields of tracepoints, named as in the kernel's `format` files. */
const TRACEPOINT_FIELDS: Readonly<Record<string, readonly string[]>> = byName({
  tlb_flush: ['reason %d', 'pages %ld'],
  rcu_grace_period: ['gp_seq %ld', 'gpevent %str'],
  rcu_exp_grace_period: ['gpseq %ld', 'gpevent %str'],
  cpuhp_enter: ['cpu %d', 'target %d'],
  cpuhp_multi_enter: ['cpu %d', 'target %d'],
  cpuhp_exit: ['cpu %d', 'state %d'],
  rcu_callback: ['rhp 0x%lx', 'func %sym'],
  rcu_invoke_callback: ['rhp 0x%lx', 'func %sym'],
  csd_queue_cpu: ['cpu %d', 'func %sym', 'csd 0x%lx'],
  csd_function_entry: ['func %sym', 'csd 0x%lx'],
  csd_function_exit: ['func %sym', 'csd 0x%lx'],
  mm_page_alloc: ['pfn 0x%lx', 'order %d', 'gfp_flags 0x%lx'],
  mm_page_free: ['pfn 0x%lx', 'order %d'],
  sched_switch: ['prev_pid %d', 'next_pid %d'],
  rcu_utilization: ['s %str'],
  sys_enter: ['id %ld'],
  sys_exit: ['id %ld', 'ret %ld'],
  sys_enter_munmap: ['addr 0x%lx', 'len %lu'],
});

function tracepointFields(event: string): Field[] {
  const rows = TRACEPOINT_FIELDS[event] ?? (event.startsWith('sys_exit_') ? ['ret %ld'] : []);
  return rows.map((row) => {
    const [name, format] = row.split(' ') as [string, string];
    const value = `args->${name}`;
    if (format === '%sym') return { name, format: '%s', value: `ksym((uint64)${value})` };
    if (format === '%str') return { name, format: '%s', value: `str(${value})` };
    return { name, format, value };
  });
}

function block(probe: string, event: string, fields: readonly Field[], condition = '', before = ''): string {
  const format = [COLUMNS, event, ...fields.map((f) => `${f.name}=${f.format}`)].join(' ');
  return `${probe} ${condition === '' ? '' : `/${condition}/ `}{ ${before}printf("${format}\\n", ${[VALUES, ...fields.map((f) => f.value)].join(', ')}); }`;
}

const probeOf = ({ symbol }: PlannedProbe, ret: boolean): string =>
  `${ret ? 'kretprobe' : 'kprobe'}:${symbol}`;
const eventOf = ({ symbol }: PlannedProbe, ret: boolean): string => `${symbol}${ret ? '_ret' : ''}`;

function kprobeBlock(p: PlannedProbe, condition: string, plan: RecordingPlan): BpftraceBlock {
  const fields = p.args.map(fieldOf).filter((f): f is Field => f !== null);
  const [probe, event] = [probeOf(p, p.ret), eventOf(p, p.ret)];
  const when = p.hot ? [condition, ...(SECTIONS.has(p.symbol) ? [NOT_ITS_WAKER] : [])].join(' && ') : '';
  const more = extrasOf(p, p.ret, plan)[0];
  return {
    needs: p.symbol,
    kind: 'function',
    text: block(probe, event, fields, when),
    ...(more && {
      more: {
        text: block(probe, event, [...fields, ...more.fields], when, more.before),
        variables: more.variables,
      },
    }),
  };
}

interface Extra {
  readonly before: string;
  readonly fields: readonly Field[];
  readonly variables: readonly string[];
}

/** None where an offset is not known, or where the function is a clone, whose arguments may sit elsewhere. */
function extrasOf({ event, symbol, args }: PlannedProbe, ret: boolean, plan: RecordingPlan): Extra[] {
  return BPFTRACE_EXTRAS.flatMap((extra) => {
    if (extra.event !== event || extra.ret !== ret || args.length === 0) return [];
    if (!within(extra.level, plan.level) || symbol !== cleanSymbol(symbol)) return [];
    const before = placed(extra.statements.map((s) => `${s} `).join(''), plan.kernel);
    const fields = extra.fields.map(([name, format, value]) => ({
      name,
      format,
      value: placed(value, plan.kernel),
    }));
    if (before === null || fields.some((f) => f.value === null)) return [];
    return [{ before, fields: fields as Field[], variables: extra.variables }];
  });
}

/** What is read at the return of a function that is otherwise probed at its entry only. */
const returnBlocks = (plan: RecordingPlan): BpftraceBlock[] =>
  plan.kprobes
    .filter((p) => !p.ret && !plan.kprobes.some((q) => q.ret && q.symbol === p.symbol))
    .flatMap((p) =>
      extrasOf(p, true, plan).map(({ before, fields, variables }) => ({
        needs: p.symbol,
        kind: 'function' as const,
        text: '',
        more: { text: block(probeOf(p, true), eventOf(p, true), fields, '', before), variables },
      })),
    );

const tracepointBlock = (t: PlannedEvent): BpftraceBlock => ({
  needs: `${t.system}/${t.event}`,
  kind: 'event',
  text: block(`tracepoint:${t.system}:${t.event}`, t.event, tracepointFields(t.event)),
});

/** bpftrace itself: to write one line it runs through the hot probes several times. */
const NOT_ITSELF = 'comm != "bpftrace"';

/** Whose hits the hot probes of this plan record; '' where it has none. */
export function hotCondition({ kprobes, filter }: RecordingPlan): string {
  if (!kprobes.some((p) => p.hot)) return '';
  return filter === null ? NOT_ITSELF : `${NOT_ITSELF} && (${bpftraceFilter(filter)})`;
}

/** One block per probe; a program is the header and those blocks that the kernel has the probe for. */
export function bpftraceBlocks(plan: RecordingPlan): BpftraceBlock[] {
  const condition = hotCondition(plan);
  return [
    ...plan.kprobes.map((probe) => kprobeBlock(probe, condition, plan)),
    ...returnBlocks(plan),
    ...plan.tracepoints
      .filter((t) => t.event !== 'rcu_batch_start' && t.event !== 'rcu_batch_end')
      .map(tracepointBlock),
  ];
}
