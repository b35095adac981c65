import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Flush, Target } from '../../../src/replay/state/table-life.js';
import { addTarget, targetsOn } from '../../../src/replay/state/targets.js';
import { MAX_CPUS } from '../../../src/timeline/batch.js';

const flush = () => ({ targets: [], targetsByCpu: null }) as unknown as Flush;
const to = (cpu: number) => ({ cpu }) as Target;

it('targets of a CPU are those added for it, in order, however many there are', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }), (cpus) => {
      const f = flush();
      const all = cpus.map(to);
      for (const target of all) addTarget(f, target);
      expect(f.targets).toEqual(all);
      for (let cpu = 0; cpu <= 51; cpu++) expect(targetsOn(f, cpu)).toEqual(all.filter((t) => t.cpu === cpu));
    }),
  );
});

it('no more than there are CPUs', () => {
  const f = flush();
  for (let i = 0; i < MAX_CPUS + 10; i++) addTarget(f, to(i));
  expect(f.targets).toHaveLength(MAX_CPUS);
  expect(targetsOn(f, MAX_CPUS)).toEqual([]);
});
