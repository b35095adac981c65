import { describe, expect, it } from 'vitest';
import { judged, replayLines, replayStory, report } from '../support/replay.js';
import {
  again,
  BASES,
  by,
  change,
  eventLine,
  insertAfter,
  insertBefore,
  LOST,
  MUNMAP,
  moveBefore,
  munmapRcu,
  RCU_TASK,
  READER,
  SOFTIRQ,
  type Step,
  singleRcu,
  step,
  without,
} from '../support/story.js';

const between = (odd: readonly Step[], cycle: (n: number) => Step[] = munmapRcu): Step[] => [
  ...cycle(1),
  ...odd,
  ...cycle(3),
];
const every = (edit: (steps: Step[]) => Step[]): Step[] => [1, 2, 3].flatMap((n) => edit(munmapRcu(n)));
const CALLBACK = ['invoke', 'callback', 'table-free', 'batch-free', 'called'];

describe('I11 no-double-call_rcu', () => {
  it('passes when a head is queued again only after its callback', async () => {
    expect(await judged('I11', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
    const r = await judged('I11', [...munmapRcu(2), ...munmapRcu(2)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 2, violated: 0 } });
  });

  it('counts call_rcu and __call_rcu_common of one enqueue once', async () => {
    const both = insertAfter(
      munmapRcu(2),
      'enqueue',
      ...munmapRcu(2)
        .filter((s) => s.label === 'enqueue')
        .map((s) => ({
          ...s,
          rest: s.rest.replace('call_rcu: (call_rcu+0x4/0x10)', 'crc: (__call_rcu_common+0x4/0x300)'),
        })),
    );
    expect(await judged('I11', between(both))).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
  });

  it('is violated by a second call_rcu on a pending head', async () => {
    const r = await judged('I11', between(again(munmapRcu(2), 'enqueue')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.severity).toBe('S1');
  });

  it('is unknown when a callback may have run unseen: loss, or no release probe', async () => {
    const lost = await judged(
      'I11',
      between(insertAfter(again(munmapRcu(2), 'enqueue'), 'enqueue', LOST(1))),
    );
    expect(lost.instances).toMatchObject({ violated: 0, unknown: 1 });
    const bare = (s: Step[]) => without(s, 'frame-free', 'table-free', 'batch-free');
    const none = await judged('I11', [...bare(munmapRcu(1)), ...bare(again(munmapRcu(2), 'enqueue'))]);
    expect(none.instances).toMatchObject({ violated: 0, unknown: 1 });
    expect(none.reason).toContain('kmem:mm_page_free');
  });
});

describe('I36 cb-after-gp', () => {
  it('passes with a whole grace period between call_rcu and callback', async () => {
    expect(await judged('I36', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
  });

  it.each([
    ['that began before call_rcu', moveBefore(munmapRcu(2), 'gp-start', 'enqueue')],
    ['that has not ended', CALLBACK.reduce((s, label) => moveBefore(s, label, 'gp-end'), munmapRcu(2))],
  ])('is violated by a callback after a grace period %s', async (_, odd) => {
    const r = await judged('I36', between(odd), { kernel: '6.18' });
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
    // From 7.3 on expedited grace periods count too: without the release it is open.
    const open = await judged('I36', between(odd));
    expect(open.instances).toMatchObject({ pass: 2, violated: 0, unknown: 1 });
    expect(open.reason).toContain('--kernel');
  });

  it('is unknown without grace periods, at the end, and across loss', async () => {
    const none = await judged(
      'I36',
      every((s) => without(s, 'gp-start', 'gp-end')),
    );
    expect(none).toMatchObject({ verdict: 'unknown', instances: { unknown: 3, violated: 0 } });
    expect(none.reason).toContain('rcu_grace_period');
    const odd = without(munmapRcu(2), 'gp-end');
    const end = await judged('I36', [...munmapRcu(1), ...odd]);
    expect(end).toMatchObject({ verdict: 'unknown', instances: { pass: 1, violated: 0, unknown: 1 } });
    const lost = await judged('I36', between(insertAfter(odd, 'gp-start', LOST(1))));
    expect(lost.instances).toMatchObject({ violated: 0, unknown: 1 });
  });

  it('is unknown where a later grace period proves the end of one that is not shown to end', async () => {
    const r = await judged('I36', between(without(munmapRcu(2), 'gp-end')), { kernel: '6.18' });
    expect(r).toMatchObject({ verdict: 'unknown', instances: { pass: 2, violated: 0, unknown: 1 } });
    expect(r.reason).toContain('whose end is not shown');
  });

  it('is unknown of what was queued before the first event of any grace period', async () => {
    const odd = CALLBACK.reduce((s, label) => moveBefore(s, label, 'gp-end'), munmapRcu(1));
    const r = await judged('I36', [...odd, ...munmapRcu(2)], { kernel: '6.18' });
    expect(r).toMatchObject({ verdict: 'unknown', instances: { pass: 1, violated: 0, unknown: 1 } });
    expect(r.reason).toContain('not shown yet');
  });
});

describe('I37 cb-not-inside-reader', () => {
  const lock = step('lock', READER, '__rcu_read_lock: (__rcu_read_lock+0x4/0x20)');
  const unlock = step('unlock', READER, '__rcu_read_unlock: (__rcu_read_unlock+0x4/0x60)');
  const readers = [MUNMAP, READER].flatMap((who) => [
    { ...lock, who },
    { ...unlock, who },
  ]);

  it('passes for readers that end before the callback or begin after call_rcu', async () => {
    const short = insertBefore(insertBefore(munmapRcu(2), 'enqueue', lock), 'gp-start', unlock);
    expect(await judged('I37', [...readers, ...short, ...munmapRcu(3), ...readers])).toMatchObject({
      verdict: 'pass',
      instances: { pass: 2 },
    });
    const late = insertAfter(insertAfter(munmapRcu(2), 'enqueue-traced', lock), 'called', unlock);
    expect((await judged('I37', [...readers, ...late, ...readers])).instances).toMatchObject({
      pass: 1,
      violated: 0,
    });
  });

  it.each([
    ['before it on every CPU', readers.slice(2), readers],
    ['after it on every CPU', readers, readers.slice(2)],
    ['without loss', [...readers, LOST(1)], readers],
    ['without a loss that is told of later', readers, [LOST(1), ...readers]],
  ])('is unknown unless the reader probe fires %s', async (_, before, after) => {
    const r = await judged('I37', [...before, ...munmapRcu(2), ...after]);
    expect(r).toMatchObject({ verdict: 'unknown', instances: { pass: 0, violated: 0, unknown: 1 } });
  });

  it('is violated by a callback inside a reader that began before its call_rcu', async () => {
    const odd = insertAfter(insertBefore(munmapRcu(2), 'enqueue', lock), 'called', unlock);
    const r = await judged('I37', odd);
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.basis).toBe('observed');
  });

  it('is order-dependent among equal stamps, and left open where nothing says how clocks agree', async () => {
    const odd = insertAfter(insertBefore(munmapRcu(2), 'enqueue', lock), 'called', unlock);
    // The reader begins in the same microsecond as the call_rcu on the other CPU.
    const at = odd.findIndex((s) => s.label === 'enqueue');
    const close = (steps: readonly Step[]) =>
      steps.map((s) =>
        eventLine(s.who!, 1_000_000 + odd.indexOf(s) - (odd.indexOf(s) >= at ? 1 : 0), s.rest),
      );
    const ipis = report(await replayLines(close(odd), BASES), 'I37');
    expect(ipis).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(ipis.findings[0]!.basis).toBe('order-dependent');
    const alone = report(
      await replayLines(close(without(odd, 'send', 'handler-in', 'invalidate', 'handler-out')), BASES),
      'I37',
    );
    expect(alone.instances).toMatchObject({ violated: 0, unknown: 1 });
    expect(alone.reason).toContain('clock error');
  });

  it('is unknown when the end of the reader, or every reader, is not shown', async () => {
    const open = await judged('I37', insertBefore(munmapRcu(2), 'enqueue', lock));
    expect(open.instances).toMatchObject({ violated: 0, unknown: 1 });
    expect(open.reason).toContain('no end in the trace');
    const none = await judged('I37', munmapRcu(2));
    expect(none.verdict).toBe('unknown');
    expect(none.reason).toContain('__rcu_read_lock');
  });
});

describe('I38 cb-exactly-once', () => {
  it('passes for one callback per call_rcu; the last of the recording may be open', async () => {
    const r = await judged('I38', [...between(munmapRcu(2)), ...without(munmapRcu(4), ...CALLBACK)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3, violated: 0, censored: 1 } });
  });

  it('leaves callbacks from before the recording alone', async () => {
    const tail = munmapRcu(1).slice(munmapRcu(1).findIndex((s) => s.label === 'invoke'));
    const r = await judged('I38', [...tail, ...munmapRcu(2), ...munmapRcu(3)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { violated: 0, censored: 1 } });
  });

  it('is violated by a callback that runs twice', async () => {
    const r = await judged('I38', between(again(munmapRcu(2), 'callback')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 3, violated: 1 } });
    expect(r.findings[0]!.message).toContain('twice');
  });

  it('is violated by a callback nobody queued', async () => {
    const r = await judged('I38', between(without(munmapRcu(2), 'enqueue', 'enqueue-traced')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
  });

  it('is violated by a callback that never runs though younger ones of that CPU do', async () => {
    const r = await judged('I38', [...between(without(munmapRcu(2), ...CALLBACK)), ...munmapRcu(4)]);
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 3, violated: 1 } });
    expect(r.findings[0]).toMatchObject({ severity: 'S3', basis: 'inferred (absence)' });
  });

  it('is unknown where the missing callback may be hidden: loss, no releases, another CPU', async () => {
    const gone = without(munmapRcu(2), ...CALLBACK);
    const lost = await judged('I38', between([...gone, LOST(0)]));
    expect(lost.instances).toMatchObject({ violated: 0, unknown: 1 });
    const bare = (s: Step[]) => without(s, 'frame-free', 'table-free', 'batch-free');
    const none = await judged('I38', [
      ...bare(munmapRcu(1)),
      ...without(gone, 'frame-free'),
      ...bare(munmapRcu(3)),
    ]);
    expect(none.instances).toMatchObject({ violated: 0, unknown: 1 });
    const unseen = report(await replayStory([...between(gone), ...munmapRcu(4)], {}, 4), 'I38');
    expect(unseen.instances).toMatchObject({ violated: 0, unknown: 1 });
    expect(unseen.reason).toContain('only 2 of 4 CPUs');
  });

  it('infers the callback from its releases where its probe was skipped', async () => {
    const r = await judged('I38', between(without(munmapRcu(2), 'invoke', 'callback', 'called')));
    expect(r).toMatchObject({ verdict: 'pass', basis: { observed: 2, inferred: 1 } });
  });
});

describe('I39 cb-func-match', () => {
  const other = change(munmapRcu(2), 'invoke', 'tlb_remove_table_rcu', 'vm_area_free_rcu_cb');

  it('passes when the function queued is the one that runs', async () => {
    expect(await judged('I39', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
  });

  it('is violated by another function', async () => {
    const r = await judged('I39', between(without(other, 'callback', 'called')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
  });

  it('is unknown without a sight of callbacks', async () => {
    const r = await judged(
      'I39',
      every((s) => without(s, 'invoke', 'callback', 'called')),
    );
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
    expect(r.settledBy.join()).toContain('rcu:rcu_invoke_callback');
  });
});

describe('I42 fifo', () => {
  const queue = (n: number) =>
    munmapRcu(n).filter((s) => !CALLBACK.includes(s.label) && !s.label.startsWith('gp-'));
  const gp = munmapRcu(2).filter((s) => s.label.startsWith('gp-'));
  const run = (n: number) => munmapRcu(n).filter((s) => CALLBACK.includes(s.label));
  const inOrder = [...queue(1), ...queue(2), ...gp, ...run(1), ...run(2)];
  const swapped = [...queue(1), ...queue(2), ...gp, ...run(2), ...run(1)];

  it('passes when the callbacks of a CPU run in the order they were queued', async () => {
    expect(await judged('I42', inOrder)).toMatchObject({ verdict: 'pass', instances: { pass: 2 } });
  });

  it('is violated by a younger callback that runs first', async () => {
    const r = await judged('I42', swapped);
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 1, violated: 1 } });
    expect(r.findings[0]!.severity).toBe('S3');
  });

  it('is unknown for callbacks on another CPU, and across loss', async () => {
    const moved = CALLBACK.reduce((s, label) => by(s, label, { ...SOFTIRQ, cpu: 1 }), munmapRcu(2));
    expect(await judged('I42', moved)).toMatchObject({
      verdict: 'unknown',
      instances: { violated: 0, unknown: 1 },
    });
    const lost = await judged('I42', [...queue(1), LOST(0), ...queue(2), ...gp, ...run(2), ...run(1)]);
    expect(lost.instances).toMatchObject({ violated: 0, unknown: 1 });
  });

  it('orders other subsystems’ callbacks too', async () => {
    const traced = (n: number) => `rhp=${String(n).padStart(16, '0')} func=mt_free_rcu`;
    const steps = [
      step('a', MUNMAP, `rcu_callback: rcu_preempt ${traced(1)} 8`),
      step('b', MUNMAP, `rcu_callback: rcu_preempt ${traced(2)} 9`),
      step('g', RCU_TASK, 'rcu_grace_period: rcu_preempt 8397 start'),
      step('h', RCU_TASK, 'rcu_grace_period: rcu_preempt 8397 end'),
      step('c', SOFTIRQ, `rcu_invoke_callback: rcu_preempt ${traced(2)}`),
      step('d', SOFTIRQ, `rcu_invoke_callback: rcu_preempt ${traced(1)}`),
    ];
    expect((await judged('I42', steps)).verdict).toBe('violated');
  });
});

describe('single tables', () => {
  it('pass I11, I36, I38, I39 and I42 through the tracepoints alone', async () => {
    const r = await replayStory([1, 2, 3].flatMap(singleRcu));
    for (const id of ['I11', 'I36', 'I38', 'I39', 'I42']) {
      expect(report(r, id), id).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
    }
  });
});
