import { FUNC } from '../kernel/ops.js';

/** Where the made-up kernel keeps its direct map and its array of struct page. */
export const DIRECT_MAP = 0xffff_8880_0000_0000n;
export const VMEMMAP = 0xffff_ea00_0000_0000n;
const LOW_53 = (1n << 53n) - 1n;
const STRUCT_PAGE = 64n;
const PAGE = 4096n;
const FIRST_MM = 0xffff_8881_0000_1000n;
const FIRST_PFN = 0x10_0000;
const FIRST_BATCH_PFN = 0x18_0000;
const FIRST_VA = 0x7f00_0000_0000;
/** One PMD entry maps 2 MiB: every name gets a table entry of its own. */
const VA_STEP = 0x20_0000;
const RCU_HEAD = 8n;

export const low53 = (addr: bigint): number => Number(addr & LOW_53);
export const structPage = (pfn: number): bigint => VMEMMAP + BigInt(pfn) * STRUCT_PAGE;

/** A callback head: its address, the page it lies in, the function, and what the tracepoints print for it. */
export interface HeadName {
  readonly addr: number;
  readonly page: number;
  readonly func: number;
  readonly rhp: number;
}

/** Names of a litmus test → numbers of a made-up kernel. Numbers in the test (0x…) stand for themselves. */
export class Names {
  private readonly mms = new Map<string, number>();
  private readonly vas = new Map<string, number>();
  private readonly pages = new Map<string, number>();
  private readonly heads = new Map<string, HeadName>();

  /** Names given so far, by what they became. */
  get given(): {
    readonly mms: Map<number, string>;
    readonly vas: Map<number, string>;
    readonly pages: Map<number, string>;
    readonly heads: Map<number, string>;
  } {
    const back = (map: ReadonlyMap<string, number>): Map<number, string> =>
      new Map([...map].map(([name, value]) => [value, name]));
    return {
      mms: back(this.mms),
      vas: back(this.vas),
      pages: back(this.pages),
      heads: new Map([...this.heads].map(([name, head]) => [head.addr, name])),
    };
  }

  mm(name: string): number {
    return numbered(this.mms, name, () => low53(FIRST_MM + BigInt(this.mms.size) * PAGE * 2n));
  }

  va(name: string): number {
    return numbered(this.vas, name, () => FIRST_VA + this.vas.size * VA_STEP);
  }

  /** `PFN0` is the page an empty entry would point to. */
  page(name: string): number {
    if (/^PFN\d+$/.test(name)) return Number(name.slice(3));
    return numbered(this.pages, name, () => FIRST_PFN + this.pages.size);
  }

  /** `T.pt` is the head inside the struct page of T; every other name is a batch page. */
  head(name: string): HeadName {
    let head = this.heads.get(name);
    if (!head) {
      const single = name.endsWith('.pt');
      const page = single ? this.page(name.slice(0, -3)) : FIRST_BATCH_PFN + this.heads.size;
      head = {
        addr: low53(single ? structPage(page) + RCU_HEAD : DIRECT_MAP + BigInt(page) * PAGE),
        page,
        func: single ? FUNC.__tlb_remove_table_one_rcu : FUNC.tlb_remove_table_rcu,
        rhp: 0x1000_0000 + this.heads.size,
      };
      this.heads.set(name, head);
    }
    return head;
  }
}

function numbered(map: Map<string, number>, name: string, make: () => number): number {
  if (/^0x[0-9a-f]+$/i.test(name)) return low53(BigInt(name));
  let value = map.get(name);
  if (value === undefined) map.set(name, (value = make()));
  return value;
}
