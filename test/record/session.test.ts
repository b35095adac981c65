import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KernelInfo } from '../../src/record/kernel-info.js';
import { planRecording } from '../../src/record/plan.js';
import { leftovers, removeNamed, Session } from '../../src/record/session.js';
import { type TaskFilter, taskFilter } from '../../src/record/task-filter.js';
import { FakeTracefs } from './support/fake-tracefs.js';
import { debian61, debian616 } from './support/kernels.js';

const kernel = debian61();
const plan = planRecording(kernel, 'tables');

const fakeOf = (
  info: KernelInfo,
  more: { refuse?: string; stats?: string; trace?: string } = {},
): FakeTracefs => new FakeTracefs({ functions: info.functions!, events: info.events!, ...more });

const open = (fs: FakeTracefs): Session =>
  new Session(fs, plan, {
    pid: 4711,
    bufferKb: 1024,
    endProcess: () => fs.endProcess(),
    threadsOf: () => [],
  });

describe('a session', () => {
  it('sets what was planned under a name of its own and takes all of it back', () => {
    const fs = fakeOf(kernel);
    fs.mkdir('instances/somebody');
    fs.kprobes.push('p:somebody/else do_exit');
    const session = open(fs);
    session.open();
    session.enable();
    session.start();
    const files = fs.instances.get('pttrace_4711')!;
    expect(files.get('tracing_on')).toBe('1');
    expect(files.get('trace_clock')).toBe('mono');
    expect(files.get('options/hash-ptr')).toBe('0');
    expect(files.get('events/pttrace_4711/pte_free_tlb/enable')).toBe('1');
    expect(files.get('events/kmem/mm_page_free/enable')).toBe('1');
    expect(fs.kprobes.filter((l) => l.includes('pttrace_4711/'))).toHaveLength(plan.kprobes.length);
    expect(session.facts).toContain('base vmemmap 0xfffff8ef40000000');
    expect(session.facts).toContain('base direct-map 0xffff8c8080000000');
    expect(session.close()).toEqual([]);
    expect([...fs.instances.keys()]).toEqual(['somebody']);
    expect(fs.kprobes).toEqual(['p:somebody/else do_exit']);
  });

  it('goes on where the kernel refuses a thing, and says so', () => {
    const fs = new FakeTracefs({
      functions: new Set([...kernel.functions!].filter((f) => f !== 'pmd_install')),
      events: new Set([...kernel.events!].filter((e) => e !== 'kmem:mm_page_alloc')),
      refuse: 'trace_clock',
    });
    const session = open(fs);
    session.open();
    session.enable();
    expect(session.facts).toContain('clock local');
    expect(session.facts).toContain('absent pmd_install pmd_install');
    expect(session.facts).toContain('absent kmem:mm_page_alloc');
    expect(session.close()).toEqual([]);
  });

  it('keeps hot probes to the tasks of the filter', () => {
    const newer = debian616();
    const fs = fakeOf(newer);
    const filtered = (filter: TaskFilter | null): Session =>
      new Session(fs, planRecording(newer, 'readers', undefined, filter), {
        pid: 4711,
        bufferKb: 1024,
        endProcess: () => fs.endProcess(),
        threadsOf: (tgid) => (tgid === 17 ? [17, 18] : []),
      });
    const session = filtered(taskFilter(['rd-*'], ['17']));
    session.open();
    session.enable();
    const files = fs.instances.get('pttrace_4711')!;
    const text = 'comm~"rd-*"||common_pid==17||common_pid==18';
    expect(files.get('events/pttrace_4711/pte_map_lock/filter')).toBe(text);
    expect(files.get('events/pttrace_4711/gup_fast_fallback/filter')).toBe(text);
    expect(files.has('events/pttrace_4711/pte_free_tlb/filter')).toBe(false);
    expect(session.facts).toContain(`filter ${text}`);
    expect(session.close()).toEqual([]);
    const nobody = filtered(taskFilter([], ['99']));
    nobody.open();
    expect(() => nobody.enable()).toThrow(/no such process: 99/);
    nobody.close();
  });

  it('leaves nothing when it cannot begin', () => {
    const fs = fakeOf(kernel, { refuse: 'buffer_size_kb' });
    expect(() => open(fs).open()).toThrow(/EINVAL/);
    expect(fs.instances.size + fs.kprobes.length).toBe(0);
  });

  it('accounts for losses per CPU and for missed probes of its own only', () => {
    const stats = 'entries: 10\noverrun: 3\ncommit overrun: 2\nbytes: 5\ndropped events: 1\nread events: 0\n';
    const fs = fakeOf(kernel, { stats });
    const session = open(fs);
    session.open();
    fs.profile = '  call_rcu          100      7\n  pte_free_tlb   9   0\n  foreign    1   5\n';
    const { facts, entries, overrun } = session.losses();
    expect([entries, overrun]).toEqual([40, 12]);
    expect(facts).toEqual([
      ...['0', '1', '2', '10'].map((c) => `cpu ${c} entries 10 overrun 3 commit-overrun 2 dropped 1`),
      'missed call_rcu 7',
    ]);
    session.close();
  });

  it('tells in the trace what its probes have missed by now', () => {
    const fs = fakeOf(kernel);
    const session = open(fs);
    session.open();
    const marker = (): string | undefined => fs.instances.get('pttrace_4711')!.get('trace_marker');
    session.sampleMisses();
    expect(marker()).toBe('pttrace: misses');
    fs.profile = '  call_rcu          100      7\n  pte_free_tlb   9   0\n  foreign    1   5\n';
    session.sampleMisses();
    expect(marker()).toBe('pttrace: misses call_rcu=7');
    session.close();
  });

  it('hashes pointers where the kernel would glue events to each other', () => {
    const line = '  sh-1   [000] d..1.     1.000001: ';
    const check = (trace: string): [string | undefined, boolean] => {
      const fs = fakeOf(kernel, { trace });
      const session = open(fs);
      session.open();
      session.checkPointers();
      const hashed = fs.instances.get('pttrace_4711')!.get('options/hash-ptr');
      session.close();
      return [hashed, session.facts.some((fact) => fact.startsWith('note hashed-pointers '))];
    };
    expect(check(`${line}rcu_utilization: Start context switch\n${line}mm_page_free: pfn=0x1\n`)).toEqual([
      '0',
      false,
    ]);
    expect(check(`${line}rcu_utilization: ${line}mm_page_free: pfn=0x1\n`)).toEqual(['1', true]);
  });

  it('can be removed while its trace is being read', () => {
    const fs = fakeOf(kernel);
    const session = open(fs);
    session.open();
    for (const _ of session.trace()) expect(session.close()).toEqual([]);
    expect(fs.instances.size).toBe(0);
  });
});

describe('what a killed recording leaves', () => {
  it('is found by its name and removed, wherever the recording was killed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (steps) => {
        const fs = fakeOf(kernel);
        fs.kprobes.push('p:pttrace_x/mine do_exit', 'p:other/call_rcu call_rcu');
        fs.mkdir('instances/pttrace_mine');
        let left = steps;
        const killed = new Proxy(fs, {
          get(target, key, receiver) {
            const value = Reflect.get(target, key, receiver);
            if (typeof value !== 'function' || key === 'closeFiles') return value;
            return (...args: unknown[]) => {
              if (left-- <= 0) throw new Error('killed');
              return (value as (...a: unknown[]) => unknown).apply(target, args);
            };
          },
        });
        const session = new Session(killed, plan, {
          pid: 99,
          bufferKb: 64,
          endProcess: () => fs.endProcess(),
          threadsOf: () => [],
        });
        try {
          session.open();
          session.enable();
        } catch {
          // Dead: also its own way back was cut off.
        }
        for (const l of leftovers(fs)) {
          expect(l.pid).toBe(99);
          expect(removeNamed(fs, l.name)).toEqual([]);
        }
        expect(leftovers(fs)).toEqual([]);
        expect([...fs.instances.keys()]).toEqual(['pttrace_mine']);
        expect(fs.kprobes).toEqual(['p:pttrace_x/mine do_exit', 'p:other/call_rcu call_rcu']);
      }),
      { numRuns: 100 },
    );
  });

  it('is told when it cannot be removed', () => {
    const fs = fakeOf(kernel);
    open(fs).open();
    fs.mkdir('instances/user');
    fs.write('instances/user/events/pttrace_4711/call_rcu/enable', '1');
    expect(removeNamed(fs, 'pttrace_4711').join()).toMatch(/probe call_rcu: EBUSY/);
  });
});
