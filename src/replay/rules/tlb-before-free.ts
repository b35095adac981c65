import { OP } from '../../kernel/ops.js';
import { absent, type Evidence, LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { pageReleased, stillHeld, wasHeld, wentAwayAndBack, worst } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import {
  earlyDoubt,
  FLUSH_PROBE,
  flushedElsewhere,
  NEVER_BACK,
  pageWithinFlush,
  perhapsBack,
  releasedEarly,
  unflushed,
  withinFlush,
} from './unflushed.js';
import { UnseenReturns } from './unseen-returns.js';

export const tlbBeforeFree = rule({
  number: 2,
  name: 'tlb-before-free',
  severity: 'S1',
  statement: 'for every frame or table X and every CPU c that may hold a translation to it: INV(c) → FREE(X)',
  why: 'a stale translation lets a CPU read or write a page that belongs to somebody else',
  source: 'mm/mmu_gather.c tlb_flush_mmu()',
  needs: [PROBES.FR, PROBES.FD, PROBES.FREE],
  idle: 'no page was released inside a gather',
  held: 'TLB and paging-structure caches of every CPU in mm_cpumask: translations to the page',
  missing: 'flush_tlb_mm_range() of the range, returned',
  words:
    "Every CPU keeps a private copy of translations it has used (the TLB). Clearing an entry in memory does not reach these copies. A page may be released only after every CPU that might hold a copy has dropped it; otherwise that CPU goes on reading and writing a page that is no longer the program's.",
  bugs: ['L09', 'L17', 'L18', 'L20', 'L30'],
  monitor: (evidence, verdicts) => {
    const returns = new UnseenReturns(evidence, verdicts);
    return {
      returnUnseen: (flush) => returns.returnUnseen(flush),
      returnedAfterAll: (flush, op) => returns.returnedAfterAll(flush, op),
      end: () => returns.end(),
      ...freed(evidence, verdicts, returns),
      ...freedEarly(evidence, verdicts),
      ...releasedWhileCached(evidence, verdicts),
    };
  },
});

/** Tables and pages released where a flush of their gather went before, or should have. */
function freed(evidence: Evidence, verdicts: Verdicts, returns: UnseenReturns): Monitor {
  return {
    tableFreed(table, _task, _cpu, op) {
      if (table.trSeq === 0) return;
      const { flush } = table;
      if (flush) {
        returns.rests(flush, KNOWN.inferred, op.ref, () =>
          withinFlush(table, flush, op, 'released', 'released'),
        );
      } else if (table.leafFlush) verdicts.pass(KNOWN.inferred);
      else unflushed(evidence, verdicts, table, op, 'released', 'released');
    },

    /** A page that is not a tracked table, released by the gather's own task. */
    pageFreed(_pfn, known, gather, op) {
      const flush = gather.narrow;
      if (flush) {
        // The flush before its release was one of other addresses.
        if (!known) {
          const why =
            'the flush before it leaves addresses out; whether the page was mapped there is not known';
          verdicts.unknown(why, op.ref);
          return;
        }
        flushedElsewhere(evidence, verdicts, flush, op, 'a page of this mm was released', 'page released');
      } else if (gather.flushes > 0 && gather.lastFlush) {
        const last = gather.lastFlush;
        // What is not known to be a frame of this mm may be slab memory, which may go before the flush.
        returns.rests(last, KNOWN.inferred, op.ref, () => (known ? pageWithinFlush(gather, last, op) : null));
      } else if (gather.headless) verdicts.censored();
    },
  };
}

/** Pages released before the first flush of their gather: how it ends tells what that was. */
function freedEarly(evidence: Evidence, verdicts: Verdicts): Monitor {
  return {
    flushDone(flush, gather, _task, op) {
      if (!gather) return;
      for (const early of gather.early) {
        if (lostSince(evidence, gather.gbSeq)) verdicts.unknown(LOSS, early.ref);
        else if (perhapsBack(early, flush)) verdicts.unknown(NEVER_BACK, early.ref);
        else {
          const doubt = earlyDoubt(early, 'before the flush');
          if (doubt !== null) verdicts.unknown(doubt, early.ref);
          else verdicts.violated(releasedEarly(gather, early, flush, op));
        }
      }
    },

    gatherOver(gather, op) {
      for (const early of gather.early) {
        const doubt = earlyDoubt(early, 'without a flush');
        if (doubt !== null) {
          verdicts.unknown(doubt, early.ref);
          continue;
        }
        absent(
          evidence,
          verdicts,
          { kinds: [OP.FR, OP.FD], cpu: op.cpu, since: gather.gbSeq, probe: FLUSH_PROBE },
          {
            message: 'a page of this mm was released by a gather that never flushed',
            before: early.ref,
            events: witnesses(
              w(gather.gbRef, 'gather begins'),
              w(early.ref, 'page released'),
              w(op.ref, 'gather ends'),
            ),
          },
        );
      }
    },
  };
}

/** By facts: a page is released, or a CPU comes back to an mm, while a translation is still cached. */
function releasedWhileCached(evidence: Evidence, verdicts: Verdicts): Monitor {
  return {
    released(page, reused, _task, op) {
      const holder = worst(evidence.state.mech, page, true);
      if (holder) stillHeld(evidence, verdicts, holder, page, op, pageReleased(page, reused, 'page'));
      else if (wasHeld(page, true)) verdicts.pass(KNOWN.observed);
    },

    cameBack(holder, op) {
      if (holder.leaf) stillHeld(evidence, verdicts, holder, null, op, wentAwayAndBack(holder));
    },
  };
}
