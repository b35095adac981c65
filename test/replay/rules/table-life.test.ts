import { describe, expect, it } from 'vitest';
import { judged } from '../support/replay.js';
import {
  again,
  freed,
  insertAfter,
  insertBefore,
  LOST,
  MUNMAP,
  marker,
  moveBefore,
  munmapRcu,
  munmapSync,
  READER,
  type Step,
  singleRcu,
  step,
  structPage,
  tablePfn,
  without,
} from '../support/story.js';

/** The odd cycle between two good ones, whose probes show that what is absent in it did not happen. */
const between = (odd: readonly Step[]): Step[] => [...munmapRcu(1), ...odd, ...munmapRcu(3)];
const all = (edit: (steps: Step[]) => Step[]): Step[] => [1, 2, 3].flatMap((n) => edit(munmapRcu(n)));

describe('I01 unlink-before-free', () => {
  const early = moveBefore(moveBefore(munmapRcu(2), 'table-free', 'enter'), 'frame-free', 'finished');

  it('passes when every table is handed over first', async () => {
    const r = await judged('I01', between(munmapRcu(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3, violated: 0, unknown: 0 } });
  });

  it('is violated by a release before the hand-over', async () => {
    const r = await judged('I01', between(early));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.message).toContain(
      `pfn 0x${tablePfn(2).toString(16)} was released before it was unlinked`,
    );
  });

  it('is unknown without the release probe, and names it', async () => {
    const r = await judged(
      'I01',
      all((s) => without(s, 'frame-free', 'table-free', 'batch-free')),
    );
    expect(r.verdict).toBe('unknown');
    expect(r.settledBy.join()).toContain('kmem:mm_page_free');
  });

  it('is unknown when events between release and hand-over were lost', async () => {
    const r = await judged('I01', between(insertBefore(early, 'gather', LOST(0))));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    expect(r.reason).toContain('events were lost, or may have been, in between');
  });

  it('does not accuse a release whose allocation no probe could have shown', async () => {
    const blind = (s: readonly Step[]) => without(s, 'table-alloc', 'frame-alloc', 'birth', 'install');
    const r = await judged('I01', [...blind(munmapRcu(1)), ...blind(early), ...blind(munmapRcu(3))]);
    expect(r.instances.violated).toBe(0);
  });
});

describe('I04 free-after-callback', () => {
  const early = insertAfter(
    without(munmapRcu(2), 'table-free'),
    'enqueue-traced',
    step('table-free', MUNMAP, freed(tablePfn(2))),
  );

  it('passes when the callback releases its tables', async () => {
    const r = await judged('I04', between(munmapRcu(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3 }, basis: { observed: 3 } });
  });

  it('is violated by a release in task context while the call_rcu is pending', async () => {
    const r = await judged('I04', between(early));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
    expect(r.findings[0]!.severity).toBe('S1');
  });

  it('is violated by a release in softirq before the callback begins', async () => {
    const r = await judged('I04', between(moveBefore(munmapRcu(2), 'table-free', 'invoke')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
  });

  it('is unknown without the call_rcu probe', async () => {
    const r = await judged(
      'I04',
      all((s) => without(s, 'enqueue', 'enqueue-traced')),
    );
    expect(r.verdict).toBe('unknown');
    expect(r.settledBy.join()).toContain('call_rcu');
  });

  it('is unknown when events were lost between call_rcu and release', async () => {
    const r = await judged('I04', between(insertBefore(early, 'table-free', LOST(0))));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
  });
});

describe('I05 no-reader-at-free', () => {
  const page = `page=${structPage(tablePfn(2))}`;
  const begins = step('rb', READER, marker(`RB kind=irqoff ${page}`));
  const ends = step('re', READER, marker(`RE kind=irqoff ${page}`));
  const reads = step('dr', READER, marker(`DR kind=irqoff ${page}`));

  it('passes when the reader of the table has left before the release', async () => {
    const steps = insertBefore(insertBefore(munmapRcu(2), 'unlink', begins), 'enqueue', ends);
    const r = await judged('I05', steps);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 1, violated: 0 } });
  });

  it('is violated by a section that began before the unlink and is open at the release', async () => {
    const steps = insertAfter(insertBefore(munmapSync(2), 'unlink', begins), 'table-free', ends);
    const r = await judged('I05', steps);
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.message).toContain('inside a reader section');
  });

  it('is not violated by a section that began after the unlink', async () => {
    const steps = insertAfter(insertAfter(munmapSync(2), 'unlink', begins), 'table-free', ends);
    expect((await judged('I05', steps)).instances.violated).toBe(0);
  });

  it('is violated by reading the table after its release', async () => {
    const steps = insertAfter(munmapSync(2), 'table-free', begins, reads, ends);
    expect((await judged('I05', steps)).verdict).toBe('violated');
  });

  it('is unknown when no reader is shown, or its end is not', async () => {
    expect((await judged('I05', munmapRcu(2))).verdict).toBe('unknown');
    const r = await judged('I05', insertBefore(munmapSync(2), 'unlink', begins));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    expect(r.reason).toContain('no end in the trace');
  });
});

describe('I12 remove-once', () => {
  it('passes for one hand-over and one release per life, also when the page is a table again', async () => {
    expect(await judged('I12', between(munmapRcu(2)))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 3 },
    });
    const r = await judged('I12', [...munmapRcu(2), ...munmapRcu(2)]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 2, violated: 0 } });
  });

  it('is violated by a second hand-over in one life', async () => {
    const r = await judged('I12', between(again(munmapRcu(2), 'unlink')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.message).toContain('handed over twice');
  });

  it('is violated by a second release in one callback, and by one of the task', async () => {
    expect((await judged('I12', between(again(munmapRcu(2), 'table-free')))).verdict).toBe('violated');
    const twice = [...munmapSync(1), ...again(munmapSync(2), 'table-free'), ...munmapSync(3)];
    expect((await judged('I12', twice)).verdict).toBe('violated');
  });

  it('does not accuse whoever releases the page later: bulk allocations, as of kernel stacks, have no tracepoint', async () => {
    const worker = { task: 'kworker/1:1-61', cpu: 1, flags: '.....' };
    const sync = [1, 2, 3].flatMap((n) => munmapSync(n));
    const r = await judged('I12', [
      ...sync,
      step('stack-free', worker, freed(tablePfn(2))),
      ...munmapSync(4),
    ]);
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 4, violated: 0, unknown: 0 } });
  });

  it('is violated by a single table that its task releases and queues to RCU all the same', async () => {
    const odd = insertBefore(
      without(singleRcu(2), 'table-free'),
      'enqueue',
      step('table-free', MUNMAP, freed(tablePfn(2))),
    );
    const r = await judged('I12', [...singleRcu(1), ...odd, ...singleRcu(3)]);
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.message).toContain('handed to call_rcu');
    const lost = await judged('I12', [
      ...singleRcu(1),
      ...insertBefore(odd, 'enqueue', LOST(0)),
      ...singleRcu(3),
    ]);
    expect(lost).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
  });

  it('is unknown where releases or allocations are not shown, or were lost', async () => {
    const noFree = [1, 2, 3].flatMap((n) =>
      without(
        n === 2 ? again(munmapRcu(n), 'unlink') : munmapRcu(n),
        'frame-free',
        'table-free',
        'batch-free',
      ),
    );
    const r = await judged('I12', noFree);
    // The table handed over twice, and each of the three callbacks: whether they release their tables is not shown.
    expect(r.instances).toMatchObject({ violated: 0, unknown: 4 });
    expect(r.reason).toContain('kmem:mm_page_free');
    const lost = between(insertAfter(again(munmapRcu(2), 'unlink'), 'unlink', LOST(1)));
    expect(await judged('I12', lost)).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
    const noAlloc = [1, 2, 3].flatMap((n) =>
      without(n === 2 ? again(munmapSync(n), 'table-free') : munmapSync(n), 'table-alloc', 'frame-alloc'),
    );
    const second = await judged('I12', noAlloc);
    expect(second).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
    expect(second.reason).toContain('kmem:mm_page_alloc');
  });
});
