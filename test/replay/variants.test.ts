import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/result/usage-error.js';
import { replayFixtures } from './damage/fixtures.js';
import { replayLines, replayStory, report, violatedIds } from './support/replay.js';
import { insertBefore, munmapRcu, munmapSync, singleRcu, singleSync, smpSync } from './support/story.js';

// A rule that differs between the kernels a recording may be of is violated only if it is under every one of them.

describe('variants', () => {
  const synced = [1, 2, 3].flatMap((n) => insertBefore(singleRcu(n), 'enqueue', ...smpSync(n)));

  it('detected, narrowed by the user, and contradicted', async () => {
    const r = await replayStory([1, 2, 3].flatMap(singleSync));
    expect(r.variant.candidates).toEqual(['A2', 'Bn', 'Cn', 'Dn']);
    const given = await replayStory([1, 2, 3].flatMap(singleSync), { variants: ['Dn', 'D'] });
    expect(given.variant).toMatchObject({ how: 'given', candidates: ['Dn'] });
    const wrong = await replayStory([1, 2, 3].flatMap(singleSync), { variants: ['D'] });
    expect(violatedIds(wrong)).toContain('I56');
  });

  it.each([
    ['call_rcu of batches', munmapRcu, ['A2', 'B', 'Bn', 'C', 'Cn', 'D', 'Dn', 'E', 'En', 'F', 'Fn']],
    ['call_rcu of single tables', singleRcu, ['C', 'D', 'E', 'F']],
    ['release after an IPI', singleSync, ['A2', 'Bn', 'Cn', 'Dn']],
    ['release after the flush', munmapSync, ['A0', 'A1', 'Bn', 'Cn']],
  ] as const)('%s', async (_, cycle, kernels) => {
    expect((await replayStory([1, 2, 3].flatMap((n) => cycle(n)))).variant.candidates).toEqual(kernels);
  });

  it('violated under one candidate and right under another is unknown, and says so', async () => {
    const open = await replayStory(synced, { variants: ['B'] });
    expect(report(open, 'I07').verdict).toBe('pass');
    const newer = await replayStory(synced, { variants: ['C'] });
    expect(violatedIds(newer)).toContain('I07');
  });

  it('every candidate allowed by the evidence is named with what keeps it', async () => {
    const r = await replayStory([...munmapRcu(1), ...singleRcu(2), ...munmapRcu(3)]);
    expect(r.variant.evidence.length).toBeGreaterThan(0);
    const kept = r.variant.evidence.reduce(
      (left, e) => left.filter((v) => e.keeps.includes(v)),
      r.variant.evidence[0]!.keeps,
    );
    expect(kept).toEqual(r.variant.candidates);
  });

  it('refuses a name that is none', async () => {
    await expect(replayStory(munmapRcu(1), { variants: ['Z9'] })).rejects.toThrow(UsageError);
  });

  it.each([
    ['6.12.117-lab-y/slowpath-failpagealloc.txt.gz', 'C'],
    ['6.12.117-lab-semi/slowpath-failpagealloc.txt.gz', 'A2'],
    ['6.12.117-lab-n/gup-munmap.txt.gz', 'A1'],
    ['debian-6.16.12/pt-reclaim-gup.txt.gz', 'D'],
  ])(
    '%s allows %s, and another kernel is contradicted with the lines that prove it',
    async (name, variant) => {
      const { lines } = replayFixtures().find((f) => f.name === name)!;
      const r = await replayLines(lines);
      expect(r.variant.candidates).toContain(variant);
      const given = await replayLines(lines, { variants: [variant] });
      expect(violatedIds(given)).toEqual([]);
      const others = ['A0', 'A2', 'C', 'D', 'E'].filter((v) => !r.variant.candidates.includes(v));
      expect(others.length).toBeGreaterThan(0);
      for (const other of others) {
        expect(violatedIds(await replayLines(lines, { variants: [other] })), other).toContain('I56');
      }
    },
  );
});
