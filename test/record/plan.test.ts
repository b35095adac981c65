import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProbesFile } from '../../src/kernel/probes-file.js';
import { SYMBOLS } from '../../src/kernel/symbols.js';
import { TRACEPOINTS } from '../../src/kernel/tracepoints.js';
import { BPFTRACE_EXTRAS } from '../../src/record/bpftrace-extras.js';
import { type KernelInfo, UNKNOWN_KERNEL } from '../../src/record/kernel-info.js';
import { LEVELS } from '../../src/record/levels.js';
import { planRecording, promisedIds } from '../../src/record/plan.js';
import { PROBE_TABLE, TRACEPOINT_TABLE } from '../../src/record/probe-table.js';
import { debian61, debian616, lab612n, stock } from './support/kernels.js';

const without = (kernel: KernelInfo, ...functions: string[]): KernelInfo => ({
  ...kernel,
  functions: new Set([...kernel.functions!].filter((f) => !functions.includes(f))),
});
const symbolsOf = (kernel: KernelInfo): string[] =>
  planRecording(kernel, 'full').kprobes.map((p) => p.symbol);

describe('the probe table', () => {
  it.each(PROBE_TABLE.flatMap((row) => row.symbols.map((symbol) => ({ row, symbol }))))(
    '$row.event on $symbol is what the replay takes it for',
    ({ row, symbol }) => {
      const meaning = SYMBOLS[symbol];
      const spec = row.ret ? meaning?.ret : meaning?.entry;
      expect(spec).toBeDefined();
      // Offsets out of BTF: any number will do.
      const args = row.args.map((arg) => arg.replace(/\{[\w.]+\}/g, '8'));
      const line = `${row.ret ? 'r' : 'p'}:g/${row.event} ${symbol} ${args.join(' ')}`;
      const { byEvent, errors } = parseProbesFile(line);
      expect(errors).toEqual([]);
      const defined = byEvent.get(row.event)!.args;
      const places = defined.map((a) => a.at);
      // A kernel variable is no parameter; it goes by its name.
      for (const [i, arg] of args.entries()) if (!arg.includes('=@')) expect(places[i]).not.toBeNull();
      if (row.args.length === 0) return;
      const extra = BPFTRACE_EXTRAS.filter((e) => e.event === row.event).flatMap((e) =>
        e.fields.map(([name]) => name),
      );
      for (const role of spec!.roles.filter((r) => !extra.includes(r.role))) {
        if (role.at === '*') expect(defined.map((a) => a.name)).toContain(role.role);
        else expect(places).toContain(role.at);
      }
    },
  );

  it('names tracepoints that the replay knows', () => {
    const names = TRACEPOINT_TABLE.flatMap((row) => row.names.map((n) => n.split(':')[1]!));
    for (const name of names) {
      expect(Object.hasOwn(TRACEPOINTS, name) || /^sys_(?:enter|exit)_/.test(name)).toBe(true);
    }
  });

  it('shifts struct mmu_gather where it has no batch', () => {
    const config = new Map([['CONFIG_MMU_GATHER_TABLE_FREE', 'n']]);
    const of = (kernel: KernelInfo): readonly string[] =>
      planRecording(kernel, 'tables').kprobes.find((p) => p.event === 'tlb_finish_mmu')!.args;
    expect(of({ ...debian61(), config })).toContain('start=+8(%di):x64');
    expect(of(debian61())).toContain('start=+16(%di):x64');
  });
});

describe('the plan', () => {
  it('Debian 6.1: no RCU tracepoints, no csd, older names', () => {
    const plan = planRecording(debian61(), 'full');
    expect(plan.variants).toEqual(['A1', 'A2']);
    expect(plan.clock).toBe('mono');
    expect(plan.bases).toBe(true);
    expect(symbolsOf(debian61())).toContain('internal_get_user_pages_fast');
    expect(symbolsOf(debian61())).not.toContain('__call_rcu_common');
    expect(plan.missing.map((m) => m.what)).toContain('csd:csd_queue_cpu');
    const ids = promisedIds(planRecording(debian61(), 'tables'));
    for (const id of ['I01', 'I02', 'I03', 'I10', 'I12', 'I48', 'I49']) expect(ids).toContain(id);
    for (const id of ['I23', 'I24', 'I36', 'I41', 'I42']) expect(ids).not.toContain(id);
  });

  it('Debian 6.16: tables by RCU, targets of flushes', () => {
    const plan = planRecording(debian616(), 'tables');
    expect(plan.variants).toEqual(['D', 'F']);
    const symbols = plan.kprobes.map((p) => p.symbol);
    for (const s of ['free_pte', 'try_get_and_clear_pmd', '__call_rcu_common', 'tlb_remove_table_rcu']) {
      expect(symbols).toContain(s);
    }
    const ids = promisedIds(plan);
    for (const id of ['I01', 'I04', 'I09', 'I23', 'I24', 'I42']) expect(ids).toContain(id);
    expect(ids).not.toContain('I36');
  });

  it('6.12: a compiler clone is probed without its arguments', () => {
    const plan = planRecording(lab612n(), 'tables');
    const clone = plan.kprobes.find((p) => p.event === 'call_rcu_common')!;
    expect(clone.symbol).toBe('__call_rcu_common.constprop.0');
    expect(clone.args).toEqual([]);
    expect(plan.missing.some((m) => m.what.includes('constprop') && m.loss)).toBe(true);
    expect(promisedIds(plan)).toEqual(expect.arrayContaining(['I23', 'I24', 'I36', 'I41', 'I43']));
  });

  it('a clone is better than a later name where nothing is read at the entry', () => {
    const symbol = (kernel: KernelInfo): (string | undefined)[] =>
      ['unshare', 'unshare_ret'].map(
        (event) => planRecording(kernel, 'readers').kprobes.find((p) => p.event === event)?.symbol,
      );
    const inner = '__huge_pmd_unshare.isra.0';
    expect(symbol(stock('7.3.4'))).toEqual([inner, inner]);
    expect(symbol(stock('6.18.15'))).toEqual(['huge_pmd_unshare', 'huge_pmd_unshare']);
    const { missing } = planRecording(stock('7.3.4'), 'readers');
    expect(missing.filter((m) => m.what.includes('unshare'))).toEqual([]);
  });

  it('an inlined function is missing, and what shows it instead is named', () => {
    const plan = planRecording(without(debian61(), '___pte_free_tlb'), 'tables');
    const missing = plan.missing.find((m) => m.what === '___pte_free_tlb')!;
    expect(missing.loss).toBe(true);
    expect(missing.instead).toEqual(['tlb_remove_table']);
  });

  it('without kprobes: the function tracer, and no promise that needs arguments', () => {
    const plan = planRecording({ ...debian61(), kprobes: false }, 'tables');
    expect(plan.kprobes).toEqual([]);
    expect(plan.functions).toContain('___pte_free_tlb');
    expect(promisedIds(plan)).not.toContain('I01');
    expect(promisedIds(plan)).toContain('I48');
    const neither = planRecording({ ...debian61(), kprobes: false, tracers: ['nop'] }, 'tables');
    expect(neither.functions).toEqual([]);
  });

  it('the advice of process_madvise is recorded; all syscalls are not, where a kernel lacks it', () => {
    const calls = (kernel: KernelInfo) => {
      const { tracepoints, missing } = planRecording(kernel, 'tables');
      const what = [...tracepoints.map((t) => t.event), ...missing.map((m) => `without ${m.what}`)];
      return what.filter((name) => /madvise$|sys_enter$/.test(name) && !/exit/.test(name));
    };
    const advised = ['sys_enter_madvise', 'sys_enter_process_madvise'];
    for (const kernel of [debian61(), lab612n(), debian616(), stock('7.3.4')]) {
      expect(calls(kernel)).toEqual(advised);
    }
    const { events } = debian61();
    const older = new Set([...events!].filter((event) => !event.includes('process_madvise')));
    expect(calls({ ...debian61(), events: older })).toEqual([
      'sys_enter_madvise',
      'without syscalls:sys_enter_process_madvise',
    ]);
    const raw = new Set([...events!].filter((event) => !event.startsWith('syscalls:')));
    expect(calls({ ...debian61(), events: raw })).toEqual(['sys_enter']);
  });

  it('falls back to raw syscalls', () => {
    const kernel = { ...debian61(), events: new Set(['raw_syscalls:sys_enter', 'raw_syscalls:sys_exit']) };
    const plan = planRecording(kernel, 'latency');
    expect(plan.tracepoints.map((t) => t.event)).toEqual(['sys_enter', 'sys_exit']);
    expect(promisedIds(plan)).toContain('I48');
  });

  it('refuses a clock the kernel does not have', () => {
    expect(() => planRecording(debian61(), 'tables', 'sundial')).toThrow(/no trace clock 'sundial'/);
    expect(planRecording(debian61(), 'tables', 'boot').clock).toBe('boot');
    expect(planRecording({ ...debian61(), clocks: ['local', 'global'] }, 'tables').clock).toBe('global');
  });

  it('each level holds the one before and promises no less', () => {
    for (const kernel of [debian61(), debian616(), lab612n(), UNKNOWN_KERNEL]) {
      const plans = LEVELS.map((level) => planRecording(kernel, level));
      for (let i = 1; i < plans.length; i++) {
        const events = plans[i]!.kprobes.map((p) => p.event);
        expect(events).toEqual(expect.arrayContaining(plans[i - 1]!.kprobes.map((p) => p.event)));
        expect(promisedIds(plans[i]!)).toEqual(expect.arrayContaining(promisedIds(plans[i - 1]!)));
      }
    }
  });

  it('what a kernel lacks never makes a promise', () => {
    const kernel = debian616();
    const functions = [...kernel.functions!];
    const events = [...kernel.events!];
    const all = new Set(promisedIds(planRecording(kernel, 'full')));
    fc.assert(
      fc.property(fc.subarray(functions), fc.subarray(events), (some, points) => {
        const less = { ...kernel, functions: new Set(some), events: new Set(points) };
        const plan = planRecording(less, 'full');
        for (const id of promisedIds(plan)) expect(all.has(id)).toBe(true);
        for (const probe of plan.kprobes) expect(less.functions.has(probe.symbol)).toBe(true);
        for (const t of plan.tracepoints) expect(less.events.has(`${t.system}:${t.event}`)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
