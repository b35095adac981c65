import { describe, expect, it } from 'vitest';
import { replayStory, report } from '../support/replay.js';
import { type Actor, LOST, MM, MUNMAP, munmapRcu, type Step, step } from '../support/story.js';
import { idle, interrupted } from './walkers.js';

const OTHER = '0xffff888100777700';
const INIT = '0xffffffff833cce80';
const THERE: Actor = { task: 'ptw-spin1-101', cpu: 1, flags: 'd..2.' };

const loads = (who: Actor, mm: string, ctx: number): Step =>
  step('loads', who, `switch_mm: (switch_mm_irqs_off+0x4/0x420) next=${mm} gen=5 ctx=${ctx}`);
const flushes = (who: Actor, pages = -1, reason = 'flush on task switch (0)'): Step =>
  step('flushes', who, `tlb_flush: pages:${pages} reason:${reason}`);
const switches = (who: Actor, from: number, to: number): Step =>
  step(
    'switch',
    who,
    `sched_switch: prev_comm=a prev_pid=${from} prev_prio=120 prev_state=R ==> next_comm=b next_pid=${to} next_prio=120`,
  );
/** A munmap whose flush finds CPU 1 elsewhere: no IPI goes there. */
const munmapAlone = (n: number): Step[] =>
  munmapRcu(n).filter((s) => !['multi', 'send', 'handler-in', 'invalidate', 'handler-out'].includes(s.label));
const comes = (mm: string, ctx: number, ...then: Step[]): Step[] => [loads(THERE, mm, ctx), ...then];
const judge = async (id: string, steps: readonly Step[]) => report(await replayStory(steps), id);

describe('I26 switch-in-catchup, by the slot that is loaded', () => {
  const loaded = (ctx: number, gen: number, asid = 2): Step =>
    step(
      'loaded',
      THERE,
      `switch_mm_ret: (__schedule+0x5/0x9 <- switch_mm_irqs_off) asid=${asid} ctx=${ctx} gen=${gen}`,
    );
  const there = [loads(THERE, OTHER, 8), loaded(8, 5)];

  it('passes where the CPU has caught up, and is violated where it is behind', async () => {
    const comesBack = (gen: number): Step[] => [...there, loads(THERE, MM, 7), loaded(7, gen)];
    expect((await judge('I26', comesBack(5))).instances).toMatchObject({ pass: 1, violated: 0 });
    expect((await judge('I26', comesBack(6))).instances).toMatchObject({ pass: 1, violated: 0 });
    const behind = await judge('I26', comesBack(4));
    expect(behind.instances).toMatchObject({ pass: 0, violated: 1 });
    expect(behind.findings[0]!.message).toContain('generation is 5');
  });

  it('says nothing of a CPU that stays in its mm, of a global ASID, or of a slot of another life', async () => {
    const quiet = async (...steps: Step[]) => (await judge('I26', [...there, ...steps])).instances;
    const none = { pass: 0, violated: 0 };
    expect(await quiet(loads(THERE, OTHER, 8), loaded(8, 4))).toMatchObject(none);
    expect(await quiet(loads(THERE, MM, 7), loaded(0, 0, 9))).toMatchObject(none);
    expect(await quiet(loads(THERE, MM, 7), loaded(6, 4))).toMatchObject(none);
  });
});

describe('I26 switch-in-catchup, by switch_mm_irqs_off', () => {
  const away = (back: readonly Step[]): Step[] => [
    ...comes(MM, 7, flushes(THERE)),
    ...comes(OTHER, 8, flushes(THERE)),
    ...munmapAlone(1),
    ...back,
    ...comes(OTHER, 8, flushes(THERE)),
    ...munmapAlone(2),
    ...comes(MM, 7, flushes(THERE)),
  ];

  it('passes where a CPU flushes when it is back', async () => {
    expect(await judge('I26', away(comes(MM, 7, flushes(THERE))))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 2 },
    });
  });

  it.each([
    ['loads the mm without a flush', comes(MM, 7, flushes(THERE, 0))],
    ['goes on without a word', comes(MM, 7, switches(THERE, 101, 102))],
  ])('is violated where it %s', async (_, back) => {
    expect((await judge('I26', away(back))).instances).toMatchObject({ pass: 1, violated: 1 });
  });

  it('is no matter of a CPU that was there all the time, nor of another life of the mm', async () => {
    const stayed = [...comes(MM, 7, flushes(THERE)), ...munmapRcu(1), ...comes(MM, 7), switches(THERE, 1, 2)];
    expect((await judge('I26', stayed)).instances).toMatchObject({ pass: 0, violated: 0 });
    const anew = away(comes(MM, 9, flushes(THERE, 0)));
    expect((await judge('I26', anew)).instances).toMatchObject({ violated: 0 });
  });

  it('is no matter of a flush that is under way', async () => {
    const within = munmapAlone(1).flatMap((s) =>
      s.label === 'flushed' ? [...comes(MM, 7, flushes(THERE, 0)), s] : [s],
    );
    const steps = [...comes(MM, 7, flushes(THERE)), ...comes(OTHER, 8, flushes(THERE)), ...within];
    expect((await judge('I26', steps)).instances).toMatchObject({ pass: 0, violated: 0, unknown: 0 });
  });

  it('catches up when it comes back from idling in the mm', async () => {
    const lazy = (back: Step): Step[] => [
      ...comes(MM, 7, flushes(THERE)),
      switches(THERE, 101, 0),
      ...munmapAlone(1),
      loads(idle(1), MM, 7),
      back,
      ...comes(OTHER, 8, flushes(THERE)),
    ];
    expect((await judge('I26', lazy(flushes(idle(1))))).instances).toMatchObject({ pass: 1, violated: 0 });
    expect((await judge('I26', lazy(switches(idle(1), 0, 101)))).instances).toMatchObject({ violated: 1 });
  });

  it('is not judged across a loss', async () => {
    const lost = away([LOST(1), ...comes(MM, 7, flushes(THERE, 0))]);
    expect((await judge('I26', lost)).instances.violated).toBe(0);
  });
});

describe('I27 lazy-freed-tables, by the flush handler of an idle CPU', () => {
  const HANDLER = interrupted(idle(1));
  /** CPU 1 goes idle in the mm; `answer` is what its flush handler prints. */
  const lazy = (n: number, answer: readonly Step[]): Step[] => [
    ...comes(MM, 7, flushes(THERE)),
    switches(THERE, 101, 0),
    ...munmapRcu(n).flatMap((s) => {
      if (s.who?.task !== 'ptw-spin1-101') return [s];
      const there = { ...s, who: HANDLER };
      return s.label === 'invalidate' ? [there, ...answer] : [there];
    }),
    loads(idle(1), MM, 7),
    flushes(idle(1)),
  ];
  const leaves = [loads(HANDLER, INIT, 1), flushes(HANDLER)];
  const three = (middle: readonly Step[]): Step[] => [
    ...lazy(1, leaves),
    ...lazy(2, middle),
    ...lazy(3, leaves),
  ];

  it('passes where the CPU leaves the mm', async () => {
    expect(await judge('I27', three(leaves))).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
  });

  it.each([
    ['flushes and stays', [flushes(HANDLER, -1, 'remote shootdown (1)')]],
    ['does nothing', []],
  ])('is violated where it %s', async (_, answer) => {
    const { instances } = await judge('I27', three(answer));
    expect(instances).toMatchObject({ pass: 2, violated: 1 });
  });

  it('is fine where the CPU had left before', async () => {
    const left = three([]).flatMap((s, i, all) =>
      s.label === 'switch' && i > all.length / 3 && i < (2 * all.length) / 3
        ? [s, loads(idle(1), INIT, 1), flushes(idle(1))]
        : [s],
    );
    expect((await judge('I27', left)).instances).toMatchObject({ pass: 2, violated: 0 });
  });

  it('does not ask CPUs that run a program', async () => {
    const busy = [
      ...comes(MM, 7, flushes(THERE)),
      ...munmapRcu(1),
      ...munmapRcu(2),
      step('x', MUNMAP, 'x: y'),
    ];
    expect((await judge('I27', busy)).instances).toMatchObject({ pass: 0, violated: 0, unknown: 0 });
  });
});
