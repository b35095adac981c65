import { describe, expect, it } from 'vitest';
import { featuresOf } from '../../src/kernel/features.js';

const NOTHING = { config: null, symbols: null, cpuinfo: null };
const flags = (words: string, ...more: string[]): string[] => [...more, `flags\t\t: ${words}`];

describe('what a kernel or machine has or lacks', () => {
  it('is not known of a machine that nothing is known of', () => {
    expect([...featuresOf(NOTHING)]).toEqual([]);
  });

  it('follows from symbols only where the list holds a symbol of every kernel', () => {
    const part = featuresOf({ ...NOTHING, symbols: new Set(['vmemmap_base']) });
    expect([...part]).toEqual([]);
    const lacks = featuresOf({ ...NOTHING, symbols: new Set(['__pte_alloc']) });
    expect([lacks.get('split-ptlock'), lacks.get('mmu-notifier')]).toEqual([false, false]);
    const has = featuresOf({
      ...NOTHING,
      symbols: new Set(['__pte_alloc', 'ptlock_alloc', '__mmu_notifier_register']),
    });
    expect([has.get('split-ptlock'), has.get('mmu-notifier')]).toEqual([true, true]);
  });

  it('follows from options: a lock wider than a word is an object of its own', () => {
    const config = (...on: string[]): ReadonlyMap<string, string> =>
      new Map(
        ['CONFIG_DEBUG_SPINLOCK', 'CONFIG_DEBUG_LOCK_ALLOC', 'CONFIG_PREEMPT_RT'].map((name) => [
          name,
          on.includes(name) ? 'y' : 'n',
        ]),
      );
    expect(featuresOf({ ...NOTHING, config: config() }).get('split-ptlock')).toBe(false);
    expect(featuresOf({ ...NOTHING, config: config('CONFIG_PREEMPT_RT') }).get('split-ptlock')).toBe(true);
    const some = new Map([['CONFIG_DEBUG_SPINLOCK', 'n']]);
    expect(featuresOf({ ...NOTHING, config: some }).get('split-ptlock')).toBeUndefined();
    const off = new Map([['CONFIG_MMU_NOTIFIER', 'n']]);
    expect(featuresOf({ ...NOTHING, config: off }).get('mmu-notifier')).toBe(false);
  });

  it('transparent huge pages: only where the options were asked for, and not from PREEMPT_RT alone', () => {
    const of = (...set: [string, string][]): boolean | undefined =>
      featuresOf({ ...NOTHING, config: new Map(set) }).get('thp');
    const possible: [string, string] = ['CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE', 'y'];
    // Where PREEMPT_RT rules the option out, no line of it is in the file.
    expect(of(possible, ['CONFIG_PREEMPT_RT', 'y'])).toBe(false);
    expect(of(possible, ['CONFIG_TRANSPARENT_HUGEPAGE', 'n'])).toBe(false);
    expect(of(possible, ['CONFIG_TRANSPARENT_HUGEPAGE', 'y'], ['CONFIG_PREEMPT_RT', 'y'])).toBe(true);
    expect(of(['CONFIG_PREEMPT_RT', 'y'])).toBeUndefined();
    const symbols = (...names: string[]): boolean | undefined =>
      featuresOf({ ...NOTHING, symbols: new Set(names) }).get('thp');
    expect(symbols('__pte_alloc', 'pgtable_trans_huge_deposit')).toBe(true);
    // A kernel-info file of before did not ask for that symbol.
    expect(symbols('__pte_alloc')).toBeUndefined();
  });

  it('INVLPGB: flags that do not name it tell nothing of an AMD machine that may have it', () => {
    const of = (...cpuinfo: string[]): boolean | undefined =>
      featuresOf({ ...NOTHING, cpuinfo }).get('invlpgb');
    expect(of(...flags('fpu vme'))).toBe(false);
    expect(of(...flags('fpu invlpgb'))).toBe(true);
    expect(of(...flags('fpu', 'vendor_id\t: GenuineIntel'))).toBe(false);
    expect(of(...flags('fpu', 'vendor_id\t: AuthenticAMD', 'cpu family\t: 23'))).toBe(false);
    expect(of(...flags('fpu', 'vendor_id\t: AuthenticAMD', 'cpu family\t: 25'))).toBeUndefined();
    const off = new Map([['CONFIG_BROADCAST_TLB_FLUSH', 'n']]);
    expect(featuresOf({ ...NOTHING, config: off }).get('invlpgb')).toBe(false);
    expect(of('model name\t: none')).toBeUndefined();
  });
});
