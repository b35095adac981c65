import {
  batchCountChanged,
  batchOverLimit,
  callbackInInterrupt,
  callbackStalled,
  gpNumberSkipped,
  hashChanged,
  readerOverGp,
  singleStorm,
} from './damage-callbacks.js';
import {
  exitBeforeReturn,
  flushAfterExit,
  reclaimedBySync,
  tableLeftAtExit,
  topLevelHandedOver,
} from './damage-exits.js';
import { flushIrqsOff, generationRepeated, targetDropped } from './damage-generations.js';
import type { Damager } from './edit.js';

/** What a line says (masks, generations, flags, numbers, stamps), and facts told by trace markers. */
export const FIELD_DAMAGES: Readonly<Record<string, Damager>> = {
  'target-dropped': targetDropped,
  'generation-repeated': generationRepeated,
  'flush-irqs-off': flushIrqsOff,
  'gp-number-skipped': gpNumberSkipped,
  'reader-over-grace-period': readerOverGp,
  'batch-over-limit': batchOverLimit,
  'callback-in-interrupt': callbackInInterrupt,
  'callback-stalled': callbackStalled,
  'single-storm': singleStorm,
  'flush-after-exit': flushAfterExit,
  'table-left-at-exit': tableLeftAtExit,
  'hash-changed': hashChanged,
  'batch-count-changed': batchCountChanged,
  'exit-before-return': exitBeforeReturn,
  'top-level-handed-over': topLevelHandedOver,
  'reclaimed-by-sync': reclaimedBySync,
};
