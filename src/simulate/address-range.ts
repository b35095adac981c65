import { directMap, FLAGS, hashed, hex, pageOf, probe, returns } from './lines.js';
import type { World } from './world.js';

const BASE = 0x1000_0000_0000;
const PGD_ENTRY = 2 ** 39;
const PMD_SPAN = 2 ** 21;
const PUD_SPAN = 2 ** 30;
const PAGE = 4096;
export const TABLES_PER_PMD = 512;

export interface PteTable {
  readonly pfn: number;
  readonly addr: number;
  readonly frames: readonly number[];
}
export interface PmdTable {
  readonly pfn: number;
  readonly addr: number;
  readonly tables: readonly PteTable[];
}
/** One touched mapping with all its tables, which belong to it alone. */
export interface Mapped {
  readonly start: number;
  readonly end: number;
  readonly pudPfn: number;
  readonly pmds: readonly PmdTable[];
}

/** Touches a mapping of `count` PTE tables; the faults and allocations go into the log. Null for 0 tables. */
export function populate(
  world: World,
  tsNs: number,
  cpu: number,
  count: number,
): { mapped: Mapped | null; endNs: number } {
  if (count === 0) return { mapped: null, endNs: tsNs };
  const task = world.tasks[cpu]!;
  const start = BASE + cpu * PGD_ENTRY;
  let t = tsNs;
  const add = (body: string): void => world.lines.add(t, cpu, task, FLAGS.task, body);
  const alloc = (gfp: string, cost: 'faultTable' | 'faultPage'): number => {
    t += world.cost(cost);
    const pfn = world.pool.take(t);
    add(allocated(pfn, gfp));
    t += 5;
    return pfn;
  };
  const TABLE = 'GFP_KERNEL_ACCOUNT|__GFP_ZERO';
  const pudPfn = alloc(TABLE, 'faultTable');
  const pmds: PmdTable[] = [];
  for (let first = 0; first < count; first += TABLES_PER_PMD) {
    const addr = start + first * PMD_SPAN;
    const pud = slot(pudPfn, Math.floor(addr / PUD_SPAN));
    add(probe('pmd_alloc', '__pmd_alloc', `mm=${world.mm} pud=${pud} addr=${hex(addr)}`));
    const pmdPfn = alloc(TABLE, 'faultTable');
    const tables: PteTable[] = [];
    for (let i = first; i < Math.min(count, first + TABLES_PER_PMD); i++) {
      const at = start + i * PMD_SPAN;
      const pmd = slot(pmdPfn, Math.floor(at / PMD_SPAN));
      add(probe('pte_alloc', '__pte_alloc', `mm=${world.mm} pmd=${pmd}`));
      const pfn = alloc(TABLE, 'faultTable');
      add(returns('pte_alloc_one', '__pte_alloc', `page=${pageOf(pfn)}`));
      t += 5;
      add(probe('pmd_install', 'pmd_install', `mm=${world.mm} pmd=${pmd} page=${pageOf(pfn)}`));
      const pages = world.draw(world.workload.pagesPerTable);
      const frames = Array.from({ length: pages }, () =>
        alloc('GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO', 'faultPage'),
      );
      tables.push({ pfn, addr: at, frames });
    }
    pmds.push({ pfn: pmdPfn, addr, tables });
  }
  return { mapped: { start, end: start + count * PMD_SPAN, pudPfn, pmds }, endNs: t + 10 };
}

export const allocated = (pfn: number, gfp: string): string =>
  `mm_page_alloc: page=${hashed(pfn)} pfn=${hex(pfn)} order=0 migratetype=0 gfp_flags=${gfp}`;

/** Address of an entry of a table. */
const slot = (pfn: number, index: number): string =>
  `0x${(BigInt(directMap(pfn)) + BigInt((index % 512) * 8)).toString(16)}`;

export { PAGE };
