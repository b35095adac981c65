import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';
import { warmPttrace } from '../support/warm-program.js';

const at = (name: string) => join(ROOT, 'docs/fleet', name);
const has = (tool: string) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const dir = mkdtempSync(join(tmpdir(), 'pttrace-manifests-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const SHARDS = 3;
let whole = '';

/** A folder as the pages say: recordings, a plan; `pttrace` and what else is given are found in PATH. */
beforeAll(async () => {
  mkdirSync(join(dir, 'bin'));
  symlinkSync(warmPttrace(), join(dir, 'bin/pttrace'));
  mkdirSync(join(dir, 'recordings'));
  for (const [i, name] of ['6.12.117-lab-y/mt-munmap', '6.12.117-lab-n/gup-munmap'].entries())
    cpSync(join(ROOT, `fixtures/replay/${name}.txt.gz`), join(dir, `recordings/${i}.txt.gz`));
  const plan = ['shard', 'plan', 'recordings', '--plan', 'plan.json', '--shards', String(SHARDS)];
  expect((await runCommand(plan, { cwd: dir })).status).toBe(0);
  whole = (await runCommand(['replay', 'recordings', '--json'], { cwd: dir })).stdout;
});

const env = { ...process.env, PATH: `${join(dir, 'bin')}${delimiter}${process.env.PATH}` };
const sh = (args: readonly string[]) => spawnSync('sh', args, { cwd: dir, env, encoding: 'utf8' });

describe('Kubernetes', () => {
  type Job = {
    apiVersion: string;
    kind: string;
    spec: {
      completions?: number;
      completionMode?: string;
      template: { spec: { containers: { command: string[] }[] } };
    };
  };
  const jobs = parseAllDocuments(readFileSync(at('kubernetes.yaml'), 'utf8')).map((d) => {
    expect(d.errors).toEqual([]);
    return d.toJS() as Job;
  });

  it('two jobs, the first indexed', () => {
    expect(jobs.map((j) => [j.apiVersion, j.kind])).toEqual([
      ['batch/v1', 'Job'],
      ['batch/v1', 'Job'],
    ]);
    expect(jobs[0]!.spec).toMatchObject({ completionMode: 'Indexed', completions: 32 });
  });

  it('their commands, with the index filled in as the kubelet does, print what one process prints', async () => {
    const [shard, merge] = jobs.map((j) => j.spec.template.spec.containers[0]!.command);
    const run = (command: readonly string[], index: number) => {
      expect(command[0]).toBe('pttrace');
      const args = command.slice(1).map((w) => w.replaceAll('$(JOB_COMPLETION_INDEX)', String(index)));
      return runCommand(args, { cwd: dir });
    };
    for (let i = 0; i < SHARDS; i++) expect((await run(shard!, i)).status).toBe(0);
    expect((await run(merge!, 0)).stdout).toBe(whole);
    rmSync(join(dir, 'results'), { recursive: true });
  });
});

describe.each(['slurm.sh', 'parallel.sh'])('%s', (script) => {
  it.skipIf(!has('shellcheck'))('is clean for shellcheck', () => {
    // The variable of an array task is for the shell that sbatch starts.
    const run = spawnSync('shellcheck', ['--exclude=SC2016', at(script)], { encoding: 'utf8' });
    expect([run.status, run.stdout]).toEqual([0, '']);
  });
});

it('slurm.sh: with an sbatch that runs what it is given, the report is that of one process', () => {
  const sbatch = `#!/bin/sh
set -eu
array= out=/dev/stdout wrap= dependency=
for a in "$@"; do
  case $a in
    --array=*) array=\${a#*=} ;;
    --output=*) out=\${a#*=} ;;
    --wrap=*) wrap=\${a#*=} ;;
    --dependency=*) dependency=\${a#*=} ;;
  esac
done
if [ -z "$array" ]; then [ "$dependency" = afterok:17 ]; sh -c "$wrap" >"$out"; exit; fi
for i in $(seq "\${array%-*}" "\${array#*-}"); do
  SLURM_ARRAY_TASK_ID=$i sh -c "$wrap" >"$(echo "$out" | sed "s/%a/$i/")"
done
echo 17
`;
  writeFileSync(join(dir, 'bin/sbatch'), sbatch, { mode: 0o755 });
  const run = sh([at('slurm.sh'), String(SHARDS)]);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(readFileSync(join(dir, 'report.json'), 'utf8')).toBe(whole);
  expect(readFileSync(join(dir, 'shard-0.log'), 'utf8')).toMatch(/^shard 0: \d answered/);
  rmSync(join(dir, 'results'), { recursive: true });
});

it.skipIf(!has('parallel'))('parallel.sh: the report is that of one process', () => {
  const run = sh([at('parallel.sh'), String(SHARDS)]);
  expect(run.status, run.stderr).toBe(0);
  expect(run.stdout.endsWith(whole)).toBe(true);
});
