import { DEFAULTS, type Scenario } from '../machine/scenario.js';

/** A scenario that is safe, and unsafe without one rule: what the rule is for. */
export interface RuleScenario {
  readonly rule: string;
  /** The scenario with the rule in force. */
  readonly scenario: Scenario;
}

const needs = (rule: string, scenario: Partial<Scenario>): RuleScenario => ({
  rule,
  scenario: { ...DEFAULTS, ...scenario },
});

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
  needs('unshare-skips-lazy', { variant: 'F', program: 'hugetlb-unshare', readers: ['lazy'] }),
];
