import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DIALECTS } from '../../src/parsers/input/detect.js';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';

interface Target {
  readonly name: string;
  run(next: () => number): void | Promise<void>;
}
interface Fuzz {
  targets(load: (path: string) => Promise<object>, root: string): Promise<{ list: Target[] }>;
  fuzz(target: Target, iterations: number, seed: number): Promise<number>;
}

// A bounded run; `node scripts/fuzz.mjs` is the long one. docs/testing.md says how many inputs it has seen.
const INPUTS = partOf(300, 100);

describe('any bytes', () => {
  let module: Fuzz;
  let list: Target[];
  beforeAll(async () => {
    module = (await import(join(ROOT, 'scripts/fuzz/targets.mjs'))) as Fuzz;
    const load = (path: string): Promise<object> =>
      import(join(ROOT, 'src', `${path}.ts`)) as Promise<object>;
    ({ list } = await module.targets(load, ROOT));
  });

  it.each([
    ...DIALECTS.map((d) => d.id),
    'blocks',
    'mail',
    'trace-dat',
    'policy',
    'kernel-info',
    'probes',
    'litmus',
    'workload',
    'histogram',
    'analyse',
  ])(
    '%s: no fault, every line counted once, whatever the chunks',
    async (id) => {
      const target = list.find((t) => t.name === id)!;
      expect(await module.fuzz(target, INPUTS, 20_240_601)).toBe(INPUTS);
    },
    120_000,
  );
});
