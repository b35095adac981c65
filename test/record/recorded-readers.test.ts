import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { planRecording, promisedIds } from '../../src/record/plan.js';
import { FIXTURES, stock } from './support/kernels.js';

/**
 * Cut from recordings that `record --level readers` itself made on stock kernels (fixtures/record/README.md): the tables that
 * are judged, readers inside one at its unlink, lookups, and rules that pass in the excerpt.
 */
const RECORDED = [
  ['7.3.4', 'record-reclaim', { judged: 3, walkers: 1, lookups: 1523 }, ['I05', 'I19', 'I20', 'I36', 'I40']],
  ['7.3.4', 'record-munmap', { judged: 87, walkers: 0, lookups: 0 }, ['I05', 'I26', 'I36', 'I37', 'I40']],
  ['6.12.117', 'record-reclaim', { judged: 0, walkers: 0, lookups: 1018 }, ['I05', 'I19', 'I20']],
] as const;

describe.each(RECORDED)('Debian’s %s, %s', (release, name, seen, passes) => {
  const file = join(FIXTURES, `debian-${release}/${name}.txt.gz`);

  it('replays without flags: no finding, every line, nobody inside at a release', async () => {
    const result = await analyse({ paths: [file] });
    expect(result.summary.findings).toBe(0);
    expect(result.inputs[0]!.lines).toMatchObject({ skipped: 0, foreign: 0 });
    expect(result.bases.how).toBe('recorded');
    const { readers, invariants } = result;
    expect(readers!.inside.atFree).toEqual({ walkers: 0, gupFast: 0 });
    expect(readers!.inside.atUnlink.walkers).toBe(seen.walkers);
    expect(readers!.lookups).toBeGreaterThanOrEqual(seen.lookups);
    const of = new Map(invariants.map((i) => [i.id, i]));
    expect(of.get('I05')!.instances.pass).toBeGreaterThanOrEqual(seen.judged);
    for (const id of passes) expect(of.get(id)!.verdict, `${id}: ${of.get(id)!.reason}`).toBe('pass');
    // The excerpt has no end of its own: a probe that did not fire proves nothing in it.
    const promised = promisedIds(planRecording(stock(release), 'readers'));
    const decided = promised.filter((id) => of.get(id)!.verdict !== 'unknown');
    expect(decided.length).toBeGreaterThanOrEqual(38);
  });
});
