import type { EvidenceRef } from '../../timeline/batch.js';
import { newPageIndex, type PageIndex } from './page-index.js';

/**
 * Who walks which page table, as probes on the lookups show it (`OP.MAP` … ). Plain data; empty where a recording has no
 * such probes.
 */
export interface Walks {
  /** Tables that a lookup has named, by page key, while they live. */
  tables: Map<number, WalkedTable>;
  /** Which pages have an entry in `tables`. */
  pages: PageIndex;
  /** GUP-fast brackets that are open, by task key. */
  brackets: Map<number, Bracket>;
  /** Lookups that returned a table. */
  lookups: number;
}

export interface Instant {
  readonly ref: EvidenceRef;
  readonly tsNs: number;
  readonly seq: number;
  readonly cpu: number;
}

/** What cleared the entry: the hand-over that follows it, or the function that does it. */
export const UNLINKED_BY = ['handed over', 'pmdp_collapse_flush', 'pte_free_defer', 'free_pte'] as const;
export type UnlinkedBy = (typeof UNLINKED_BY)[number];

/** One life of a PTE table as its walkers see it. */
export interface WalkedTable {
  readonly key: number;
  /** `user address >> 21`, NaN unknown. */
  range: number;
  /** NaN unknown. */
  mm: number;
  /** Sections that named it so far. */
  sections: number;
  /** Lookups that returned it, but whose section has no visible beginning or end. */
  unbounded: number;
  open: Section[];
  ul: Instant | null;
  ulBy: UnlinkedBy;
  /** Task key of who unlinked it; NaN nobody yet. */
  ulTask: number;
  /** Sections and brackets that were open at the unlink. */
  inside: Section[];
  /** Newest end of any section on it. */
  lastEnd: Instant | null;
  /** Sections begun after the unlink, by others than who unlinked it. */
  late: number;
  /** First thing seen of it. */
  readonly firstSeq: number;
}

/** A walker in a table: from `rcu_read_lock` of the lookup to its unlock, or a bracket around GUP-fast. */
export interface Section {
  readonly kind: 'walk' | 'gup';
  readonly table: number;
  readonly task: number;
  readonly begin: Instant;
  /** Nesting depth of its `rcu_read_lock`. */
  readonly depth: number;
  /** The table was found through an entry outside all page tables: the collapser walks what it has unlinked itself. */
  readonly own: boolean;
  end: Instant | null;
  /** The table was released meanwhile: the release, and the unlink before it if seen. */
  released: { free: Instant; ul: Instant | null }[];
  /** The unlink found it open. */
  insideAtUnlink: boolean;
}

export interface Bracket {
  readonly task: number;
  readonly begin: Instant;
  readonly firstRange: number;
  readonly lastRange: number;
  /** Sections this bracket stands for. */
  readonly sections: Section[];
}

/** A lookup in progress. */
export interface Lookup {
  readonly entry: Instant;
  readonly table: number;
  readonly slot: number;
  readonly slotPage: number;
  readonly addr: number;
  readonly mm: number;
  readonly how: number;
  /** The `rcu_read_lock` inside it. */
  begin: Instant | null;
  depth: number;
}

/** What a task is walking. */
export interface Walker {
  /** Of `rcu_read_lock`, as far as seen. */
  depth: number;
  /** Newest `rcu_read_lock`, and its depth. */
  newestRef: EvidenceRef;
  newestNs: number;
  newestSeq: number;
  newestCpu: number;
  newestDepth: number;
  /** Lookup without lock, and the locking one around it. */
  plain: Lookup | null;
  outer: Lookup | null;
  open: Section[];
  /** Page-table locks held. */
  held: { table: number; lock: Instant }[];
}

export const newWalks = (): Walks => ({
  tables: new Map(),
  pages: newPageIndex(),
  brackets: new Map(),
  lookups: 0,
});

export const newWalker = (): Walker => ({
  depth: 0,
  newestRef: -1,
  newestNs: Number.NaN,
  newestSeq: 0,
  newestCpu: -1,
  newestDepth: 0,
  plain: null,
  outer: null,
  open: [],
  held: [],
});

export const newWalkedTable = (key: number, seq: number): WalkedTable => ({
  key,
  range: Number.NaN,
  mm: Number.NaN,
  sections: 0,
  unbounded: 0,
  open: [],
  ul: null,
  ulBy: 'handed over',
  ulTask: Number.NaN,
  inside: [],
  lastEnd: null,
  late: 0,
  firstSeq: seq,
});
