import { addrDomain } from './addr-domain.js';
import { allContexts } from './all-contexts.js';
import { batchBound } from './batch-bound.js';
import { batchLimits } from './batch-limits.js';
import { broadcastComplete } from './broadcast-complete.js';
import { cbAfterGp } from './cb-after-gp.js';
import { cbContext } from './cb-context.js';
import { cbExactlyOnce } from './cb-exactly-once.js';
import { cbFuncMatch } from './cb-func-match.js';
import { cbNotInsideReader } from './cb-not-inside-reader.js';
import { clock } from './clock.js';
import { depositOnlyAfterSync } from './deposit-only-after-sync.js';
import { depositsZapped } from './deposits-zapped.js';
import { emptyAtReclaim } from './empty-at-reclaim.js';
import { fifo } from './fifo.js';
import { flushBeforePtlDrop } from './flush-before-ptl-drop.js';
import { flushBeforeReturn } from './flush-before-return.js';
import { flushMmuOrder } from './flush-mmu-order.js';
import { freeAfterCallback } from './free-after-callback.js';
import { gatherPair } from './gather-pair.js';
import { genRules } from './gen-rules.js';
import { gpSeq } from './gp-seq.js';
import { gpStorm } from './gp-storm.js';
import { gpWaitsReaders } from './gp-waits-readers.js';
import { invalidateBeforeCallrcu } from './invalidate-before-callrcu.js';
import { ipiNotRcu } from './ipi-not-rcu.js';
import { ipiWait } from './ipi-wait.js';
import { lazyDelay } from './lazy-delay.js';
import { lazyFreedTables } from './lazy-freed-tables.js';
import { lostEvents } from './lost-events.js';
import { mightSleep } from './might-sleep.js';
import { mmLifetime } from './mm-lifetime.js';
import { noDoubleCallRcu } from './no-double-call-rcu.js';
import { noFlushWithIrqsOff } from './no-flush-with-irqs-off.js';
import { noInstallInUnlinked } from './no-install-in-unlinked.js';
import { noMixedSize } from './no-mixed-size.js';
import { noReaderAtFree } from './no-reader-at-free.js';
import { nrPtes } from './nr-ptes.js';
import { pfnmapFlushBeforeVmaUnlink } from './pfnmap-flush-before-vma-unlink.js';
import { pgdNeverViaGather } from './pgd-never-via-gather.js';
import { pidReuse } from './pid-reuse.js';
import { ptlockLifetime } from './ptlock-lifetime.js';
import { pwcBeforeReuse } from './pwc-before-reuse.js';
import { rcuHeadUnion } from './rcu-head-union.js';
import { recheckAfterLock } from './recheck-after-lock.js';
import { removeOnce } from './remove-once.js';
import type { Rule } from './rule.js';
import { secondaryMmu } from './secondary-mmu.js';
import { singlePathShape } from './single-path-shape.js';
import { switchInCatchup } from './switch-in-catchup.js';
import { syscallPair } from './syscall-pair.js';
import { targetCoverage } from './target-coverage.js';
import { tlbBeforeFree } from './tlb-before-free.js';
import { unlinkBeforeFree } from './unlink-before-free.js';
import { unlinkLocks } from './unlink-locks.js';
import { unshareSync } from './unshare-sync.js';
import { variantConsistency } from './variant-consistency.js';

/** All rules, by number. A new one is its file and its line here. */
export const CATALOGUE: readonly Rule[] = [
  unlinkBeforeFree,
  tlbBeforeFree,
  pwcBeforeReuse,
  freeAfterCallback,
  noReaderAtFree,
  ipiNotRcu,
  singlePathShape,
  batchBound,
  invalidateBeforeCallrcu,
  flushMmuOrder,
  noDoubleCallRcu,
  removeOnce,
  rcuHeadUnion,
  pgdNeverViaGather,
  depositsZapped,
  ptlockLifetime,
  emptyAtReclaim,
  unlinkLocks,
  recheckAfterLock,
  noInstallInUnlinked,
  noMixedSize,
  depositOnlyAfterSync,
  targetCoverage,
  ipiWait,
  genRules,
  switchInCatchup,
  lazyFreedTables,
  flushBeforePtlDrop,
  flushBeforeReturn,
  pfnmapFlushBeforeVmaUnlink,
  allContexts,
  broadcastComplete,
  secondaryMmu,
  noFlushWithIrqsOff,
  unshareSync,
  cbAfterGp,
  cbNotInsideReader,
  cbExactlyOnce,
  cbFuncMatch,
  gpWaitsReaders,
  gpSeq,
  fifo,
  batchLimits,
  cbContext,
  lazyDelay,
  gpStorm,
  mightSleep,
  syscallPair,
  gatherPair,
  mmLifetime,
  nrPtes,
  clock,
  lostEvents,
  pidReuse,
  addrDomain,
  variantConsistency,
];
