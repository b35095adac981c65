import { type FreePath, freePath } from '../kernel/free-paths.js';
import { VARIANTS, type Variant, type VariantMask } from '../kernel/variants.js';

/** What a kernel does with a table, free of everything a re-run does not depend on. */
export interface Policy extends FreePath {
  readonly id: string;
  readonly reclaim: boolean;
}

/** Policy of a variant; null where the variant alone does not say (PV guest or not). */
export function policyOf(variant: Variant): Policy | null {
  if (variant.leaf === 'either') return null;
  return { ...freePath(variant.id), id: variant.id, reclaim: variant.reclaim };
}

/** Why a re-run would say something false. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  /** Kernel file and function, or commit. */
  readonly source: string;
}

/** What the recording shows that decides whether it can be re-run. */
export interface Facts {
  /** Variants it can be. */
  readonly candidates: VariantMask;
  readonly contradiction: boolean;
  readonly gathersWithTables: number;
  /** `free_pte` / `try_get_and_clear_pmd` that returned true: madvise gave tables back. */
  readonly reclaims: number;
  readonly ticks: boolean;
  /** Gathers in which a table got no batch page. */
  readonly singles: number;
}

interface Rule {
  readonly code: string;
  readonly applies: (facts: Facts, target: Variant, leaves: ReadonlySet<string>) => boolean;
  readonly reason: (target: Variant) => string;
  readonly source: string;
}

/** In the order in which they are tried: the first that applies is the answer. */
export const REFUSALS: readonly Rule[] = [
  {
    code: 'tick-clock',
    applies: (f) => f.ticks,
    reason: () => 'the clock of the recording counts no ns: costs cannot be taken from it',
    source: 'kernel/trace/trace.c trace_clocks[]',
  },
  {
    code: 'contradiction',
    applies: (f) => f.contradiction,
    reason: () => 'the recording contradicts every known kernel (see I56): what it was is not known',
    source: 'kernel variants, docs/variants.md',
  },
  {
    code: 'no-tables',
    applies: (f) => f.gathersWithTables === 0,
    reason: () =>
      'no gather that the recording shows (tlb_gather_mmu to tlb_finish_mmu) frees a page table: there is nothing a variant could change',
    source: 'mm/memory.c free_pgtables()',
  },
  {
    code: 'target-machine',
    applies: (_, t) => t.leaf === 'either',
    reason: (t) => `${t.id} frees as A1 on hardware and as A2 in a PV guest: name one of them instead`,
    source: 'arch/x86/kernel/paravirt.c pv_ops.mmu.tlb_remove_table',
  },
  {
    code: 'reclaim',
    applies: (f, t) => f.reclaims > 0 && !t.reclaim,
    reason: (t) =>
      `madvise(MADV_DONTNEED) reclaims page tables in this recording; ${t.id} has no such path, and its walkers ` +
      'that hold only rcu_read_lock() (pte_offset_map) could still be inside a table freed without a grace period: ' +
      'what they do next in the recording proves nothing about it',
    source:
      'mm/pt_reclaim.c try_to_free_pte(), mm/pgtable-generic.c ___pte_offset_map() (718b13861d22, 6375e95f381e)',
  },
  {
    code: 'source-leaf',
    applies: (_f, _t, leaves) => leaves.size !== 1,
    reason: () =>
      'the recording does not show whether its kernel frees tables in the syscall or by RCU: give --variant',
    source: 'include/asm-generic/tlb.h tlb_remove_table()',
  },
];

/** Null: the re-run is sound within the model's limits. */
export function refusalOf(facts: Facts, target: Variant): Refusal | null {
  const leaves = new Set(
    VARIANTS.filter((_, i) => facts.candidates & (1 << i))
      .map((v) => v.leaf)
      .filter((l) => l !== 'either'),
  );
  const rule = REFUSALS.find((r) => r.applies(facts, target, leaves));
  return rule ? { code: rule.code, reason: rule.reason(target), source: rule.source } : null;
}
