import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sandbox } from '../../scripts/docs/sessions.mjs';
import { builtCommand, ROOT } from '../support/built.js';

interface Stage {
  readonly text: string;
  readonly target: string | undefined;
  readonly append: boolean;
}
const { pipelinesOf } = (await import(join(ROOT, 'scripts/docs/shell.mjs'))) as {
  pipelinesOf(command: string): Stage[][] | undefined;
};

let sandbox: Sandbox;
beforeAll(() => {
  builtCommand();
  sandbox = new Sandbox(ROOT);
});
afterAll(() => sandbox.remove());

describe('a command line of a page', () => {
  it.each([
    'pttrace explain I09 | head -3',
    'pttrace replay none.gz; echo "exit $?"',
    `pttrace hist trace.txt.gz --func 'flush_tlb_mm_range' | tail -n 2 | tr -d '|;'`,
    'for i in 2 3; do pttrace explain I0$i | gzip > s$i.gz; zcat s$i.gz | wc -l; done',
    'zcat my.gz | pttrace replay - traces/[1].gz --nothing; echo "exit $?"',
    'pttrace explain I01 > f; npx pttrace explain I02 >> f; cat f | wc -c',
  ])('%s: as the shell runs it', async (command) => {
    expect(pipelinesOf(command)).toBeDefined();
    const { status, stdout } = sandbox.sh(`{ ${command}\n} 2>&1`);
    expect(await sandbox.run(command)).toEqual({ status, output: stdout.toString() });
  });

  it.each([
    'a && b',
    'a || b',
    'a $(b)',
    'a $HOME',
    'a < b',
    'a 2> b',
    'cd x; a',
    'X=1 a',
    'a "`b`"',
    "a 'b",
    'a # b',
    'a | | b',
  ])('%s: left to the shell', (command) => {
    expect(pipelinesOf(command)).toBeUndefined();
  });
});
