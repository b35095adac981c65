import type { OpKind } from './ops.js';

/** How the value of an argument becomes the number in its slot. */
export type Convert =
  /** Low 53 bits of a pointer. */
  | 'addr'
  /** Signed number. */
  | 'num'
  /** struct page / ptdesc pointer → page key. */
  | 'page'
  /** Direct-map address → page key. */
  | 'va'
  /** Address of an entry: the address itself, and the page key of the table it lies in goes to `also`. */
  | 'slot'
  /** Entry value: physical address bits → pfn. */
  | 'entry'
  /** Function name or symbol → FuncId. */
  | 'func'
  /** rcu_head: the address, and the page key of the page it lies in goes to `also` (by callback function). */
  | 'head'
  /** `{a,b,…}` of struct page pointers → `Op.tables`. */
  | 'tables'
  /** First word of a cpumask; `also` says whether that is all of it. */
  | 'mask'
  /** Value of a PMD entry → pfn of the PTE table it points to, 0 if to none. */
  | 'pmd'
  /** Address of a spinlock: the address, and the page key of the table whose lock it is goes to `also`. */
  | 'ptl';

export interface Role {
  /** Name by which synonyms and reference layouts know it. */
  readonly role: string;
  /** Slot: a0 … a5; -1 = only fills `also` or `tables`. */
  readonly to: number;
  readonly as: Convert;
  /**
   * Where the kernel keeps it: parameter number 1–6 with dereferences, `1+16` = +16(first parameter), `ret`; `*` where
   * that differs from kernel to kernel: then the name alone says it.
   */
  readonly at: string;
  readonly also?: number;
}

export interface SymbolSpec {
  readonly kind: OpKind;
  readonly roles: readonly Role[];
  /** Slots with a fixed value: [slot, value]. */
  readonly fixed: readonly (readonly [number, number])[];
}

/** Meaning of entry probe and return probe of one kernel symbol. */
export interface SymbolMeaning {
  readonly entry?: SymbolSpec;
  readonly ret?: SymbolSpec;
}

const role = (text: string): Role => {
  const [name, to, as, at, also] = text.split(' ');
  const base = { role: name!, to: Number(to), as: as as Convert, at: at! };
  return also === undefined ? base : { ...base, also: Number(also) };
};

export const spec = (
  kind: OpKind,
  roles: readonly string[] = [],
  fixed: SymbolSpec['fixed'] = [],
): SymbolSpec => ({
  kind,
  roles: roles.map(role),
  fixed,
});
