import { DEFAULTS, type Scenario } from '../machine/scenario.js';
import { EXPLORE_DEFAULTS } from './explore.js';
import { exploreScenario, type Reported } from './report.js';
import { RULE_SCENARIOS } from './rule-scenarios.js';

/** A litmus test as a program: the kernel as it is, and what makes the bug of it. */
export interface LitmusProgram {
  readonly id: string;
  /** Rule without which the bug is there; null: the kernel variant makes it. */
  readonly rule: string | null;
  readonly fix: Scenario;
  readonly bug: Scenario;
  /** Invariants of which one shows in the bug. */
  readonly violates: readonly string[];
}

/** The rule's scenario, or one of the test's own. */
function program(
  id: string,
  rule: string,
  violates: readonly string[],
  own?: Partial<Scenario>,
): LitmusProgram {
  const found = RULE_SCENARIOS.find((r) => r.rule === rule);
  if (!found) throw new Error(`no scenario for ${rule}`);
  const fix = own ? { ...DEFAULTS, ...own } : found.scenario;
  return { id, rule, fix, bug: { ...fix, broken: [rule] }, violates };
}

/** The same program on two kernels. */
const variants = (
  id: string,
  violates: readonly string[],
  [bug, fix]: readonly [string, string],
  scenario: Partial<Scenario>,
): LitmusProgram => ({
  id,
  rule: null,
  fix: { ...DEFAULTS, ...scenario, variant: fix },
  bug: { ...DEFAULTS, ...scenario, variant: bug },
  violates,
});

const HUGETLB_REUSE: Partial<Scenario> = {
  variant: 'F',
  program: 'hugetlb-reuse',
  readers: ['gup-fast'],
  flush: 'hypercall',
};

/** Every test of the suite: an order of the suite is one of the orders that these look at. */
export const LITMUS_PROGRAMS: readonly LitmusProgram[] = [
  program('L01', 'batch-without-flush', ['I09']),
  program('L02', 'mm-users-shortcut', ['I03']),
  program('L03', 'single-without-flush', ['I03']),
  program('L04', 'sync-ipi-left-out', ['I05']),
  program('L05', 'gup-without-recheck', ['I19']),
  program('L06', 'retract-without-ptl', ['I18']),
  program('L07', 'sync-ipi-left-out', ['I05'], HUGETLB_REUSE),
  program('L08', 'unshare-without-i-mmap', ['I18']),
  program('L09', 'unshare-without-flush', ['I02', 'I03']),
  program('L10', 'unshare-skips-lazy', ['I03']),
  program('L11', 'collapse-flush-without-tables', ['I09']),
  program('L12', 'mremap-flush-late', ['I28']),
  program('L13', 'move-without-recheck', ['I19']),
  program('L14', 'vma-unlinked-before-flush', ['I30']),
  program('L15', 'nested-flush-ignored', ['I29']),
  program('L16', 'batched-flush-ignored', ['I29']),
  program('L17', 'migrate-without-flush', ['I02']),
  program('L18', 'flush-gen-zero-skips', ['I02']),
  // Whether the return or the use comes first decides which of the two is told.
  program('L19', 'flush-ignores-switching', ['I29', 'I26']),
  program('L20', 'switch-without-barrier', ['I02', 'I26']),
  program('L21', 'lazy-skips-freed-tables', ['I03']),
  program('L22', 'vmap-without-flush', ['I03']),
  program('L23', 'pae-flush-by-invlpg', ['I03'], { program: 'pae-munmap', readers: ['hardware'] }),
  program('L24', 'iommu-not-told', ['I33', 'I03']),
  program('L25', 'reclaim-without-rescan', ['I17']),
  program('L26', 'ptlock-freed-early', ['I16']),
  variants('L27', ['I06', 'I05'], ['A2', 'C'], {
    program: 'madvise-dontneed',
    readers: ['pte-offset-map'],
    memory: 'no',
  }),
  program('L28', 'vmap-without-lock', ['I05']),
  program('L29', 'expand-under-read-lock', ['I05']),
  program('L30', 'invlpg-leaves-global', ['I02']),
  program('L31', 'huge-before-flush', ['I21']),
  program('L32', 'queue-twice', ['I11']),
  program('L33', 'callbacks-before-gp', ['I05', 'I37']),
  program('L34', 'pgd-through-gather', ['I14']),
  program('L35', 'deposit-not-zapped', ['I15']),
  program('L36', 'sync-rcu-under-ptl', ['I47']),
  program('L37', 'free-in-call', ['I04']),
  program('L38', 'walker-without-recheck', ['I20']),
  variants('L39', ['I03'], ['E', 'F'], { program: 'hugetlb-unshare', readers: ['lazy'] }),
  program('L40', 'pagewalk-without-snapshot', ['I19']),
  program('L41', 'pagewalk-without-snapshot', ['I19'], { program: 'munmap', readers: ['pagewalk'] }),
  program('L42', 'ptdump-without-hotplug-lock', ['I05']),
  program('L43', 'ptdump-wrong-lock', ['I05']),
  program('L45', 'batched-flush-ignored', ['I29']),
  program('L46', 'unshare-by-refcount', ['I01']),
  program('L47', 'pae-flush-by-invlpg', ['I03']),
  program('L48', 'iommu-wait-early', ['I33']),
  program('L50', 'pv-flush-forgets-entry', ['I02', 'I03']),
  program('L52', 'no-tlbsync', ['I32']),
  program('L54', 'dump-with-irqs-on', ['I05']),
];

/** What all interleavings of one of them say. */
export interface LitmusProgramOutcome {
  readonly program: LitmusProgram;
  readonly fix: Reported;
  readonly bug: Reported;
  /** All of the fix safe; of the bug some execution unsafe, and replay finds the expected violated in the shortest. */
  readonly ok: boolean;
}

export function runLitmusProgram(test: LitmusProgram): LitmusProgramOutcome {
  const fix = exploreScenario(test.fix, EXPLORE_DEFAULTS);
  const bug = exploreScenario(test.bug, EXPLORE_DEFAULTS);
  const shown = bug.report.invariants.some((ids) => test.violates.some((id) => ids.includes(id)));
  const ok =
    fix.report.exploration.verdict === 'safe' && bug.report.exploration.verdict === 'unsafe' && shown;
  return { program: test, fix, bug, ok };
}
