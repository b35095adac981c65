import { byName } from '../result/by-name.js';
import { OP, type OpKind } from './ops.js';
import type { Role } from './symbols.js';

/** Tracepoints whose body is not plain `name=value`. */
export const BODY = {
  /** `name=value …`, see `roles`. */
  fields: 0,
  tlbFlush: 1,
  gracePeriod: 2,
  utilization: 3,
  watching: 4,
  schedSwitch: 5,
  pageAlloc: 6,
  rawSyscallEnter: 7,
  rawSyscallExit: 8,
  hotplug: 9,
} as const;
export type BodyForm = (typeof BODY)[keyof typeof BODY];

export interface TracepointSpec {
  readonly kind: OpKind;
  readonly form: BodyForm;
  readonly roles: readonly Role[];
  readonly fixed: readonly (readonly [number, number])[];
}

const field = (name: string, to: number, as: Role['as']): Role => ({ role: name, to, as, at: '' });
const plain = (
  kind: OpKind,
  roles: readonly Role[] = [],
  fixed: TracepointSpec['fixed'] = [],
): TracepointSpec => ({ kind, form: BODY.fields, roles, fixed });
const special = (kind: OpKind, form: BodyForm): TracepointSpec => ({ kind, form, roles: [], fixed: [] });

const CSD = [field('func', 1, 'func'), field('csd', 2, 'addr')];

/**
 * Tracepoint name (without system) → operation. Everything not listed has no meaning for the machine, among them
 * `mm_page_free_batched`, the second line of a free already traced by `mm_page_free`.
 * Formats: include/trace/events/{tlb,csd,rcu,kmem,sched,cpuhp}.h, arch/x86/include/asm/trace/irq_vectors.h.
 */
export const TRACEPOINTS: Readonly<Record<string, TracepointSpec>> = byName({
  tlb_flush: special(OP.TLBF, BODY.tlbFlush),
  csd_queue_cpu: plain(OP.IS, [field('cpu', 0, 'num'), ...CSD]),
  csd_function_entry: plain(OP.IE, CSD),
  csd_function_exit: plain(OP.IX, CSD),
  call_function_entry: plain(OP.CALLF, [], [[0, 1]]),
  call_function_exit: plain(OP.CALLF, [], [[0, 0]]),
  call_function_single_entry: plain(OP.CALLF, [], [[0, 1]]),
  call_function_single_exit: plain(OP.CALLF, [], [[0, 0]]),
  rcu_callback: plain(OP.RQ, [field('rhp', 0, 'addr'), field('func', 1, 'func')]),
  rcu_invoke_callback: plain(OP.RI, [field('rhp', 0, 'addr'), field('func', 1, 'func')]),
  rcu_batch_start: plain(OP.BATCH, [field('CBs', 0, 'num'), field('bl', 1, 'num')]),
  rcu_batch_end: plain(OP.BATCHE, [field('CBs-invoked', 0, 'num'), field('idle', 1, 'func')]),
  rcu_grace_period: special(OP.GP, BODY.gracePeriod),
  rcu_exp_grace_period: special(OP.GPX, BODY.gracePeriod),
  cpuhp_enter: special(OP.HOTPLUG, BODY.hotplug),
  cpuhp_multi_enter: special(OP.HOTPLUG, BODY.hotplug),
  cpuhp_exit: special(OP.HOTPLUG, BODY.hotplug),
  rcu_utilization: special(OP.QS, BODY.utilization),
  rcu_watching: special(OP.QS, BODY.watching),
  rcu_dyntick: special(OP.QS, BODY.watching),
  mm_page_free: plain(OP.FREE, [field('pfn', 0, 'num'), field('order', 1, 'num')]),
  mm_page_alloc: special(OP.ALLOC, BODY.pageAlloc),
  sched_process_exit: plain(OP.EXIT, [field('pid', 0, 'num')]),
  sched_process_fork: plain(OP.FORK, [field('child_pid', 0, 'num')]),
  sched_switch: special(OP.SW, BODY.schedSwitch),
  sys_enter: special(OP.SE, BODY.rawSyscallEnter),
  sys_exit: special(OP.SX, BODY.rawSyscallExit),
});

/** x86-64 numbers of the syscalls that unmap or map (arch/x86/entry/syscalls/syscall_64.tbl). */
export const SYSCALL_NAMES: Readonly<Record<number, string>> = {
  9: 'mmap',
  10: 'mprotect',
  11: 'munmap',
  12: 'brk',
  25: 'mremap',
  28: 'madvise',
  56: 'clone',
  57: 'fork',
  58: 'vfork',
  59: 'execve',
  60: 'exit',
  231: 'exit_group',
  322: 'execveat',
  435: 'clone3',
  440: 'process_madvise',
};
