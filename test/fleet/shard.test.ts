import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePlan } from '../../src/fleet/plan.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-shard-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const Y = '6.12.117-lab-y/mt-munmap.txt.gz';
const N = '6.12.117-lab-n/gup-munmap.txt.gz';

beforeAll(() => {
  mkdirSync(join(dir, 'runs'));
  for (const [name, from] of [
    ['a', Y],
    ['b', N],
  ])
    writeFileSync(
      join(dir, `runs/${name}.txt.gz`),
      gzipSync(`${linesOf(from!).slice(0, 1200).join('\n')}\n`),
    );
  const bad = withoutOneFlush(linesOf(Y));
  writeFileSync(join(dir, 'runs/bug.txt'), `${bad.join('\n')}\n`);
  writeFileSync(join(dir, 'runs/prose.txt'), 'Dear all,\n\nthis is no trace.\n');
});

const run = (args: string[]) => runCommand(args, { cwd: dir });
/** On one thread: that their number changes nothing is test/cli/many-recordings.test.ts. */
const ONE = ['--jobs', '1'];
const shard = (action: string, plan: string, ...args: string[]) =>
  run(['shard', action, '--plan', plan, ...args, ...(action === 'run' ? ONE : [])]);
const answersIn = (folder: string) => readdirSync(join(dir, folder, 'answers')).sort();

describe('plan', () => {
  it('is the same for the same files; every recording is in one shard, bytes are shared out', () => {
    const paths = ['a.txt.gz', 'b.txt.gz', 'bug.txt', 'prose.txt'].map((n) => join(dir, 'runs', n));
    const question = { command: 'replay', reading: { known: undefined } } as const;
    const plan = makePlan(question, paths, 3);
    expect(makePlan(question, paths, 3)).toEqual(plan);
    expect(plan.shards.flat().sort()).toEqual([0, 1, 2, 3]);
    // The text is larger than all the others together.
    expect(plan.shards).toContainEqual([2]);
    expect(makePlan({ ...question, strict: true }, paths, 3).id).not.toBe(plan.id);
    const check = new Ajv2020().compile(readSchema('plan'));
    expect(check(plan), JSON.stringify(check.errors)).toBe(true);
    expect(plan.recordings[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    [['runs', '--shards', '0'], '--shards'],
    [['-'], 'standard input cannot be planned'],
    [[], 'give at least one recording'],
    [['runs', '--policy', 'p.yaml'], '--policy is for --ask validate'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stderr } = await shard('plan', 'wrong.json', ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it('that was changed, or is none, is refused', async () => {
    await shard('plan', 'p.json', 'runs');
    writeFileSync(
      join(dir, 'changed.json'),
      readFileSync(join(dir, 'p.json'), 'utf8').replace('munmap', 'mmap'),
    );
    writeFileSync(join(dir, 'none.json'), '{}');
    for (const [plan, message] of [
      ['changed.json', 'was changed'],
      ['none.json', 'is no plan'],
      ['gone.json', 'ENOENT'],
    ] as const) {
      const { status, stderr } = await shard('merge', plan, '--results', 'r');
      expect(status).toBe(2);
      expect(stderr).toContain(message);
    }
  });
});

describe('run and merge', () => {
  it.each([
    ['replay', ['--json'], 1],
    ['replay', ['--all', '--width', '100'], 4],
    ['validate', ['--json'], 2],
    ['validate', ['--summary'], 2],
    ['info', ['--json'], 3],
  ])('%s %j from %d shards: the bytes and exit code of one process', async (command, look, shards) => {
    const [plan, results] = [`${command}-${shards}.json`, `${command}-${look.join('')}-${shards}`];
    const planned = await shard('plan', plan, 'runs', '--ask', command, '--shards', String(shards));
    expect([planned.status, planned.stderr]).toEqual([0, '']);
    for (let i = shards - 1; i >= 0; i--)
      expect((await shard('run', plan, '--results', results, '--shard', String(i))).status).toBe(0);
    const merged = await shard('merge', plan, '--results', results, ...look);
    expect(merged).toEqual(await run([command, 'runs', ...look, ...ONE]));
    expect(merged.status).toBe(3);
  });

  it('reports for other programs are those of one process', async () => {
    writeFileSync(
      join(dir, 'policy.yaml'),
      'version: 1\nextends: [default]\nbaseline: { file: base.json, failIf: ["p50 > +900%"] }\n',
    );
    await run(['validate', 'runs/a.txt.gz', '--policy', 'policy.yaml', '--update-baseline']);
    await shard('plan', 'v.json', 'runs', '--ask', 'validate', '--policy', 'policy.yaml');
    await shard('run', 'v.json', '--results', 'v', '--shard', '0');
    const reports = (of: string) =>
      ['ktap', 'kcidb', 'junit', 'sarif'].flatMap((f) => [`--${f}`, `${of}.${f}`]);
    const merged = await shard('merge', 'v.json', '--results', 'v', ...reports('m'));
    expect(merged).toEqual(
      await run(['validate', 'runs', '--policy', 'policy.yaml', ...reports('o'), ...ONE]),
    );
    expect(merged.stdout.replaceAll(/[\s│]+/g, ' ')).toContain('invariants of the baseline are decided');
    for (const f of ['ktap', 'kcidb', 'junit', 'sarif'])
      expect(readFileSync(join(dir, `m.${f}`), 'utf8')).toBe(readFileSync(join(dir, `o.${f}`), 'utf8'));
  });

  it('goes on where it was: what is answered stays, what is torn is answered again', async () => {
    await shard('plan', 'again.json', 'runs');
    const first = await shard('run', 'again.json', '--results', 'again', '--shard', '0');
    expect(first.stdout).toBe('shard 0: 4 answered, 0 known before, 0 not answered\n');
    const before = answersIn('again').map((f) => readFileSync(join(dir, 'again/answers', f), 'utf8'));
    const [one, two, three] = answersIn('again').map((f) => join(dir, 'again/answers', f));
    rmSync(one!);
    truncateSync(two!, 1000);
    appendFileSync(three!, 'x');
    const missing = await shard('merge', 'again.json', '--results', 'again', '--json');
    expect(missing).toMatchObject({ status: 3, stdout: '' });
    expect(missing.stderr).toBe('pttrace: shard 0: 3 recordings are not answered: run it (again)\n');
    const part = await shard('merge', 'again.json', '--results', 'again', '--json', '--allow-missing');
    expect(part.status).toBe(4);
    expect(JSON.parse(part.stdout).summary).toMatchObject({ recordings: 4, failed: 3 });
    const again = await shard('run', 'again.json', '--results', 'again', '--shard', '0');
    expect(again.stdout).toBe('shard 0: 3 answered, 1 known before, 0 not answered\n');
    expect(answersIn('again').map((f) => readFileSync(join(dir, 'again/answers', f), 'utf8'))).toEqual(
      before,
    );
  });

  it('a recording that is gone, or not what was planned, is not answered, and says so; the others are', async () => {
    cpSync(join(dir, 'runs'), join(dir, 'moved'), { recursive: true });
    await shard('plan', 'moved.json', 'moved');
    rmSync(join(dir, 'moved/a.txt.gz'));
    appendFileSync(join(dir, 'moved/prose.txt'), 'more');
    const { status, stdout, stderr } = await shard(
      'run',
      'moved.json',
      '--results',
      'moved-r',
      '--shard',
      '0',
    );
    expect(status).toBe(3);
    expect(stdout).toBe('shard 0: 2 answered, 0 known before, 2 not answered\n');
    expect(stderr).toContain('moved/a.txt.gz: not answered: no such file');
    expect(stderr).toContain('moved/prose.txt: not answered: is not what was planned');
    expect(answersIn('moved-r')).toHaveLength(2);
  });

  it('--root: the same paths below another folder give the same bytes', async () => {
    mkdirSync(join(dir, 'elsewhere'));
    cpSync(join(dir, 'runs'), join(dir, 'elsewhere/runs'), { recursive: true });
    await shard('plan', 'root.json', 'runs');
    const ran = await runCommand(
      [
        'shard',
        'run',
        '--plan',
        'root.json',
        '--results',
        'root',
        '--shard',
        '0',
        '--root',
        'elsewhere',
        ...ONE,
      ],
      { cwd: dir },
    );
    expect(ran.status, ran.stderr).toBe(0);
    const merged = await shard('merge', 'root.json', '--results', 'root', '--json');
    expect(merged.stdout).toBe((await run(['replay', 'runs', '--json', ...ONE])).stdout);
  });

  it.each([
    [['run', '--results', 'r'], 'needs --shard'],
    [['run', '--shard', '0'], 'needs --results'],
    [['run', '--results', 'r', '--shard', '7'], 'there is no shard 7'],
    [['merge', 'runs', '--results', 'r'], 'takes its recordings from the plan'],
  ])('%j is wrong usage', async ([action, ...args], message) => {
    await shard('plan', 'usage.json', 'runs');
    const { status, stderr } = await shard(action!, 'usage.json', ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
