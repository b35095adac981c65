import { addr53 } from '../timeline/filter.js';
import { isKnown } from '../timeline/is-known.js';

/** Whose life is told; exactly one is given. Addresses are hexadecimal, tables also by pfn (`pfn:0x1234`). */
export interface Subject {
  readonly table?: string | undefined;
  readonly mm?: string | undefined;
  readonly gather?: string | undefined;
  readonly head?: string | undefined;
  /** 1-based line: the object this line is about. */
  readonly line?: number | undefined;
}

/** The same as numbers (page key, addresses in 53 bits); NaN: not asked for. */
export interface Watch {
  readonly page: number;
  readonly mm: number;
  readonly tlb: number;
  readonly head: number;
}

interface PageOf {
  pageOfStructPage(addr: number): number;
  pageOfVa(addr: number): number;
  readonly vmemmap: number;
}

/** `bases`: where struct pages and the direct map lie in this recording. */
export function watchOf(subject: Subject, bases: PageOf): Watch {
  const addr = (text: string | undefined): number => (text === undefined ? Number.NaN : addr53(text));
  return {
    page: subject.table === undefined ? Number.NaN : pageKey(subject.table, bases),
    mm: addr(subject.mm),
    tlb: addr(subject.gather),
    head: addr(subject.head),
  };
}

/** `pfn:0x1234`, a struct page pointer, or a direct-map address. */
function pageKey(text: string, bases: PageOf): number {
  const pfn = /^pfn:?\s*(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (pfn) return Number(pfn[1]);
  const addr = addr53(text);
  if (addr < 2 ** 40) return addr;
  return isKnown(bases.vmemmap) && addr >= bases.vmemmap
    ? bases.pageOfStructPage(addr)
    : isKnown(bases.vmemmap)
      ? bases.pageOfVa(addr)
      : bases.pageOfStructPage(addr);
}

/** What a story of it is called. */
export function titleOf(subject: Subject): string {
  if (subject.table !== undefined) return `table ${subject.table}`;
  if (subject.mm !== undefined) return `mm ${subject.mm}`;
  if (subject.gather !== undefined) return `gather ${subject.gather}`;
  if (subject.head !== undefined) return `rcu_head ${subject.head}`;
  return 'nothing';
}
