import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';

interface Row {
  readonly title: string;
  readonly states: number;
  readonly spinStates: number;
  readonly unsafe: boolean;
  readonly spinUnsafe: boolean;
}

const here = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const installed = here('spin') && here('cc');

/** Some of the programs, each a second to compile; scripts/spin.mjs compares all. With CI set spin has to be there. */
const CHOSEN = partOf(1, 0)
  ? /batch without|collapse|tables with the pages|race to free|with nothing held/
  : /collapse|race to free|with nothing held/;

test.skipIf(!installed && !process.env.CI)(
  'spin stores as many states and finds the same verdicts',
  async () => {
    const { compareWithSpin, PROGRAMS } = (await import(join(ROOT, 'scripts/spin/compare.mjs'))) as {
      readonly PROGRAMS: readonly (readonly [string, object])[];
      compareWithSpin(dist: string, programs: readonly (readonly [string, object])[]): Promise<Row[]>;
    };
    const chosen = PROGRAMS.filter(([title]) => CHOSEN.test(title));
    const rows = await compareWithSpin(join(ROOT, 'dist/src'), chosen);
    expect(rows.map((r) => [r.title, r.spinStates, r.spinUnsafe])).toEqual(
      rows.map((r) => [r.title, r.states, r.unsafe]),
    );
    const unsafe = rows.filter((r) => r.unsafe).length;
    expect([rows.length, unsafe]).toEqual([partOf(5, 3), partOf(3, 2)]);
  },
  240_000,
);
