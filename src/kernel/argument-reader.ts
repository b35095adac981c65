import type { RecordBatch } from '../timeline/batch.js';
import type { EventTable } from '../timeline/events.js';
import type { Bases } from './bases.js';
import { DIGIT, parseValue53, signed53 } from './bytes.js';
import { batchCount, type EventPlan, isCutPointer, learnArguments, POINTER_LENGTH } from './event-plan.js';
import { FUNC_DAMAGED, type FuncTable } from './func-table.js';
import { headPage, setSlot } from './marker.js';
import type { Op } from './ops.js';
import { pfnOfEntry, tableOfPmd } from './page-entry.js';
import { type ArgumentPlan, isNumber, isPart } from './probe-args.js';
import type { ProbesFile } from './probes-file.js';
import { ANOTHER_EVENT, endOfValue, isWord, runsOn, seekValue, significantDigits } from './value-scan.js';

const MAX_RELEARN = 16;
/** Lines that lack an argument, one after the other, before the event counts as one that has not got it. */
const MAX_LESSER = 4;
const NR_CPUS_IN_MASK = 53;

/** Arguments of probes (`name=value`, `{…}` arrays) → slots of an operation, as their plan says. */
export class ArgumentReader {
  bases: Bases;
  /** Highest CPU seen so far: what one word of a cpumask says depends on it. */
  maxCpu = 0;
  /** What was read last is damaged. */
  unread = false;
  private readonly events: EventTable;
  private readonly funcs: FuncTable;
  private readonly probes: ProbesFile | undefined;
  /** Number last read. A field: a number that is no small integer takes room on the heap where a call is given it. */
  private value = Number.NaN;
  /** Number of the first element at NULL in the array last read. */
  private nullAt = Number.POSITIVE_INFINITY;

  constructor(events: EventTable, funcs: FuncTable, bases: Bases, probes: ProbesFile | undefined) {
    this.events = events;
    this.funcs = funcs;
    this.bases = bases;
    this.probes = probes;
  }

  /** Read the arguments that have a role. They are looked for in the line's order; a miss relearns the layout. */
  read(plan: EventPlan, id: number, batch: RecordBatch, row: number, op: Op): void {
    if (plan.args === null) learnArguments(plan, this.events.head(id), batch.body(row), this.probes);
    op.basis = plan.basis;
    const b = batch.bytes;
    const end = batch.bodyEnd[row]!;
    let p = batch.bodyStart[row]!;
    let args = plan.args!;
    let present = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      const at = seekValue(b, p, end, arg.name);
      if (at === ANOTHER_EVENT) {
        this.unread = true;
        return;
      }
      if (at >= 0) {
        present |= 1 << i;
        p = this.pointer(b, at, end);
        if (p > 0) this.fill(arg, b, at, p, op);
        else {
          p = endOfValue(b, at, end);
          const value = parseValue53(b, at, p);
          if (value !== value && isNumber(arg) && !isWord(b, at, p)) this.unread = true;
          this.value = value;
          this.fill(arg, b, at, p, op);
        }
        if (p - at >= POINTER_LENGTH) plan.wide |= 1 << i;
        else if ((plan.wide & (1 << i)) !== 0 && isCutPointer(arg, b, at, p)) this.unread = true;
        continue;
      }
      if (plan.spec && plan.relearned < MAX_RELEARN) {
        const before = plan.args;
        plan.relearned++;
        learnArguments(plan, this.events.head(id), batch.body(row), this.probes);
        if (isPart(plan.args!, before!) && ++plan.lesser < MAX_LESSER) {
          plan.args = before;
          plan.relearned--;
          this.unread = true;
          return;
        }
        plan.present = plan.wide = 0;
        op.basis = plan.basis;
        args = plan.args!;
        op.a0 = op.a1 = op.a2 = op.a3 = op.a4 = op.a5 = op.a6 = op.a7 = Number.NaN;
        i = -1;
        present = 0;
        p = batch.bodyStart[row]!;
        if (args.length === 0) break;
      }
    }
    // What all lines of an event say, and one does not, has been damaged there.
    const length = end - batch.bodyStart[row]!;
    if ((plan.present & ~present) !== 0 || (length > plan.longest && runsOn(b, p, end))) this.unread = true;
    else {
      plan.present |= present;
      plan.lesser = 0;
      // Bodies of an event are all about as long: one with another line's end in it is longer.
      if (length > plan.longest) plan.longest = length;
    }
  }

  /** Reads `0x…` up to a blank, comma or bracket into `value` in one pass; its end, 0 if it is no such number. */
  private pointer(b: Uint8Array, at: number, end: number): number {
    if (at + 2 >= end || b[at] !== 0x30 || (b[at + 1]! | 0x20) !== 0x78) return 0;
    const first = at + 2;
    const half = Math.min(first + 8, end);
    let p = first;
    let hi = 0;
    let lo = 0;
    let d = -1;
    for (; p < half && (d = DIGIT[b[p]!]!) >= 0; p++) lo = (lo << 4) | d;
    if (p === half) {
      // Half of a pointer is one word: its digits need no carry.
      for (; p < end && (d = DIGIT[b[p]!]!) >= 0; p++) {
        hi = ((hi << 4) | (lo >>> 28)) & 0x1fffff;
        lo = (lo << 4) | d;
      }
    }
    if (p === first) return 0;
    if (p < end) {
      const c = b[p]!;
      if (c !== 0x20 && c !== 0x2c && c !== 0x29) return 0;
    }
    this.value = hi * 2 ** 32 + (lo >>> 0);
    return p;
  }

  /** `b[start, end)`, read as the number `value`. */
  private fill(arg: ArgumentPlan, b: Uint8Array, start: number, end: number, op: Op): void {
    const { value } = this;
    const role = arg.role!;
    switch (role.as) {
      case 'addr':
      case 'head':
        setSlot(op, role.to, value);
        return;
      case 'page':
        setSlot(op, role.to, this.bases.pageOfStructPage(value));
        return;
      case 'num':
        setSlot(op, role.to, signed53(value));
        return;
      case 'va':
        setSlot(op, role.to, this.bases.pageOfVa(value));
        return;
      case 'slot':
        setSlot(op, role.to, value);
        setSlot(op, role.also!, this.bases.pageOfVa(value));
        return;
      case 'entry':
        setSlot(op, role.to, pfnOfEntry(value));
        return;
      case 'pmd':
        setSlot(op, role.to, tableOfPmd(value));
        return;
      case 'ptl':
        setSlot(op, role.to, value);
        setSlot(op, role.also!, this.bases.pageOfPtl(value));
        return;
      case 'func':
        this.func(role.to, this.funcs.idOf(b, start, end), op);
        return;
      case 'mask':
        setSlot(op, role.to, value);
        // The probe prints one word of the mask: all of it as long as no CPU beyond that word is seen.
        setSlot(
          op,
          role.also!,
          this.maxCpu < NR_CPUS_IN_MASK && significantDigits(b, start, end) <= 13 ? 1 : 0,
        );
        return;
      case 'tables':
        this.tables(b, start, end, op);
    }
  }

  private func(to: number, id: number, op: Op): void {
    if (id === FUNC_DAMAGED) this.unread = true;
    else setSlot(op, to, id);
  }

  /** `{0x…,0x…}`; cut to the batch's own count afterwards, the rest of the array is stale memory. */
  private tables(b: Uint8Array, start: number, end: number, op: Op): void {
    let n = 0;
    let p = start;
    this.nullAt = Number.POSITIVE_INFINITY;
    while (p < end && n < op.tables.length) {
      const c = b[p]!;
      if (c === 0x7b || c === 0x2c || c === 0x20) {
        p++;
        continue;
      }
      if (c === 0x7d) break;
      let q = p;
      while (q < end && b[q] !== 0x2c && b[q] !== 0x7d) q++;
      const page = parseValue53(b, p, q);
      if (page !== page) this.unread = true;
      if (page === 0) {
        this.nullAt = n;
        break;
      }
      op.tables[n++] = this.bases.pageOfStructPage(page);
      p = q;
    }
    op.nTables = n;
    if (b[start] === 0x7b && b[end - 1] !== 0x7d) this.unread = true;
  }

  /** What follows from the head of a callback once the arguments are read: the page it lies in, and how many tables are its own. */
  head(op: Op): void {
    headPage(op, this.bases);
    op.a3 = batchCount(op.a1, op.a3);
    if (op.nTables === 0) return;
    // No table of a batch is at NULL: this reader of the recording does not know the array's elements.
    op.nTables = op.a3 >= 0 && op.a3 <= this.nullAt ? Math.min(op.nTables, op.a3) : 0;
  }
}
