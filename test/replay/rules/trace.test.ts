import { describe, expect, it } from 'vitest';
import { judged, replayFile, replayStory, replayText, report } from '../support/replay.js';
import {
  again,
  BASES,
  change,
  eventLine,
  insertBefore,
  LOST,
  MUNMAP,
  munmapRcu,
  munmapSync,
  print,
  SPIN_IRQ,
  type Step,
  singleRcu,
  singleSync,
  step,
  without,
} from '../support/story.js';

const between = (odd: readonly Step[]): Step[] => [...munmapRcu(1), ...odd, ...munmapRcu(3)];
const every = (edit: (steps: Step[]) => Step[]): Step[] => [1, 2, 3].flatMap((n) => edit(munmapRcu(n)));

describe('I48 syscall-pair', () => {
  it('passes for entries and exits in turn', async () => {
    expect(await judged('I48', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
  });

  it('is violated by two entries, by two exits, and by the exit of another call', async () => {
    expect((await judged('I48', between(without(munmapRcu(2), 'exit')))).verdict).toBe('violated');
    expect((await judged('I48', between(again(munmapRcu(2), 'exit')))).verdict).toBe('violated');
    const madvise = (n: number) => [
      step('m', MUNMAP, 'sys_madvise(start: 100000000000, len_in: 2000000, behavior: f)'),
      step('n', MUNMAP, 'sys_madvise -> 0x0'),
      ...munmapRcu(n),
    ];
    const odd = change(munmapRcu(2), 'exit', 'sys_munmap', 'sys_madvise');
    expect((await judged('I48', [...madvise(1), ...odd, ...madvise(3)])).verdict).toBe('violated');
  });

  it('does not expect exit_group to return', async () => {
    const r = await judged('I48', [
      ...between(munmapRcu(2)),
      step('x', MUNMAP, 'sys_exit_group(error_code: 0)'),
      ...munmapRcu(4),
    ]);
    expect(r.instances).toMatchObject({ violated: 0, pass: 4 });
  });

  it('censors an exit whose entry is before the recording', async () => {
    const r = await judged('I48', [...without(munmapRcu(1), 'enter'), ...munmapRcu(2)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 1, censored: 1 } });
  });

  it('is unknown without exits, and across loss', async () => {
    const none = await judged(
      'I48',
      every((s) => without(s, 'exit')),
    );
    expect(none.instances.violated).toBe(0);
    expect(none.verdict).toBe('unknown');
    const lost = await judged(
      'I48',
      between(insertBefore(without(munmapRcu(2), 'exit'), 'gp-start', LOST(0))),
    );
    expect(lost.instances.violated).toBe(0);
    expect(lost.verdict).toBe('unknown');
  });
});

describe('I49 gather-pair', () => {
  it('passes for gathers that begin and end with the same mm', async () => {
    expect(await judged('I49', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
  });

  it('is violated by a gather that ends with another mm', async () => {
    const r = await judged(
      'I49',
      between(change(munmapRcu(2), 'finish', 'mm=0xffff888100051300', 'mm=0xffff888100051999')),
    );
    expect(r.verdict).toBe('violated');
    expect(r.findings[0]!.message).toContain('another mm');
  });

  it('is violated by a gather begun while one is open', async () => {
    const r = await judged('I49', between(without(munmapRcu(2), 'finish', 'finished')));
    expect(r).toMatchObject({ verdict: 'violated' });
  });

  it('is unknown without gather probes, and across loss', async () => {
    const none = await judged(
      'I49',
      every((s) => without(s, 'gather', 'finish', 'finished')),
    );
    expect(none.verdict).toBe('unknown');
    expect(none.settledBy.join()).toContain('tlb_gather_mmu');
    const odd = without(munmapRcu(2), 'finish', 'finished');
    const lost = await judged('I49', between(insertBefore(odd, 'gp-start', LOST(0))));
    expect(lost).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
  });
});

describe('I52 clock', () => {
  const line = (us: number, cpu = 0) =>
    eventLine({ ...MUNMAP, cpu }, us, 'tlb_flush: pages:-1 reason:local mm shootdown (3)');

  it('passes when the stamps of each CPU never go back', async () => {
    const r = await replayText([line(20), line(10, 1), line(30), line(15, 1)].join('\n'));
    expect(report(r, 'I52')).toMatchObject({ verdict: 'pass', instances: { pass: 4 } });
  });

  it('is violated by a CPU whose clock goes back', async () => {
    const r = await replayText([line(20), line(10), line(30)].join('\n'));
    expect(report(r, 'I52')).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
    expect(report(r, 'I52').findings[0]!.message).toContain('goes back by 10000 ns');
  });

  it('does not accuse the clock over a hole', async () => {
    const r = await replayText([line(20), 'CPU:0 [LOST 3 EVENTS]', line(10), line(30)].join('\n'));
    expect(report(r, 'I52').instances.violated).toBe(0);
  });
});

describe('I53 lost-events', () => {
  it('passes per CPU without loss, and is unknown where events were lost', async () => {
    expect(await judged('I53', munmapRcu(1))).toMatchObject({ verdict: 'pass', instances: { pass: 2 } });
    const r = await replayStory([...munmapRcu(1), LOST(0, 7), ...munmapRcu(2), LOST(0, 5)]);
    expect(report(r, 'I53')).toMatchObject({
      verdict: 'unknown',
      instances: { pass: 1, unknown: 2, violated: 0 },
    });
    expect(r.timeline.lost).toEqual([{ cpu: 0, count: 12, intervals: 2 }]);
    expect(r.inputs[0]!.lines.lost).toBe(2);
  });
});

describe('I56 variant-consistency', () => {
  it('passes when every shape fits one kernel, and says which', async () => {
    const r = await replayStory([...munmapRcu(1), ...singleRcu(2), ...singleRcu(3)]);
    expect(report(r, 'I56').verdict).toBe('pass');
    expect(r.variant.candidates).toEqual(['C', 'D', 'E', 'F']);
    expect(r.variant.how).toBe('detected');
  });

  it('is violated by shapes of two kernels, and quotes lines of both', async () => {
    const r = await replayFile(
      print([...singleSync(1), ...singleSync(2), ...singleRcu(3), ...singleRcu(4)]),
      BASES,
    );
    const i56 = report(r, 'I56');
    expect(i56.verdict).toBe('violated');
    expect(i56.findings[0]!.events.length).toBeGreaterThan(1);
    expect(i56.findings[0]!.message).toMatch(/no kernel variant shows both: .*\(A2, .*and .*\(.*C/);
  });

  it('is violated by a recording that the variant given cannot have made', async () => {
    const steps = [1, 2, 3].flatMap(singleRcu);
    expect((await judged('I56', steps, { variants: ['A0'] })).verdict).toBe('violated');
    expect((await judged('I56', steps, { variants: ['D'] })).verdict).toBe('pass');
  });

  it('is unknown where nothing tells kernels apart', async () => {
    const r = await replayStory(without([...munmapSync(1)], 'frame-free', 'table-free'));
    expect(report(r, 'I56').verdict).toBe('unknown');
    expect(r.variant.candidates.length).toBeGreaterThan(8);
  });
});

describe('I54 pid-reuse', () => {
  const died = step('died', MUNMAP, 'sched_process_exit: comm=ptw-munmap pid=100 prio=120');
  const born = step('born', SPIN_IRQ, 'sched_process_fork: comm=sh pid=101 child_comm=sh child_pid=100');
  const clone = step('clone', MUNMAP, 'sys_clone -> 0x0');
  const entered = munmapRcu(2).findIndex((s) => s.label === 'exit');
  /** The task dies in the middle of its second munmap; under its tid, that call returns. */
  const returned = [...munmapRcu(2).slice(0, entered), died, ...munmapRcu(2).slice(entered)];

  it('passes where a new task begins under the tid: by its fork, its first return, an entry', async () => {
    const forked = await judged('I54', [...munmapRcu(1), died, born, ...munmapRcu(2)]);
    expect(forked).toMatchObject({ verdict: 'pass', instances: { pass: 1 }, basis: { observed: 1 } });
    const child = await judged('I54', [...munmapRcu(1), died, clone, ...munmapRcu(2)]);
    expect(child).toMatchObject({ verdict: 'pass', instances: { pass: 1 }, basis: { inferred: 1 } });
    const entry = await judged('I54', [...munmapRcu(1), died, ...munmapRcu(2)]);
    expect(entry).toMatchObject({ verdict: 'pass', instances: { pass: 1 }, basis: { inferred: 1 } });
  });

  it('is violated by the return of a call that the dead task had entered', async () => {
    const r = await judged('I54', [...munmapRcu(1), ...returned, ...munmapRcu(3)]);
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    const told = await replayFile(print([...munmapRcu(1), ...returned, ...munmapRcu(3)]), BASES);
    const [finding] = report(told, 'I54').findings;
    expect(finding!.message).toContain('had entered before');
    expect(finding!.events.map((e) => e.role)).toEqual(['exited', 'returned']);
  });

  it('is not violated where the tid was given to a new task first, or events were lost', async () => {
    const fork = returned.flatMap((s) => (s.label === 'died' ? [s, born] : [s]));
    expect((await judged('I54', [...munmapRcu(1), ...fork, ...munmapRcu(3)])).instances.violated).toBe(0);
    for (const cpu of [0, 1]) {
      const lost = returned.flatMap((s) => (s.label === 'died' ? [s, LOST(cpu)] : [s]));
      const r = await judged('I54', [...munmapRcu(1), ...lost, ...munmapRcu(3)]);
      expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    }
  });

  it('says what it needs where exits are not recorded, and what did not happen where they are', async () => {
    expect(await judged('I54', munmapRcu(1))).toMatchObject({
      verdict: 'unknown',
      settledBy: ['sched:sched_process_exit (and sched:sched_process_fork)'],
    });
    expect((await judged('I54', [...munmapRcu(1), died])).verdict).toBe('not-applicable');
  });

  it('a dead task’s open call and gather are not the next task’s', async () => {
    // Without the exit event, both would be violations about brackets.
    const cut = munmapRcu(2).slice(
      0,
      munmapRcu(2).findIndex((s) => s.label === 'unlink'),
    );
    const steps = (dead: Step[]) => [...munmapRcu(1), ...cut, ...dead, ...munmapRcu(2)];
    for (const id of ['I48', 'I49']) {
      expect((await judged(id, steps([]))).verdict, id).toBe('violated');
      expect((await judged(id, steps([died]))).instances.violated, id).toBe(0);
    }
  });
});
