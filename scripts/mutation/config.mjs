/** What is mutated, what must notice, and what is left out and why. */

/** Folder that is mutated; every `.ts` file of it that is not in `LEFT_OUT`. */
export const MUTATED = 'src/replay';

/** Files without mutants, each with the reason. */
export const LEFT_OUT = {
  'rules/rule.ts': 'types, and one line that fills in a default',
  'rules/catalogue.ts': 'a list',
  'rules/probes.ts': 'a table of words',
  'hooks.ts': 'types only',
  'mech-hooks.ts': 'types only',
  'silent-hooks.ts': 'methods without a body',
};

/** Tests that must notice, quickest first: the first that fails ends the run of a mutant. */
export const TESTS = [
  'test/replay/golden-said.test.ts',
  'test/replay/golden-variations.test.ts',
  'test/replay/coverage.test.ts',
  'test/replay/ledger.test.ts',
  'test/replay/variants.test.ts',
  'test/litmus/rcu.test.ts',
];

/** Slower ones, run with `--slow` on what survives the others. */
export const SLOW_TESTS = [
  'test/litmus/markers.test.ts',
  'test/replay/filters.test.ts',
  'test/replay/clone.test.ts',
  'test/replay/loss.test.ts',
  'test/litmus/oracle.test.ts',
];

/** Tests of single files and rules, and those of named doubts: taken in by name. */
export const TEST_PATTERNS = [
  /^test\/replay\/(?:rules|state|facts|walks|robust|steps|doubts)\/.*\.test\.ts$/,
  /^test\/replay\/(?:picked-lines|engine|report|subject|decidable|coverage-kinds)\.test\.ts$/,
];
