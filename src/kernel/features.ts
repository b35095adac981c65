/**
 * What a kernel or machine may lack altogether: then nothing that a rule is about can happen, whatever was probed.
 * Decided by facts, never by what a recording does not show.
 */
export const FEATURES = {
  'split-ptlock': {
    lacking:
      'this kernel keeps the locks of page tables in their pages: none is an object that could be destroyed',
    source: 'include/linux/mm_types_task.h ALLOC_SPLIT_PTLOCKS; mm/memory.c ptlock_alloc()',
  },
  invlpgb: {
    lacking: 'this machine has no INVLPGB, or its kernel does not use it',
    source: '/proc/cpuinfo; arch/x86/Kconfig.cpu BROADCAST_TLB_FLUSH; arch/x86/kernel/cpu/amd.c',
  },
  'user-pcid': {
    lacking: 'page-table isolation is off here, or there are no PCIDs: a process has one set of translations',
    source: '/proc/cpuinfo; arch/x86/include/asm/cpufeatures.h X86_FEATURE_PTI, X86_FEATURE_PCID',
  },
  'mmu-notifier': {
    lacking: 'this kernel has no mmu notifiers: no device and no guest can share these tables',
    source: 'mm/Kconfig MMU_NOTIFIER; mm/mmu_notifier.c',
  },
  thp: {
    lacking:
      'this kernel has no transparent huge pages: no table is deposited, no small pages are collapsed into a huge one',
    source: 'mm/Kconfig TRANSPARENT_HUGEPAGE (depends on !PREEMPT_RT); mm/pgtable-generic.c',
  },
} as const satisfies Record<string, { readonly lacking: string; readonly source: string }>;
export type Feature = keyof typeof FEATURES;
/** What is known; a feature that is not in it may be there or not. */
export type Features = ReadonlyMap<Feature, boolean>;

export const isFeature = (name: string): name is Feature => Object.hasOwn(FEATURES, name);

/** Texts of the machine; null: could not be read. */
export interface FeatureTexts {
  readonly config: ReadonlyMap<string, string> | null;
  /** Names in kallsyms, all of them or a part. */
  readonly symbols: ReadonlySet<string> | null;
  /** Lines of /proc/cpuinfo, of one CPU at least. */
  readonly cpuinfo: readonly string[] | null;
}

/** A symbol of every kernel with an MMU: where it stands, a part of kallsyms holds what is asked for beside it. */
export const ALWAYS_THERE = '__pte_alloc';
/** Symbols that are asked for beside it. */
export const FEATURE_SYMBOLS = {
  'split-ptlock': 'ptlock_alloc',
  'mmu-notifier': '__mmu_notifier_register',
} as const;

/**
 * Beside ALWAYS_THERE in a whole kallsyms it decides `thp`; not among FEATURE_SYMBOLS, as the kernel-info files of
 * before did not ask for it.
 */
export const THP_SYMBOL = 'pgtable_trans_huge_deposit';

/** A lock of more than a word makes the locks of page tables objects of their own. */
const WIDE_LOCKS = ['CONFIG_DEBUG_SPINLOCK', 'CONFIG_DEBUG_LOCK_ALLOC', 'CONFIG_PREEMPT_RT'];

export function featuresOf({ config, symbols, cpuinfo }: FeatureTexts): Features {
  const known = new Map<Feature, boolean>();
  const option = (name: string): boolean | null => {
    const value = config?.get(name);
    return value === undefined ? null : value === 'y';
  };
  const wide = WIDE_LOCKS.map(option);
  if (wide.includes(true)) known.set('split-ptlock', true);
  else if (option('CONFIG_SPLIT_PTLOCK_CPUS') === false || wide.every((on) => on === false))
    known.set('split-ptlock', false);
  const notifier = option('CONFIG_MMU_NOTIFIER');
  if (notifier !== null) known.set('mmu-notifier', notifier);
  // PREEMPT_RT alone does not say it: there are patches that allow both. Where the option is impossible it is not
  // written at all, the architecture's always is: with that it was asked for.
  if (config?.get('CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE') === 'y')
    known.set('thp', option('CONFIG_TRANSPARENT_HUGEPAGE') === true);
  if (symbols?.has(THP_SYMBOL)) known.set('thp', true);
  if (symbols?.has(ALWAYS_THERE)) {
    for (const [name, symbol] of Object.entries(FEATURE_SYMBOLS) as [Feature, string][]) {
      known.set(name, symbols.has(symbol));
    }
  }
  const invlpgb = option('CONFIG_BROADCAST_TLB_FLUSH') === false ? false : hasInvlpgb(cpuinfo ?? []);
  if (invlpgb !== null) known.set('invlpgb', invlpgb);
  const flags = (cpuinfo ?? []).find((line) => /^flags\s*:/.test(line))?.split(/[\s:]+/);
  if (flags) known.set('user-pcid', flags.includes('pti') && flags.includes('pcid'));
  return known;
}

/** Zen 3: the first family with INVLPGB. */
export const INVLPGB_FAMILY = 0x19;
export const INVLPGB_VENDORS = ['AuthenticAMD', 'HygonGenuine'];

/** Kernels print no flag of it from 6.11 on (commit 78ce84b9e0a5): there the maker and the family tell who cannot have it. */
function hasInvlpgb(cpuinfo: readonly string[]): boolean | null {
  const value = (key: string): string | null => {
    const line = cpuinfo.find((l) => l.split(':')[0]!.trim() === key);
    return line === undefined ? null : line.slice(line.indexOf(':') + 1).trim();
  };
  const flags = value('flags');
  if (flags === null) return null;
  if (flags.split(/\s+/).includes('invlpgb')) return true;
  const vendor = value('vendor_id');
  if (vendor === null || !INVLPGB_VENDORS.includes(vendor)) return false;
  return Number(value('cpu family') ?? INVLPGB_FAMILY) < INVLPGB_FAMILY ? false : null;
}
