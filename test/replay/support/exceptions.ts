/**
 * What the catalogue's own test does not ask of every invariant, each with the reason. An entry that is no longer true
 * fails that test.
 */

/** Never violated by design. */
export const NEVER_VIOLATED: Readonly<Record<string, string>> = {
  I53: 'lost events are no fault of the kernel: where they are lost, this and what rests on them is unknown',
};

const FACT = 'no probe shows what it is about: decided from trace markers and litmus programs';

/** Broken by litmus programs (or hand-made recordings) only; docs/damage.md names them. */
export const NOT_BY_DAMAGE: Readonly<Record<string, string>> = {
  I13: FACT,
  I15: FACT,
  I16: FACT,
  I17: FACT,
  I18: FACT,
  I19: FACT,
  I20: FACT,
  I21: FACT,
  I22: FACT,
  I26: FACT,
  I27: FACT,
  I28: FACT,
  I29: FACT,
  I30: FACT,
  I31: FACT,
  I32: FACT,
  I33: FACT,
  I35: FACT,
  I47: 'its probe exists since 7.1, and no recording of such a kernel is at hand: broken by litmus programs',
  I53: 'damage by loss must read unknown, never violated',
};

/** Places for these are only in whole recordings, not in the pieces under fixtures/: held by docs/damage.md. */
export const IN_WHOLE_RECORDINGS: Readonly<Record<string, string>> = {
  I50: 'a flush after the exit of its mm needs a process that begins and ends within the recording',
  I51: 'a table left at exit needs a process that begins and ends within the recording',
};
