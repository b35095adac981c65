import { freePath } from '../kernel/free-paths.js';
import { DEFAULTS, type Scenario } from '../machine/scenario.js';
import { EXPLORE_DEFAULTS } from './explore.js';
import { exploreScenario, type Reported } from './report.js';

/** A scenario, and the verdict that the claim stands or falls with. */
export interface Question {
  readonly says: string;
  readonly scenario: Scenario;
  readonly expected: 'safe' | 'unsafe';
}

/** One claim of the mail thread "x86: mm: free page table pages by RCU instead of semi RCU". */
export interface Claim {
  readonly id: string;
  readonly claim: string;
  /** What it comes to, in the model. */
  readonly answer: string;
  readonly questions: readonly Question[];
}

export interface AnsweredQuestion {
  readonly question: Question;
  readonly reported: Reported;
  readonly asExpected: boolean;
}

export interface AnsweredClaim {
  readonly claim: Claim;
  readonly answers: readonly AnsweredQuestion[];
  /** Every verdict is the one that the claim needs. */
  readonly holds: boolean;
}

const RECLAIM = { program: 'madvise-dontneed' } as const;
const WALKERS = { ...RECLAIM, readers: ['gup-fast', 'pte-offset-map'], walkers: 'all' } as const;

const ask = (says: string, expected: Question['expected'], scenario: Partial<Scenario>): Question => ({
  says,
  expected,
  scenario: { ...DEFAULTS, ...scenario },
});

const UNDER_RECLAIM = (variant: string, flush: Scenario['flush'], broken: string[]): Partial<Scenario> => ({
  ...RECLAIM,
  variant,
  readers: ['gup-fast'],
  flush,
  broken,
});

export const CLAIMS: readonly Claim[] = [
  {
    id: 'a',
    claim:
      '"this is not enough to free the empty PTE page table pages in paths other that munmap and exit_mmap path, because IPI cannot be synchronized with rcu_read_lock() in pte_offset_map{_lock}()"',
    answer:
      'Right. A walker under rcu_read_lock() answers the IPI in the middle of its walk. munmap() is safe because its VMA is gone before.',
    questions: [
      ask('reclaim as in A2, a walker in pte_offset_map()', 'unsafe', {
        ...RECLAIM,
        variant: 'A2',
        readers: ['pte-offset-map'],
        memory: 'no',
      }),
      ask('and in pte_offset_map_lock()', 'unsafe', {
        ...RECLAIM,
        variant: 'A2',
        readers: ['pte-offset-map-lock'],
        memory: 'no',
      }),
      ask('the same beside munmap()', 'safe', { variant: 'A2', readers: ['pte-offset-map'], memory: 'no' }),
      ask('GUP-fast and page walkers only', 'safe', {
        ...RECLAIM,
        variant: 'A2',
        readers: ['gup-fast', 'hardware'],
        memory: 'no',
      }),
    ],
  },
  {
    id: 'b',
    claim: '"Then we can also use pte_offset_map() etc to prevent PTE page from being freed" (v2)',
    answer: 'Right, with and without memory for a batch, and for walkers that are preempted.',
    questions: [
      ask('all walkers, page walkers on all CPUs', 'safe', { ...WALKERS, variant: 'B' }),
      ask('preempted walkers', 'safe', {
        ...RECLAIM,
        variant: 'B',
        readers: ['pte-offset-map'],
        cpus: 2,
        preempt: true,
      }),
      ask('walkers that lock and read again', 'safe', {
        ...RECLAIM,
        variant: 'B',
        readers: ['pte-offset-map-lock'],
      }),
    ],
  },
  {
    id: 'c',
    claim:
      '"It seems that this step [the IPI] can be ommitted when CONFIG_PT_RECLAIM is enabled, because GUP-fast will disable IRQ, which can also serve as the RCU critical section" (v3)',
    answer: 'Right.',
    questions: [
      ask('all walkers, page walkers on all CPUs', 'safe', { ...WALKERS, variant: 'C' }),
      ask('preempted walkers', 'safe', {
        ...RECLAIM,
        variant: 'C',
        readers: ['pte-offset-map'],
        cpus: 2,
        preempt: true,
      }),
      ask('two tables', 'safe', {
        ...RECLAIM,
        variant: 'C',
        readers: ['gup-fast', 'pte-offset-map'],
        tables: 2,
      }),
    ],
  },
  {
    id: 'd',
    claim: 'What (c) rests on',
    answer:
      'Where the flush sends IPIs it waits for walks with interrupts off by itself. Where it sends none (hypercall, INVLPGB, a KVM vCPU that is away) only RCU does, and only because it takes interrupts off for a reader, as since 4.20.',
    questions: [
      ask(
        'flush by IPI, an RCU that ignores interrupts off',
        'safe',
        UNDER_RECLAIM('C', 'ipi', ['gp-ignores-irqs-off']),
      ),
      ask(
        'flush by hypercall, the same RCU',
        'unsafe',
        UNDER_RECLAIM('C', 'hypercall', ['gp-ignores-irqs-off']),
      ),
      ask('flush by INVLPGB, the same RCU', 'unsafe', UNDER_RECLAIM('D', 'invlpgb', ['gp-ignores-irqs-off'])),
      ask('a KVM guest whose vCPUs are taken away, the same RCU', 'unsafe', {
        ...UNDER_RECLAIM('C', 'kvm', ['gp-ignores-irqs-off']),
        vcpus: true,
        cpus: 2,
      }),
      ask('flush by hypercall, RCU as it is', 'safe', UNDER_RECLAIM('C', 'hypercall', [])),
      ask('flush by INVLPGB, RCU as it is', 'safe', UNDER_RECLAIM('D', 'invlpgb', [])),
    ],
  },
  {
    id: 'e',
    claim: 'A batch handed to RCU without its invalidation',
    answer: 'Unsafe: no grace period waits for a page walker (d86564a2f085).',
    questions: [
      ask('with the flush', 'safe', { variant: 'D', readers: ['hardware'], memory: 'yes' }),
      ask('without', 'unsafe', {
        variant: 'D',
        readers: ['hardware'],
        memory: 'yes',
        broken: ['batch-without-flush'],
      }),
    ],
  },
  {
    id: 'f',
    claim: 'The call tree per configuration (Jann Horn)',
    answer:
      'The leaf of each configuration as the variant data have it, and whether reclaim beside all software walkers would be safe on it.',
    questions: [
      ['A1', null, 'unsafe', 'before, native'],
      ['A2', null, 'unsafe', 'before, PV guest'],
      ['B', null, 'safe', 'v2, CONFIG_PT_RECLAIM=y'],
      ['Bn', null, 'unsafe', 'v2, CONFIG_PT_RECLAIM=n, native'],
      ['Bn', 'kvm', 'unsafe', 'v2, CONFIG_PT_RECLAIM=n, PV guest'],
      ['C', null, 'safe', '6.14, CONFIG_PT_RECLAIM=y'],
      ['D', null, 'safe', '6.15, CONFIG_PT_RECLAIM=y'],
      ['Dn', null, 'unsafe', '6.15, CONFIG_PT_RECLAIM=n'],
      ['En', null, 'safe', '7.1, CONFIG_PT_RECLAIM=n'],
    ].map(([variant, flush, expected, where]) =>
      ask(`${where}: ${leafWords(variant!, flush === 'kvm')}`, expected as Question['expected'], {
        ...RECLAIM,
        variant: variant!,
        flush: flush as Scenario['flush'],
        readers: ['gup-fast', 'pte-offset-map'],
      }),
    ),
  },
  {
    id: 'g',
    claim: 'Freeing the split page-table lock when the table is handed over, not with it',
    answer:
      'Unsafe for a walker that found the table before and locks it now (syzbot; 2f3443770437, then the pagetable_dtor() series).',
    questions: [
      ask('with the table', 'safe', { ...RECLAIM, variant: 'B', readers: ['pte-offset-map-lock'] }),
      ask('early', 'unsafe', {
        ...RECLAIM,
        variant: 'B',
        readers: ['pte-offset-map-lock'],
        broken: ['ptlock-freed-early'],
      }),
    ],
  },
  {
    id: 'h',
    claim: 'Skipping lazy CPUs in the flush that frees tables',
    answer:
      'Unsafe: a lazy CPU still has the mm in CR3 and walks speculatively (b956575bed91, 3ef938c35035).',
    questions: [
      ask('interrupted', 'safe', { variant: 'D', program: 'exit_mmap', readers: ['lazy'] }),
      ask('skipped', 'unsafe', {
        variant: 'D',
        program: 'exit_mmap',
        readers: ['lazy'],
        broken: ['lazy-skips-freed-tables'],
      }),
      ask('retract, skipped', 'unsafe', {
        variant: 'D',
        program: 'retract',
        readers: ['lazy'],
        broken: ['collapse-flush-without-tables'],
      }),
    ],
  },
  {
    id: 'i',
    claim: 'synchronize_rcu() in the single path (7.1, CONFIG_PT_RECLAIM=n)',
    answer:
      'Safe for every walker. Skipping it where the flush sent IPIs (unreleased) is right for munmap(), and would not be for reclaim.',
    questions: [
      ask('En, all walkers', 'safe', { ...WALKERS, variant: 'En' }),
      ask('Fn, munmap()', 'safe', { variant: 'Fn', readers: ['gup-fast', 'pte-offset-map'], walkers: 'all' }),
      ask('Fn, if it had reclaim', 'unsafe', { ...WALKERS, variant: 'Fn' }),
    ],
  },
  {
    id: 'j',
    claim:
      '"The pt_rcu_head is unioned with pt_list and pmd_huge_pte … Fortunately tlb_remove_table() will not be used for free PGD pages … we will do zap_deposited_table() before freeing the PMD page"',
    answer:
      'Both are needed: the head of a single table is written over the list of PGDs, and over the pointer to a deposited table.',
    questions: [
      ask('pgd_free()', 'safe', { variant: 'B', program: 'pgd-free', readers: ['pgd-list'] }),
      ask('a PGD through tlb_remove_table()', 'unsafe', {
        variant: 'B',
        program: 'pgd-free',
        readers: ['pgd-list'],
        broken: ['pgd-through-gather'],
      }),
      ask('a PMD table, deposit zapped', 'safe', {
        variant: 'B',
        program: 'pmd-free',
        readers: ['gup-fast'],
      }),
      ask('a PMD table with its deposit', 'unsafe', {
        variant: 'B',
        program: 'pmd-free',
        readers: ['gup-fast'],
        broken: ['deposit-not-zapped'],
      }),
    ],
  },
  {
    id: 'k',
    claim: 'The flush in the single-table path left out',
    answer: 'Unsafe, with call_rcu() and with the IPI: neither reaches a page walker (0ed1325967ab).',
    questions: [
      ask('6.14, without it', 'unsafe', {
        variant: 'C',
        readers: ['hardware'],
        memory: 'no',
        broken: ['single-without-flush'],
      }),
      ask('v2, without it', 'unsafe', {
        variant: 'B',
        readers: ['hardware'],
        memory: 'no',
        broken: ['single-without-flush'],
      }),
      ask('semi RCU, without it', 'unsafe', {
        variant: 'A2',
        readers: ['hardware'],
        memory: 'no',
        broken: ['single-without-flush'],
      }),
      ask('6.14, with it', 'safe', { variant: 'C', readers: ['hardware'], memory: 'no' }),
    ],
  },
  {
    id: 'L39',
    claim: 'A hazard of today: hugetlb unshare beside a lazy CPU, up to 7.3.4',
    answer:
      'Shown in the model, not on a machine: x86 tlb_flush() passes only freed_tables on, which an unshare does not set, so a lazy CPU keeps its cached way to the PMD table that the other process frees. It takes a speculative walk of that CPU after the free. Safe under the rule of the unreleased series (v10, wake_lazy_cpus).',
    questions: [
      ask('7.1 to 7.3.4', 'unsafe', { variant: 'E', program: 'hugetlb-unshare', readers: ['lazy'] }),
      ask('the unreleased series', 'safe', { variant: 'F', program: 'hugetlb-unshare', readers: ['lazy'] }),
      ask('7.3.4 without a lazy CPU', 'safe', {
        variant: 'E',
        program: 'hugetlb-unshare',
        readers: ['hardware', 'gup-fast'],
        cpus: 4,
      }),
    ],
  },
];

/** Steps of a single table, or that tables go with the pages. */
function leafWords(variant: string, pv: boolean): string {
  const path = freePath(variant, variant === 'A2' || pv);
  if (path.leaf === 'pages') return 'tlb_remove_page(): freed after the flush';
  return `tlb_remove_table(); no memory: ${['flush', ...path.single].join(', ')}`;
}

/** Asks all questions of the claims. */
export function answerClaims(claims: readonly Claim[] = CLAIMS): AnsweredClaim[] {
  return claims.map((claim) => {
    const answers = claim.questions.map((question) => {
      const reported = exploreScenario(question.scenario, EXPLORE_DEFAULTS);
      return {
        question,
        reported,
        asExpected: reported.report.exploration.verdict === question.expected,
      };
    });
    return { claim, answers, holds: answers.every((a) => a.asExpected) };
  });
}
