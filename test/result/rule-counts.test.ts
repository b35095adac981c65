import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';

const VERDICTS = ['pass', 'violated', 'unknown', 'not-applicable'] as const;

it('every rule is counted once', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...VERDICTS)), (verdicts) => {
      const c = ruleCounts(verdicts.map((verdict) => ({ verdict })));
      expect(c.violated + c.held + c.undecided + c.idle).toBe(c.rules);
      expect(c.rules).toBe(verdicts.length);
      const numbers = [...ruleCountWords(c).matchAll(/\d+/g)].map(([n]) => Number(n));
      expect(numbers.slice(1).reduce((a, b) => a + b, 0)).toBe(numbers[0]);
    }),
  );
});

it('is said in words, one of a kind in the singular', () => {
  expect(ruleCountWords({ rules: 56, violated: 0, held: 21, undecided: 18, idle: 17 })).toBe(
    'of 56 rules 21 held, 18 are not decided, 17 had nothing to check',
  );
  expect(ruleCountWords({ rules: 3, violated: 1, held: 1, undecided: 1, idle: 0 })).toBe(
    'of 3 rules 1 is violated, 1 held, 1 is not decided',
  );
});
