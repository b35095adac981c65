import { UsageError } from '../result/usage-error.js';
/** A kernel release: major, minor, patch level (0 where none is printed). */
export interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** linux-next: it carries the number of the release before it, and more than that. */
  readonly next: boolean;
}

/** `6.12.117-lab`, `7.3.0-rc2+deb`, `6.19-next-20260110`; null when it is no release. */
export function parseRelease(text: string): Release | null {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?(?!\d)/.exec(text.trim());
  if (!m) return null;
  const [, major, minor, patch] = m;
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch ?? 0),
    next: /-next\b/.test(text),
  };
}

const bare = (text: string): Release => {
  const release = parseRelease(text);
  if (!release) throw new UsageError(`no kernel release: ${text}`);
  return release;
};

/** The release has a smaller mainline number (major, minor) than `mainline`, written `6.15`. */
export function olderThan(release: Release, mainline: string): boolean {
  const than = bare(mainline);
  return release.major !== than.major ? release.major < than.major : release.minor < than.minor;
}

/** What a release changed of what rules, names or recordings rest on. */
export interface KernelChange {
  /** Mainline release that has it first, `7.3`. */
  readonly since: string;
  /** First stable releases of older series that have it too, `6.12.74`. */
  readonly stable?: readonly string[];
  readonly what: string;
  /** Kernel file and function, or commit. */
  readonly source: string;
}

/** Behaviour that rules ask about. Symbol renames stand in `SYMBOL_CHANGES`. */
export const KERNEL_CHANGES = {
  'callbacks-advance-on-expedited-gp': {
    since: '7.3',
    what: 'call_rcu() callbacks also advance on expedited grace periods: one may run with no normal grace period between',
    source: 'kernel/rcu/rcu_segcblist.c rcu_segcblist_advance(), kernel/rcu/tree_exp.h',
  },
  'flush-sender-may-migrate': {
    since: '7.3',
    what: 'flush_tlb_mm_range() lets go of its CPU before flush_tlb_multi(): begin, sends and return may be on different CPUs',
    source: 'arch/x86/mm/tlb.c flush_tlb_mm_range(); kernel/smp.c smp_call_function_many_cond()',
  },
  'collapse-reinstalls-table': {
    since: '7.2',
    what: 'mTHP collapse installs the same table again on success: unlink, flush, publish with no free between',
    source: 'mm/khugepaged.c collapse_huge_page()',
  },
  'unshared-tables-in-gather': {
    since: '6.19',
    stable: ['6.12.74'],
    what: 'hugetlb unshare goes through mmu_gather (unshared_tables, fully_unshared_tables)',
    source: 'include/asm-generic/tlb.h tlb_unshare_pmd_ptdesc(); 8ce720d5bd91',
  },
  'kernel-tables-deferred': {
    since: '6.19',
    what: 'kernel page tables are freed by a work item after the IOMMUs that share them were told',
    source: 'mm/pgtable-generic.c kernel_pgtable_work_func()',
  },
  'tlbsync-twice': {
    since: '7.2',
    what: 'AMD erratum 1718: TLBSYNC is issued twice, and one is no completion',
    source: 'arch/x86/include/asm/tlb.h tlbsync()',
  },
  'broadcast-flush': {
    since: '6.15',
    what: 'AMD may flush by INVLPGB instead of IPIs: walkers with interrupts off are not waited for',
    source: 'arch/x86/mm/tlb.c broadcast_tlb_flush()',
  },
} as const satisfies Record<string, KernelChange>;
export type KernelChangeName = keyof typeof KERNEL_CHANGES;

/** A function that got another name, or went. */
export interface SymbolChange {
  readonly since: string;
  readonly before: string;
  /** Names that took its place; empty: none did. */
  readonly after: readonly string[];
}

export const SYMBOL_CHANGES: readonly SymbolChange[] = [
  { since: '7.2', before: 'free_pte', after: ['zap_empty_pte_table', 'zap_pte_table_if_empty'] },
  { since: '7.2', before: 'try_get_and_clear_pmd', after: ['zap_empty_pte_table', 'zap_pte_table_if_empty'] },
  { since: '7.2', before: 'zap_page_range_single', after: ['zap_vma_range'] },
  { since: '7.2', before: 'zap_page_range_single_batched', after: ['zap_vma_range_batched'] },
];

/**
 * Whether a kernel has a change; null: not known, because its release is not, or because linux-next carries the
 * number of an older one. A distribution may have backported what its number does not tell: `false` holds for mainline
 * and stable kernels.
 */
export function hasChange(name: KernelChangeName, release: Release | null): boolean | null {
  if (!release) return null;
  const { since, stable = [] }: KernelChange = KERNEL_CHANGES[name];
  if (!olderThan(release, since)) return true;
  for (const text of stable) {
    const first = bare(text);
    if (first.major === release.major && first.minor === release.minor && release.patch >= first.patch) {
      return true;
    }
  }
  return release.next ? null : false;
}
