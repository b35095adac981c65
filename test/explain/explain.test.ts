import { describe, expect, it } from 'vitest';
import { formatExplanation } from '../../cli/render/explain.js';
import { BUG_WORDS } from '../../src/explain/bugs.js';
import { explain, topics } from '../../src/explain/explain.js';
import { freePath } from '../../src/explain/variant-trees.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import { ownTests } from '../litmus/support/files.js';

describe('explain', () => {
  it('knows every rule, L01 to L54, every variant and every reader', () => {
    const all = topics();
    expect(all).toHaveLength(CATALOGUE.length + BUG_WORDS.length + VARIANTS.length + 5 + 2);
    for (const topic of all) {
      const found = explain(topic);
      expect(found.sections.length, topic).toBeGreaterThan(2);
      for (const s of found.sections) {
        expect(
          (s.prose ?? [])
            .concat(s.lines ?? [])
            .join('')
            .trim(),
          `${topic} ${s.heading}`,
        ).not.toBe('');
      }
    }
  });

  it('every rule names its bugs, or says that none is known', () => {
    for (const { id, bugs, instead } of CATALOGUE) {
      expect(bugs.length > 0 || (instead ?? '') !== '', id).toBe(true);
      for (const bug of bugs) expect(BUG_WORDS.map((b) => b.id)).toContain(bug);
    }
  });

  it('the bugs are those of the litmus files, with the invariant they break', () => {
    for (const test of ownTests()) {
      const bug = BUG_WORDS.find((b) => b.id === test.id)!;
      expect(bug.title).toBe(test.title);
      expect(bug.ref).toBe(test.ref);
      expect(test.orders[0]!.violates).toContain(bug.invariant);
    }
  });

  it.each(topics())('%s: a mail of ASCII in 75 columns', (topic) => {
    for (const line of formatExplanation(explain(topic), true).split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(75);
      expect(line).toMatch(/^[\x20-\x3e\x40-\x7e]*$/);
    }
  });

  it.each([
    ['i5', 'I05 no-reader-at-free'],
    ['no-reader-at-free', 'I05 no-reader-at-free'],
    ['gen-rules', 'I25 gen-rules'],
    ['all-contexts', 'I31 all-contexts'],
    ['l27', 'L27 the seed problem'],
    ['bn', 'variant Bn'],
    ['RCU', 'reader rcu'],
    ['Terms', 'terms: the words'],
    ['s1', 'S1'],
    ['SYNC1', 'SYNC1'],
    ['held', 'pass, held'],
  ])('%s is %s', (topic, title) => {
    expect(explain(topic).title.startsWith(title)).toBe(true);
  });

  it.each([
    ['no-reader-at-fre', 'did you mean no-reader-at-free?'],
    ['free-pth', 'did you mean free-path?'],
    ['irqof', 'did you mean irqoff?'],
    ['L99', 'did you mean L'],
    ['quantum', 'Topics: I01 to I56'],
  ])('%s: %s', (topic, advice) => {
    expect(() => explain(topic)).toThrow(advice);
  });

  it('an unknown variant is named', () => {
    expect(() => explain('free-path', 'A9')).toThrow('did you mean A0?');
  });
});

describe('freePath', () => {
  const path = (id: string): string => freePath(VARIANTS.find((v) => v.id === id)!).join('\n');

  it('shows what each kernel does with a single table', () => {
    expect(path('A0')).not.toContain('call_rcu');
    expect(path('A1')).toContain('native_tlb_remove_table()');
    expect(path('A2')).toMatch(
      /sync_one\(\) \[does IPI for GUP-fast\]\n\s+__tlb_remove_table\(\) \[frees now/,
    );
    expect(path('B')).toMatch(/sync_one\(\)[^\n]*\n\s+__tlb_remove_table_one\(\) \[frees via RCU\]/);
    expect(path('C')).not.toContain('sync_one');
    expect(path('D')).not.toContain('paravirt');
    expect(path('En')).toContain('tlb_remove_table_sync_rcu()');
  });

  it('reclaim is there where the kernel has it', () => {
    for (const v of VARIANTS) expect(path(v.id).includes('MADV_DONTNEED')).toBe(v.reclaim);
  });
});
