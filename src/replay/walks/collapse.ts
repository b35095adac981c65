import { kindSet, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import { pageName } from '../rules/names.js';
import type { Task } from '../state/contexts.js';
import { KNOWN } from '../tally.js';
import { absent } from './absent.js';

/** include/linux/rwsem.h: bit 0 of the count is a writer; readers count in steps of 256. */
const WRITER = 1;
const READER_STEP = 256;
/** Plausible counts: beyond it what stands there is no lock (the anon_vma of a file mapping is no pointer to one). */
const MAX_COUNT = READER_STEP * 65536;

interface Collapse {
  readonly table: number;
  readonly slot: number;
  readonly ref: EvidenceRef;
  readonly seq: number;
  flushed: EvidenceRef;
  synced: EvidenceRef;
  deposited: boolean;
  /** Whether the huge entry came behind the flush has been told. */
  sized: boolean;
}

interface Deposits {
  /** Deposited tables, and where that was told. */
  readonly tables: Map<number, EvidenceRef>;
  ever: boolean;
}

/** What `seen` has a case for. */
const COLLAPSE_KINDS = kindSet(OP.COLL, OP.FD, OP.SYNC1, OP.HUGEI, OP.DEP, OP.WDR, OP.TR, OP.FREE, OP.lost);

/**
 * Huge pages, by probes on mm/khugepaged.c and mm/huge_memory.c: I13 rcu-head-union, I15 deposits-zapped (of a PMD table:
 * the deposit list is one per table, not per entry), I18 unlink-locks, I21 no-mixed-size, I22 deposit-only-after-sync.
 */
export class Collapses {
  private readonly evidence: Evidence;
  /** The newest collapse of a task. */
  private readonly byTask = new Map<number, Collapse>();
  private readonly deposits = new Map<number, Deposits>();
  /** PMD table that a deposited table hangs on. */
  private readonly parent = new Map<number, number>();

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  seen(op: Op, task: Task): void {
    if (COLLAPSE_KINDS[op.kind] === 0) return;
    switch (op.kind) {
      case OP.COLL:
        this.unlinks(op, task);
        return;
      case OP.FD: {
        const c = this.byTask.get(task.key);
        if (c && c.flushed < 0 && task.flush && task.flush.frSeq > c.seq) c.flushed = op.ref;
        return;
      }
      case OP.SYNC1: {
        const c = this.byTask.get(task.key);
        if (c && op.a0 === 0) c.synced = op.ref;
        return;
      }
      case OP.HUGEI:
        this.installs(op, task);
        return;
      case OP.DEP:
        if (isKnown(op.a2)) this.deposited(op, task);
        return;
      case OP.WDR:
        this.withdrawn(op.a0);
        return;
      case OP.TR:
        if (op.a3 === 2) this.pmdHandedOver(op);
        return;
      case OP.FREE:
        // A page that is released hangs on no list any more: its withdrawal was not recorded.
        if (this.parent.size > 0) this.withdrawn(op.a0);
        if (this.deposits.size > 0) this.deposits.delete(op.a0);
        return;
      case OP.lost:
        this.byTask.clear();
        this.deposits.clear();
        this.parent.clear();
        return;
      default:
    }
  }

  /** I18: who unlinks outside munmap and exit keeps rmap walkers, or everybody, out. */
  private unlinks(op: Op, task: Task): void {
    this.byTask.set(task.key, {
      table: op.a2,
      slot: op.a3,
      ref: op.ref,
      seq: this.evidence.state.seq,
      flushed: -1,
      synced: -1,
      deposited: false,
      sized: false,
    });
    const { ledger } = this.evidence;
    const [mmap, anon, file] = [op.a4, op.a5, op.a6];
    if (!isKnown(mmap) && !isKnown(anon) && !isKnown(file)) {
      ledger.unknown(18, 'the locks are not printed: needs their words at pmdp_collapse_flush', op.ref);
    } else if (isWriter(mmap) || isHeld(file) || isWriter(anon)) ledger.pass(18, KNOWN.observed);
    else {
      ledger.unknown(
        18,
        'neither mmap_lock is held for writing nor the i_mmap lock: a lock on the new folio may do, which is not printed',
        op.ref,
      );
    }
  }

  /** I21: the 4K translations are flushed before the huge one is there. */
  private installs(op: Op, task: Task): void {
    const c = this.byTask.get(task.key);
    if (!c || c.slot !== op.a0) return;
    this.byTask.delete(task.key);
    this.mixedSize(c, op);
  }

  private mixedSize(c: Collapse, op: Op): void {
    const { evidence } = this;
    if (c.sized) return;
    c.sized = true;
    if (c.flushed >= 0) {
      evidence.ledger.pass(21, KNOWN.observed);
      return;
    }
    absent(
      evidence,
      21,
      { kinds: [OP.FD], cpu: op.cpu, since: c.seq, probe: 'the flush_tlb_mm_range probe' },
      {
        message: 'a huge page is installed over 4K translations that were not flushed',
        events: witnesses(w(c.ref, 'entry cleared'), w(op.ref, 'huge page installed')),
      },
    );
  }

  private deposited(op: Op, task: Task): void {
    const { evidence } = this;
    const table = op.a0;
    if (!(table >= 0)) return;
    const head = evidence.state.tables.get(table)?.head ?? null;
    if (head && head.ran === 0 && !head.stale) {
      if (lostSince(evidence, head.crSeq)) evidence.ledger.unknown(13, LOSS, op.ref);
      else {
        evidence.ledger.violated(13, {
          message: `table ${pageName(table)} is deposited while its call_rcu is pending: both use the same words`,
          known: KNOWN.observed,
          assumesAllCpus: true,
          events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'deposited')),
        });
      }
    } else evidence.ledger.pass(13, KNOWN.observed);
    const c = this.byTask.get(task.key);
    if (c && c.table === table && !c.deposited) {
      c.deposited = true;
      this.afterSync(c, op);
      // Where the huge page is set has no probe of its own in some kernels: the deposit comes right before it.
      if (evidence.coverage.shown(OP.HUGEI) === 0) this.mixedSize(c, op);
    }
    if (!isKnown(op.a1)) return;
    const list = this.depositsOf(op.a1);
    list.tables.set(table, op.ref);
    list.ever = true;
    this.parent.set(table, op.a1);
  }

  /** I22: it was linked a moment ago, and will be released without a grace period one day. */
  private afterSync(c: Collapse, op: Op): void {
    const { evidence } = this;
    const lock = op.a3;
    const missing = c.flushed < 0 ? OP.FD : c.synced < 0 ? OP.SYNC1 : null;
    if (missing === null) {
      if (!isKnown(lock) || isWriter(lock))
        evidence.ledger.pass(22, isKnown(lock) ? KNOWN.observed : KNOWN.inferred);
      else {
        evidence.ledger.violated(22, {
          message: `table ${pageName(c.table)}, linked before, is deposited without mmap_lock held for writing`,
          known: KNOWN.observed,
          events: witnesses(w(c.ref, 'entry cleared'), w(op.ref, 'deposited')),
        });
      }
      return;
    }
    absent(
      evidence,
      22,
      {
        kinds: [missing],
        cpu: op.cpu,
        since: c.seq,
        probe: missing === OP.FD ? 'the flush_tlb_mm_range probe' : 'the tlb_remove_table_sync_one probe',
      },
      {
        message: `table ${pageName(c.table)}, linked before, is deposited without ${missing === OP.FD ? 'a flush' : 'an IPI to all CPUs'} since its unlink`,
        events: witnesses(w(c.ref, 'entry cleared'), w(op.ref, 'deposited')),
      },
    );
  }

  private withdrawn(table: number): void {
    const pmd = this.parent.get(table);
    if (pmd === undefined) return;
    this.parent.delete(table);
    this.deposits.get(pmd)?.tables.delete(table);
  }

  private depositsOf(pmd: number): Deposits {
    let list = this.deposits.get(pmd);
    if (!list) this.deposits.set(pmd, (list = { tables: new Map(), ever: false }));
    return list;
  }

  /** I15. */
  private pmdHandedOver(op: Op): void {
    const { evidence } = this;
    if (evidence.coverage.shown(OP.DEP) === 0) return;
    const list = this.deposits.get(op.a2);
    const [left] = list?.tables ?? [];
    if (!left) {
      if (list?.ever) evidence.ledger.pass(15, KNOWN.observed);
      else
        evidence.ledger.passUnseen(15, KNOWN.absence, op.ref, { kinds: [OP.DEP, OP.WDR, OP.COLL, OP.COLLR] });
      return;
    }
    const [table, ref] = left;
    absent(
      evidence,
      15,
      {
        kinds: [OP.WDR],
        cpu: op.cpu,
        since: 0,
        probe: 'the pgtable_trans_huge_withdraw probe',
        still: () => list?.tables.has(table) === true,
      },
      {
        message: `PMD table ${pageName(op.a2)} is handed over with table ${pageName(table)} still deposited`,
        events: witnesses(w(ref, 'deposited'), w(op.ref, 'handed over')),
      },
    );
  }
}

const plausible = (count: number): boolean => count >= 0 && count < MAX_COUNT;
const isWriter = (count: number): boolean => plausible(count) && count % 2 === WRITER;
const isHeld = (count: number): boolean => plausible(count) && (isWriter(count) || count >= READER_STEP);
