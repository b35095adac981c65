import type { RecordBatch } from '../timeline/batch.js';
import { DIGIT } from './bytes.js';
import type { FuncTable } from './func-table.js';
import { FUNC, OP, type Op } from './ops.js';

const BLANK = 32;
const OPEN = 40;
const CLOSE = 41;
const DIGITS = 16;
/** Bytes by which the address of a probe may lie behind that of its function: none, or ENDBR64 (arch/x86/kernel/kprobes/core.c). */
const BEHIND = [0n, 4n];

/**
 * Which functions addresses stand for, where symbols were not to be had (`kptr_restrict`, another machine): a probe on a function
 * prints where it was hit, `(ffffffff81265474) head=…`, and what queues that function prints its address,
 * `func=0xffffffff81265470`.
 */
export class FuncAddresses {
  private readonly funcs: FuncTable;
  private readonly learnt = new Set<number>();

  constructor(funcs: FuncTable) {
    this.funcs = funcs;
  }

  /** Addresses were seen, and not yet a probe that tells what one of them is. */
  get open(): boolean {
    return this.funcs.addresses > 0 && this.learnt.size === 0;
  }

  /** Look at the hit of a probe on a function that others queue or send. */
  observe(batch: RecordBatch, row: number, op: Op): void {
    const func = probed(op);
    if (func === FUNC.unknown || this.learnt.has(func)) return;
    const { bytes } = batch;
    // The place stands before the arguments.
    let to = batch.bodyStart[row]! - 1;
    while (to > DIGITS && bytes[to] === BLANK) to--;
    const from = to - DIGITS;
    if (bytes[to] !== CLOSE || from < 1 || bytes[from - 1] !== OPEN) return;
    let hit = 0n;
    for (let i = from; i < to; i++) {
      const digit = DIGIT[bytes[i]!]!;
      if (digit < 0) return;
      hit = (hit << 4n) | BigInt(digit);
    }
    this.learnt.add(func);
    for (const behind of BEHIND) this.funcs.nameAddress((hit - behind).toString(16), func);
  }
}

function probed(op: Op): number {
  switch (op.kind) {
    case OP.CB:
      return op.a1;
    case OP.SSYNC:
      return FUNC.tlb_remove_table_smp_sync;
    case OP.INV:
      return FUNC.flush_tlb_func;
    default:
      return FUNC.unknown;
  }
}
