import { join } from 'node:path';
import { expect, test } from 'vitest';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload } from '../../src/simulate/workload.js';
import { whatIf } from '../../src/what-if/what-if.js';
import { ROOT } from '../support/built.js';

interface Drift {
  readonly pairs: number;
  readonly differ: number;
  readonly refused: number;
  readonly notReproduced: number;
  readonly examples: readonly string[];
}
type Workload = Readonly<Record<string, number>>;

/** Every variant to its next and to the one three on; scripts/drift.mjs tries all pairs and seven workloads. */
const NEAR = new Set([1, 3]);

test('what-if predicts what simulate does: choices read off a log lead to the steps of the log that makes them', async () => {
  const { drift, WORKLOADS, VARIANTS } = (await import(join(ROOT, 'scripts/drift/pairs.mjs'))) as {
    readonly VARIANTS: readonly string[];
    readonly WORKLOADS: readonly Workload[];
    drift(
      library: object,
      workloads: readonly Workload[],
      keep: (i: number, j: number) => boolean,
    ): Promise<Drift>;
  };
  const next = (i: number, j: number): boolean => NEAR.has((j - i + VARIANTS.length) % VARIANTS.length);
  const result = await drift({ simulate, completeWorkload, whatIf }, WORKLOADS.slice(0, 2), next);
  expect(result).toEqual({ pairs: 40, differ: 0, refused: 0, notReproduced: 0, examples: [] });
});

test('and the comparison notices a model that differs', async () => {
  const { drift, WORKLOADS } = (await import(join(ROOT, 'scripts/drift/pairs.mjs'))) as {
    readonly WORKLOADS: readonly Workload[];
    drift(
      library: object,
      workloads: readonly Workload[],
      keep: (i: number, j: number) => boolean,
    ): Promise<Drift>;
  };
  const wrong = async (options: Parameters<typeof whatIf>[0]): Promise<unknown> =>
    whatIf({ ...options, target: options.target === 'B' ? 'C' : options.target });
  const library = { simulate, completeWorkload, whatIf: wrong };
  const result = await drift(library, WORKLOADS.slice(1, 2), (i, j) => i === 0 && j === 2);
  expect([result.pairs, result.differ]).toEqual([1, 1]);
});
