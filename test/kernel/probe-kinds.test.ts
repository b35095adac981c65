import { describe, expect, it } from 'vitest';
import { OP } from '../../src/kernel/ops.js';
import { kindOfProbe, kindOfTracepoint, probeKinds } from '../../src/kernel/probe-kinds.js';

describe('what a probe shows', () => {
  it.each([
    ['tlb_gather_mmu', false, true, OP.GB],
    ['tlb_finish_mmu.isra.0', false, true, OP.GE],
    ['tlb_finish_mmu', true, false, OP.GEret],
    ['call_rcu', false, false, null],
    ['__rcu_read_lock', false, false, OP.RB],
    ['vfs_read', false, true, null],
    ['toString', false, true, null],
  ] as const)('%s, return %s, arguments %s', (symbol, ret, args, kind) => {
    expect(kindOfProbe(symbol, ret, args)).toBe(kind);
  });

  it('tracepoints, by their name without the system', () => {
    expect(kindOfTracepoint('mm_page_free')).toBe(OP.FREE);
    expect(kindOfTracepoint('sys_enter_munmap')).toBe(OP.SE);
    expect(kindOfTracepoint('sys_exit_munmap')).toBe(OP.SX);
    expect(kindOfTracepoint('constructor')).toBeNull();
  });
});

describe('probes of a recording', () => {
  const PROBES = [
    'p:pttrace_17/flush_tlb_mm_range flush_tlb_mm_range mm=%di:x64',
    'r128:pttrace_17/flush_ret flush_tlb_mm_range',
    'p:mine call_rcu head=%di:x64 func=%si:symbol',
    'no definition',
  ];

  it('are set, by whatever name', () => {
    const { set, missed } = probeKinds(PROBES, ['kmem:mm_page_free', 'other:thing'], new Map());
    expect([...set].sort()).toEqual([OP.FR, OP.FD, OP.CR, OP.FREE].sort());
    expect(missed.size).toBe(0);
  });

  it('those that missed hits do not count as set', () => {
    const { set, missed } = probeKinds(
      PROBES,
      [],
      new Map([
        ['flush_ret', 2],
        ['mine', 1],
        ['gone', 9],
      ]),
    );
    expect([...set]).toEqual([OP.FR]);
    expect([...missed]).toEqual([
      [OP.FD, 'the probe flush_ret missed 2 hits'],
      [OP.CR, 'the probe mine missed a hit'],
    ]);
  });

  it('what is inlined where it is mostly called is not set by a probe on it, but by one on what it calls', () => {
    const set = (symbol: string) =>
      probeKinds([`p:g/unshare ${symbol}`, `r:g/unshare_ret ${symbol} ret=$retval:s32`], [], new Map()).set;
    expect([...set('huge_pmd_unshare')]).toEqual([]);
    expect([...set('__huge_pmd_unshare.isra.0')]).toEqual([OP.UNSH]);
  });
});
