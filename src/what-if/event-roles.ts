import type { EventTable } from '../timeline/events.js';

/** What an event is to the recorder beyond its operation. */
export const ROLE = { unread: 0, none: 1, batched: 2, page: 3, enter: 4, exit: 5, pagesGo: 6 } as const;
/** Runs once per page that a page batch frees, where a tracer of functions shows it (mm/page_alloc.c). */
const PAGE_SYMBOL = 'free_unref_page_commit';
/** What tlb_batch_pages_flush() calls after the flush (mm/mmu_gather.c). */
const PAGES_SYMBOL = 'free_pages_and_swap_cache';

/** Roles of events, worked out once per distinct head. */
export class EventRoles {
  private readonly events: EventTable;
  private readonly syscall: string;
  private roles = new Uint8Array(64);

  constructor(events: EventTable, syscall: string) {
    this.events = events;
    this.syscall = syscall;
  }

  of(event: number): number {
    const known = event < this.roles.length ? this.roles[event]! : ROLE.unread;
    return known === ROLE.unread ? this.read(event) : known;
  }

  private read(event: number): number {
    if (event >= this.roles.length) {
      const bigger = new Uint8Array(Math.max(event + 1, this.roles.length * 2));
      bigger.set(this.roles);
      this.roles = bigger;
    }
    const head = this.events.head(event);
    const symbol = head.symbol || head.name;
    let role: number = ROLE.none;
    if (head.name === 'mm_page_free_batched') role = ROLE.batched;
    else if (symbol === PAGES_SYMBOL && head.stamp !== 'end') role = ROLE.pagesGo;
    else if (symbol === PAGE_SYMBOL && head.stamp !== 'end') role = ROLE.page;
    else if (symbol === `__x64_sys_${this.syscall}` || symbol === `__se_sys_${this.syscall}`) {
      // Tracers of functions alone see the syscall only as the function behind it.
      if (head.kind === 'function' || head.kind === 'probe') role = ROLE.enter;
      else if (head.kind === 'retprobe' || head.stamp === 'end') role = ROLE.exit;
    }
    this.roles[event] = role;
    return role;
  }
}
