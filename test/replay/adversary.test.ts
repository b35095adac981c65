import { describe, expect, it } from 'vitest';
import { runOrder } from '../../src/litmus/run.js';
import { one } from '../litmus/support/files.js';
import { judged, replayLines, replayStory, report, violatedIds } from './support/replay.js';
import {
  again,
  allocated,
  eventLine,
  freed,
  insertAfter,
  insertBefore,
  LOST,
  MUNMAP,
  marker,
  moveAfter,
  munmapRcu,
  munmapSync,
  SOFTIRQ,
  type Step,
  step,
} from './support/story.js';

// Traces that once got a wrong verdict, cut down to what made it wrong.

const litmus = (steps: string, ...violated: string[]): readonly string[] =>
  runOrder(
    ...one(
      `litmus x\ncase: ${violated.length > 0 ? `violates ${violated.join(' ')}` : 'silent'}\n${steps}\n`,
    ),
  ).violated;

describe('false alarms', () => {
  it('an interrupt between call_rcu and its tracepoint does not make two heads of one', async () => {
    const steps = [
      ...munmapRcu(1),
      ...insertAfter(
        munmapRcu(2),
        'enqueue',
        step('tick', { ...MUNMAP, flags: 'd.h1.' }, freed(0x999)),
        step('other', SOFTIRQ, freed(0x998)),
      ),
      ...munmapRcu(3),
    ];
    expect(violatedIds(await replayStory(steps))).toEqual([]);
    expect((await judged('I42', steps)).instances).toMatchObject({ pass: 3, violated: 0 });
  });

  it('a task switched out inside call_rcu is overtaken by the one that runs then', async () => {
    const other = { ...MUNMAP, task: 'other-300' };
    const call = (who: typeof MUNMAP, head: string): ReturnType<typeof step> =>
      step('call', who, `call_rcu: (call_rcu+0x4/0x10) head=${head} func=tlb_remove_table_rcu+0x0/0x40`);
    const ran = (head: string): ReturnType<typeof step> =>
      step('ran', SOFTIRQ, `tlb_remove_table_rcu: (tlb_remove_table_rcu+0x4/0x40) head=${head}`);
    const [a, b] = ['0xffff88811a000000', '0xffff88811b000000'];
    const switched = step(
      'switch',
      { ...MUNMAP, flags: 'd..2.' },
      'sched_switch: prev_comm=ptw-munmap prev_pid=100 prev_prio=120 prev_state=R+ ==> next_comm=other next_pid=300 next_prio=120',
    );
    const inside = await judged('I42', [call(MUNMAP, a), switched, call(other, b), ran(b), ran(a)]);
    expect(inside.instances).toMatchObject({ violated: 0, unknown: 1 });
    const after = step('next', MUNMAP, 'sys_munmap -> 0x0');
    const out = await judged('I42', [call(MUNMAP, a), after, switched, call(other, b), ran(b), ran(a)]);
    expect(out.instances).toMatchObject({ violated: 1 });
  });

  it('a page of another process released inside a gather is not its own', async () => {
    const stranger = { ...MUNMAP, task: 'other-300' };
    const page = (who: typeof MUNMAP, mm: string): ReturnType<typeof step>[] => [
      step(
        'pte',
        who,
        `pmd_install: (pmd_install+0x4/0xb0) mm=${mm} pmd=0xffff888118cd1010 page=0xffffea0004690000`,
      ),
      step('alloc', who, allocated(0x14c000, 'GFP_HIGHUSER_MOVABLE|__GFP_ZERO')),
    ];
    const early = insertBefore(munmapSync(2), 'request', step('drain', MUNMAP, freed(0x14c000)));
    const theirs = [...munmapSync(1), ...page(stranger, '0xffff888100077700'), ...early];
    expect(violatedIds(await replayStory(theirs))).toEqual([]);
    const own = [...munmapSync(1), ...page(MUNMAP, '0xffff888100051300'), ...early];
    expect(violatedIds(await replayStory(own))).toContain('I02');
  });

  it('a clock that is ahead by less than an IPI takes is not a flush that does not wait', async () => {
    const lines = [1, 2, 3].flatMap((n) => munmapRcu(n));
    const shifted = lines
      .map((s, i) => ({ s, us: 1_000_000 + i * 10 + (s.who!.cpu === 1 ? 15 : 0), i }))
      .sort((a, b) => a.us - b.us || a.i - b.i)
      .map(({ s, us }) => eventLine(s.who!, us, s.rest));
    const r = await replayLines(shifted);
    expect(violatedIds(r)).toEqual([]);
    expect(report(r, 'I24').reason).toContain('clock error');
  });
});

describe('false passes', () => {
  const note = (...parts: string[]): string => parts.join('');
  it.each([
    ['two blanks', 'tracing_mark_write: pttrace:  '],
    ['a tab', 'tracing_mark_write: pttrace:\t'],
    ['no blank', 'tracing_mark_write: pttrace:'],
    ['trace_printk()', 'zap_huge_pmd: pttrace: '],
    ['trace_printk() without symbols', '0xffffffff81234567: pttrace: '],
  ])('a marker with %s is read', async (_, head) => {
    const line = (text: string): ReturnType<typeof step> => step('mark', MUNMAP, note(head, text));
    const steps = [line('PGD pfn=0x500'), step('tr', MUNMAP, marker('TR pfn=0x500 level=1'))];
    expect((await judged('I14', steps)).verdict).toBe('violated');
  });

  it('an entry told twice is one entry: it is gone when it is cleared once', () => {
    expect(litmus('P0 map A v T\nP0 map A v T\nP0 unlink A v\nP1 set T v F', 'I20')).toContain('I20');
  });

  it('kernel addresses stay in use whatever process is loaded', async () => {
    const trace = (addr: string): Promise<readonly string[]> => {
      const on = (cpu: number, rest: string): ReturnType<typeof step> =>
        step('x', { task: `t${cpu}-${200 + cpu}`, cpu, flags: '.....' }, rest);
      const inv = (cpu: number): ReturnType<typeof step>[] => [
        on(
          cpu,
          'flush_tlb_func: (flush_tlb_func+0x4/0x1e0) info=0x1 mm=0x7000 start=0x0 end=0xffffffffffffffff new_tlb_gen=2',
        ),
        on(cpu, freed(0x900 + cpu)),
      ];
      return replayStory([
        ...inv(0),
        ...inv(1),
        on(0, marker(`LINK mm=0x8000 addr=${addr} pfn=0x500 level=1`)),
        on(1, marker(`HW mm=0x8000 addr=${addr}`)),
        on(1, marker('CR3 mm=0x9000')),
        on(0, marker(`UL mm=0x8000 addr=${addr} pfn=0x500`)),
        on(0, freed(0x500)),
        ...inv(0),
        ...inv(1),
      ]).then(violatedIds);
    };
    expect(await trace('0xffffc90000000000')).toContain('I03');
    expect(await trace('0x7f0000000000')).toEqual([]);
  });

  it('a CPU that walks a process has it loaded, whatever was told of its CR3 before', () => {
    expect(litmus('P1 switch B\nP0 map A v T\nP1 walk A v\nP0 unlink A v\nP0 free T', 'I03')).toContain(
      'I03',
    );
  });

  it('CPUs that show nothing do not excuse one that does', async () => {
    const on = (cpu: number, rest: string): ReturnType<typeof step> =>
      step('x', { task: `t${cpu}-${200 + cpu}`, cpu, flags: '.....' }, rest);
    const inv = (cpu: number): ReturnType<typeof step> =>
      on(
        cpu,
        'flush_tlb_func: (flush_tlb_func+0x4/0x1e0) info=0x1 mm=0x7000 start=0x0 end=0xffffffffffffffff new_tlb_gen=2',
      );
    const steps = [
      inv(0),
      inv(7),
      on(0, marker('LINK mm=0x8000 addr=0x1000 pfn=0x500 level=1')),
      on(7, marker('HW mm=0x8000 addr=0x1000')),
      on(0, marker('UL mm=0x8000 addr=0x1000 pfn=0x500')),
      on(0, freed(0x500)),
      inv(0),
      inv(7),
    ];
    expect(violatedIds(await replayStory(steps, {}, 8))).toContain('I03');
  });

  it.each([
    ['I11', 'append'],
    ['I12', 'gp-start'],
    ['I10', 'enqueue'],
    ['I24', 'handler-in'],
    ['I42', 'gp-end'],
  ])('%s: what was lost may have been what must not be there', async (id, place) => {
    const whole = await judged(id, [...munmapRcu(1), ...munmapRcu(2), ...munmapRcu(3)]);
    const holed = await judged(id, [
      ...munmapRcu(1),
      ...insertBefore(munmapRcu(2), place, LOST(0)),
      ...munmapRcu(3),
    ]);
    expect(whole.verdict).toBe('pass');
    expect(holed.verdict).toBe('unknown');
    expect(holed.instances.violated).toBe(0);
  });
});

describe('right before and after', () => {
  it('a bug after a long right prefix, and a right order after the bug', async () => {
    const right = Array.from({ length: 12 }, (_, i) => munmapRcu(i + 1)).flat();
    const wrong = again(munmapRcu(20), 'unlink');
    for (const steps of [
      [...right, ...wrong, ...munmapRcu(21)],
      [...munmapRcu(21), ...wrong, ...right],
    ]) {
      const r = report(await replayStory(steps), 'I12');
      expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    }
  });

  it('the page of a table becomes that of another process, and is released again', async () => {
    const again = (gp: number, steps: readonly Step[]): Step[] =>
      steps.map((s) => ({ ...s, rest: s.rest.replace(/^(rcu_grace_period: rcu_preempt) \d+/, `$1 ${gp}`) }));
    const steps = [
      ...munmapRcu(1),
      ...again(8405, munmapRcu(1)),
      ...again(8409, moveAfter(munmapRcu(1), 'frame-free', 'exit')),
    ];
    expect(violatedIds(await replayStory(steps))).toEqual([]);
  });
});
