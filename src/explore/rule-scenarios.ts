import { programKind } from '../machine/freers.js';
import { DEFAULTS, type Scenario } from '../machine/scenario.js';

/** A scenario that is safe, and unsafe without one rule: what the rule is for. */
export interface RuleScenario {
  readonly rule: string;
  /** The scenario with the rule in force. */
  readonly scenario: Scenario;
}

const needs = (rule: string, scenario: Partial<Scenario>): RuleScenario => {
  const program = programKind(scenario.program ?? DEFAULTS.program);
  // As few CPUs as show it: one reader more than in the defaults of one program costs ten times the states.
  const cpus = Math.max(DEFAULTS.cpus, (program.cpus ?? 1) + 1);
  return { rule, scenario: { ...DEFAULTS, cpus, ...scenario } };
};

/** One for each rule of the machine. */
export const RULE_SCENARIOS: readonly RuleScenario[] = [
  needs('lazy-skips-freed-tables', { variant: 'D', program: 'exit_mmap', readers: ['lazy'] }),
  needs('pv-flush-forgets-entry', { variant: 'A2', readers: ['hardware'], vcpus: true }),
  needs('reclaim-without-rescan', {
    variant: 'C',
    program: 'madvise-dontneed',
    readers: ['pte-offset-map-lock'],
  }),
  needs('callbacks-before-gp', { variant: 'C', program: 'madvise-dontneed', readers: ['pte-offset-map'] }),
  needs('gp-ignores-preempted', {
    variant: 'C',
    program: 'madvise-dontneed',
    readers: ['pte-offset-map'],
    cpus: 2,
    preempt: true,
  }),
  needs('gp-ignores-irqs-off', { variant: 'D', readers: ['gup-fast'], flush: 'invlpgb' }),
  needs('gp-ignores-readers', { variant: 'C', program: 'madvise-dontneed', readers: ['pte-offset-map'] }),
  needs('skip-target', { variant: 'D', readers: ['hardware'] }),
  needs('no-wait', { variant: 'A1', readers: ['hardware'] }),
  needs('no-tlbsync', { variant: 'D', readers: ['hardware'], pages: true, flush: 'invlpgb' }),
  needs('sync-ipi-left-out', {
    variant: 'A2',
    program: 'collapse',
    readers: ['gup-fast'],
    flush: 'hypercall',
  }),
  needs('single-without-flush', { variant: 'D', readers: ['hardware'], memory: 'no' }),
  needs('batch-without-flush', { variant: 'D', readers: ['hardware'] }),
  needs('free-before-flush', { variant: 'A1', readers: ['hardware'], pages: true }),
  needs('free-in-call', { variant: 'D', readers: ['gup-fast'], flush: 'hypercall' }),
  needs('ptlock-freed-early', {
    variant: 'B',
    program: 'madvise-dontneed',
    readers: ['pte-offset-map-lock'],
  }),
  needs('walker-without-recheck', {
    variant: 'C',
    program: 'madvise-dontneed',
    readers: ['pte-offset-map-lock'],
  }),
  needs('switch-in-without-catch-up', { variant: 'D', readers: ['lazy'] }),
  needs('collapse-flush-without-tables', { variant: 'E', program: 'retract', readers: ['lazy'] }),
  needs('retract-frees-directly', { variant: 'E', program: 'retract', readers: ['pte-offset-map'] }),
  needs('mm-users-shortcut', { variant: 'D', program: 'exit_mmap', readers: ['lazy'] }),
  needs('queue-twice', { variant: 'C', readers: ['gup-fast'], memory: 'no' }),
  needs('unshare-without-flush', { variant: 'F', program: 'hugetlb-unshare', readers: ['hardware'] }),
  needs('pgd-through-gather', { variant: 'B', program: 'pgd-free', readers: ['pgd-list'] }),
  needs('deposit-not-zapped', { variant: 'B', program: 'pmd-free', readers: ['gup-fast'] }),
  // What a task switch is made of.
  needs('flush-gen-zero-skips', { program: 'reclaim', readers: ['hardware'] }),
  needs('generation-not-raised', { program: 'reclaim', readers: ['switch-in'] }),
  needs('flush-ignores-switching', { program: 'munmap-page', readers: ['switch-in'] }),
  needs('switch-without-barrier', { program: 'munmap-page', readers: ['switch-in'] }),
  // Programs and readers written by verbs.
  needs('mremap-flush-late', { program: 'mremap', readers: ['hardware'] }),
  needs('mremap-without-lock', { program: 'mremap', readers: ['hardware'] }),
  needs('move-without-recheck', { program: 'mremap-retract', readers: ['hardware'] }),
  needs('fork-without-flush', { program: 'fork', readers: ['hardware'] }),
  needs('retract-without-ptl', { program: 'collapse-shmem', readers: ['pte-offset-map-lock'] }),
  needs('freed-beside-callback', { program: 'collapse-shmem', readers: ['gup-fast'] }),
  needs('flush-with-irqs-off', { program: 'reclaim', readers: ['hardware'] }),
  needs('callback-runs-twice', { variant: 'D', readers: ['hardware'] }),
  needs('huge-before-flush', { program: 'collapse-huge', readers: ['hardware'] }),
  needs('vma-unlinked-before-flush', { program: 'munmap-pfnmap', readers: ['hardware'] }),
  needs('nested-flush-ignored', { program: 'madvise-twice', readers: ['hardware'] }),
  needs('batched-flush-ignored', { program: 'reclaim', readers: ['hardware'] }),
  needs('migrate-without-flush', { program: 'migrate', readers: ['hardware'] }),
  needs('vmap-without-flush', { program: 'vmap-huge', readers: ['hardware'] }),
  needs('vmap-without-lock', { program: 'vmap-huge', readers: ['ptdump'] }),
  needs('ptdump-wrong-lock', { program: 'vmap-huge', readers: ['ptdump'] }),
  needs('ptdump-without-hotplug-lock', { program: 'hot-remove', readers: ['ptdump'] }),
  needs('dump-with-irqs-on', { variant: 'A1', program: 'munmap', readers: ['fault-dump'] }),
  needs('expand-under-read-lock', { program: 'stack-expand', readers: ['mmap-walk'] }),
  needs('sync-rcu-under-ptl', { variant: 'En', program: 'munmap-sync-rcu', readers: ['pte-offset-map'] }),
  needs('gup-without-recheck', { variant: 'A2', program: 'collapse', readers: ['gup-fast-pin'] }),
  needs('pagewalk-without-snapshot', { program: 'retract', readers: ['pagewalk'] }),
  needs('unshare-without-i-mmap', { variant: 'F', program: 'hugetlb-share', readers: ['hardware'] }),
  needs('unshare-by-refcount', { variant: 'F', program: 'hugetlb-share', readers: ['hardware'] }),
  needs('pae-flush-by-invlpg', { variant: 'F', program: 'hugetlb-share', readers: ['hardware'] }),
  needs('iommu-not-told', { program: 'kernel-table-sva', readers: ['hardware'] }),
  needs('iommu-wait-early', { program: 'kernel-table-sva', readers: ['hardware'] }),
  needs('invlpg-leaves-global', { program: 'vfree', readers: ['hardware'] }),
  needs('unshare-skips-lazy', { variant: 'F', program: 'hugetlb-unshare', readers: ['lazy'] }),
];
