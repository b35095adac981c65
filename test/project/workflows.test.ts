import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { folder, linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { builtCommand, ROOT } from '../support/built.js';
import { publishedSchema } from '../support/schemas.js';
import { warmPttrace } from '../support/warm-program.js';

interface Step {
  readonly name: string;
  readonly outcome: 'success' | 'failure' | 'skipped';
  readonly output: string;
}
interface JobRun {
  readonly name: string;
  readonly conclusion: 'success' | 'failure';
  readonly steps: readonly Step[];
  readonly annotations: readonly {
    level: string;
    file?: string;
    line?: string;
    title?: string;
    message: string;
  }[];
  readonly summary: string;
  readonly workspace: string;
}
interface Runner {
  runWorkflow(
    file: string,
    options: { workspace: string; out: string; only?: string; program?: string },
  ): JobRun[];
  checkWorkflow(workflow: unknown): void;
  annotationsOf(text: string): unknown[];
  readSettings(path: string): Record<string, string>;
}
interface Expressions {
  evaluate(text: string, context: object): unknown;
  fill(text: string, context: object): string;
}
const { runWorkflow, checkWorkflow, annotationsOf, readSettings } = (await import(
  join(ROOT, 'scripts/run-workflow.mjs')
)) as Runner;
const { evaluate, fill } = (await import(join(ROOT, 'scripts/workflow-expressions.mjs'))) as Expressions;

const FILE = join(ROOT, 'docs/ci/github-actions.yml');
const WITH = '6.12.117-lab-y/mt-munmap.txt.gz';
const WITHOUT = '6.12.117-lab-n/gup-munmap.txt.gz';
const POLICY = `version: 1
extends: [default]
invariants: { required: [I01, I12] }
`;

/** A checkout with two kernels to boot and a policy for each; the second can be one with a bug. */
function checkout(broken: boolean): string {
  const dir = folder();
  const program = (name: string, text: string): void => {
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o755);
  };
  mkdirSync(join(dir, 'recordings'));
  const packed = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(dir, 'recordings', name), gzipSync(lines.map((line) => `${line}\n`).join('')));
  // The first 1500 lines hold what the policies ask for, and each of a dozen processes reads them.
  packed('before.gz', linesOf(WITHOUT).slice(0, 1500));
  packed('after.gz', broken ? withoutOneFlush(linesOf(WITH)) : linesOf(WITH).slice(0, 1500));
  program('build-kernel.sh', '#!/bin/sh\nmkdir -p "$(dirname "$2")" && echo "kernel $1" > "$2"\n');
  mkdirSync(join(dir, 'policies'));
  // A rule that only one of the two kernels can be held to.
  writeFileSync(join(dir, 'policies/before.yaml'), POLICY.replace('I12', 'I02'));
  writeFileSync(join(dir, 'policies/after.yaml'), POLICY);
  return dir;
}

/** The workflow with one kernel of its two, recorded once. */
function oneKernel(name: string): string {
  const file = join(folder(), 'one.yml');
  const text = readFileSync(FILE, 'utf8')
    .replace('kernel: [before, after]', `kernel: [${name}]`)
    .replace('runs: 3', 'runs: 1');
  expect(text).toContain(`[${name}]`);
  expect(text).toContain('runs: 1\n');
  writeFileSync(file, text);
  return file;
}

/**
 * A folder with an emulator that boots nothing: it looks for pttrace in what it is given to boot, and sends the recordings that
 * lie beside the kernel, as a guest does. Node, nine tenths of that archive, is in the first one only, and the workload is compiled once.
 */
function guestTools(): string {
  const bin = folder();
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}`);
    chmodSync(join(bin, name), 0o755);
  };
  const real = (tool: string): string =>
    spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
  program(
    'gcc',
    `for out; do :; done
if [ -e "${bin}/compiled" ]; then cp "${bin}/compiled" "$out"
else "${real('gcc')}" "$@" && cp "$out" "${bin}/compiled"; fi
`,
  );
  program(
    'cpio',
    `if [ -e "${bin}/archived" ]; then grep -zv '/node$' | "${real('cpio')}" "$@"
else : > "${bin}/archived"; exec "${real('cpio')}" "$@"; fi
`,
  );
  program(
    'qemu-system-x86_64',
    `for word; do
  case "$word" in
    file:*) port=\${word#file:} ;;
    */bzImage) kernel=$word ;;
    */initrd) "${real('cpio')}" -it --quiet < "$word" | grep -q 'pttrace/bin/run.js$' || exit 1 ;;
  esac
done
name=$(basename "$(dirname "$kernel")")
for run in $(seq "$RUNS"); do
  { echo "=== file $name-$run.gz"
    base64 "$(dirname "$kernel")/../../recordings/$name.gz"
    echo "=== end"; } >> "$port"
  echo "[exit] $name-$run.gz 0"
done
echo "=== done" >> "$port"
`,
  );
  return bin;
}

let tools = '';
function withGuests<T>(work: () => T): T {
  tools ||= guestTools();
  const { PATH } = process.env;
  process.env.PATH = `${tools}${delimiter}${PATH}`;
  try {
    return work();
  } finally {
    process.env.PATH = PATH;
  }
}

const step = (job: JobRun, name: string): Step => {
  const found = job.steps.find((s) => s.name.startsWith(name));
  if (!found) throw new Error(`no step ${name}`);
  return found;
};

describe('docs/ci/github-actions.yml', () => {
  beforeAll(() => {
    builtCommand();
  });

  it('keeps the schema of workflow files', () => {
    const ajv = new Ajv.default({ strict: false });
    addFormats.default(ajv);
    const valid = ajv.compile(publishedSchema('github-workflow'));
    expect(valid(parse(readFileSync(FILE, 'utf8'))), JSON.stringify(valid.errors?.slice(0, 2))).toBe(true);
  });

  it('docs/ci/long-runs.yml keeps it too, and runs what there is', () => {
    const ajv = new Ajv.default({ strict: false });
    addFormats.default(ajv);
    const long = parse(readFileSync(join(ROOT, 'docs/ci/long-runs.yml'), 'utf8'));
    const valid = ajv.compile(publishedSchema('github-workflow'));
    expect(valid(long), JSON.stringify(valid.errors?.slice(0, 2))).toBe(true);
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).map(
      (f) => `test/${f}`,
    );
    for (const [name, { steps }] of Object.entries<{ steps: { run?: string }[] }>(long.jobs)) {
      const run = steps.at(-1)!.run!;
      const script = /npm run (\S+)/.exec(run)?.[1];
      const room = /vitest run (\S+)/.exec(run)?.[1];
      expect(script === undefined ? tests.some((f) => f.startsWith(room!)) : script in scripts, name).toBe(
        true,
      );
    }
  });

  it('boots two kernels, judges each by its own policy, compares them and leaves its reports', () => {
    const out = folder();
    const jobs = withGuests(() =>
      runWorkflow(FILE, { workspace: checkout(false), out, program: warmPttrace() }),
    );
    const output = jobs.flatMap((j) => j.steps.map((s) => `${s.name}: ${s.outcome}\n${s.output}`)).join('\n');
    expect(
      jobs.map((j) => [j.name, j.conclusion]),
      output,
    ).toEqual([
      ['gate (before)', 'success'],
      ['gate (after)', 'success'],
      ['before and after', 'success'],
    ]);
    for (const [i, kernel] of ['before', 'after'].entries()) {
      const job = jobs[i]!;
      expect(job.annotations).toEqual([]);
      expect(step(job, 'Record').output).toContain(`pttrace-${kernel}/${kernel}-3.gz`);
      expect(step(job, 'Judge').output).toContain('gate: green');
      expect(step(job, 'Judge').output).toContain(kernel === 'before' ? 'I02' : 'I12');
      expect(step(job, 'Show the witnesses').outcome).toBe('skipped');
      expect(job.summary).toContain('No violation');
      for (const file of ['junit.xml', 'pttrace.sarif', 'report.html', `${kernel}-1.gz`])
        expect(existsSync(join(out, 'artifacts', `pttrace-${kernel}/pttrace-${kernel}`, file)), file).toBe(
          true,
        );
    }
    expect(step(jobs[2]!, 'Compare').output).toContain('p50');
  });

  it('is red on a kernel with a bug, annotates the line, and the command it prints shows the witness', () => {
    const jobs = withGuests(() =>
      runWorkflow(oneKernel('after'), { workspace: checkout(true), out: folder(), program: warmPttrace() }),
    );
    expect(jobs.map((j) => j.conclusion)).toEqual(['failure', 'skipped']);
    const red = jobs[0]!;
    expect(step(red, 'Judge').outcome).toBe('failure');
    for (const upload of ['github/codeql-action/upload-sarif', 'Keep the recordings'])
      expect(step(red, upload).outcome).toBe('success');
    const [annotation] = red.annotations;
    expect(annotation).toMatchObject({
      level: 'error',
      file: 'pttrace-after/after-1.gz',
      title: 'pttrace I09',
    });
    const command = annotation!.message.split('\n').at(-1)!;
    expect(command).toBe(`pttrace show pttrace-after/after-1.gz --line ${annotation!.line}`);
    expect(step(red, 'Judge').output).toContain(`next: ${command}`);
    const shown = spawnSync('sh', ['-c', command], {
      cwd: red.workspace,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${dirname(warmPttrace())}${delimiter}${process.env.PATH}` },
    });
    expect(shown.status, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(new RegExp(`^ *${annotation!.line} `, 'm'));
    // The job has already run it.
    const witness = step(red, 'Show the witnesses');
    expect(witness.outcome).toBe('success');
    expect(witness.output).toContain(`$ ${command}\n${shown.stdout}`);
    expect(red.summary).toContain(shown.stdout);
  });

  it('a kernel that does not come up is red, and nothing is judged', () => {
    const dir = checkout(false);
    rmSync(join(dir, 'recordings'), { recursive: true });
    const [job] = withGuests(() =>
      runWorkflow(oneKernel('after'), {
        workspace: dir,
        out: folder(),
        only: 'gate',
        program: warmPttrace(),
      }),
    );
    expect(job!.conclusion).toBe('failure');
    expect(step(job!, 'Record').outcome).toBe('failure');
    expect(step(job!, 'Judge').outcome).toBe('skipped');
  });

  it('runs from the command line too', () => {
    const file = join(folder(), 'two.yml');
    writeFileSync(
      file,
      `jobs:
  red: { steps: [{ run: 'echo "::error file=x::no"; false' }] }
  green: { steps: [{ run: "true" }] }
`,
    );
    const run = spawnSync(
      process.execPath,
      [join(ROOT, 'scripts/run-workflow.mjs'), file, '--workspace', folder()],
      { encoding: 'utf8' },
    );
    expect(run.status, run.stderr).toBe(1);
    expect(run.stdout).toMatch(/^failure: red, 1 annotations$/m);
    expect(run.stdout).toMatch(/^success: green, 0 annotations$/m);
  });
});

describe('the runner', () => {
  const base = (): { jobs: { a: Record<string, unknown> } } => ({
    jobs: { a: { 'runs-on': 'x', steps: [{ run: 'true' }] } },
  });
  const steps = (...list: object[]): object => ({ jobs: { a: { steps: list } } });

  it.each<[string, object, string]>([
    ['a key of the workflow', { ...base(), concurrency: 'x' }, 'workflow: "concurrency"'],
    ['a key of a job', { jobs: { a: { container: 'b', steps: [] } } }, 'job a: "container"'],
    ['a job that needs none', { jobs: { a: { needs: 'b', steps: [] } } }, 'job a needs b'],
    ['matrix.include', { jobs: { a: { strategy: { matrix: { include: [] } }, steps: [] } } }, '"include"'],
    ['a key of a step', steps({ run: 'x', 'continue-on-error': true }), 'step 1: "continue-on-error"'],
    ['an action', steps({ uses: 'actions/cache@v4' }), 'action "actions/cache"'],
    ['an action without a version', steps({ uses: 'actions/checkout@main' }), 'names no version'],
    ['an input', steps({ uses: 'actions/checkout@v4', with: { ref: 'x' } }), 'input "ref"'],
    ['a step without run or uses', steps({ name: 'x' }), 'run or uses'],
  ])('refuses %s by name', (_, workflow, message) => {
    expect(() => checkWorkflow(workflow)).toThrow(message);
  });

  it('takes a failing step as bash -e does, and goes on only where if says so', () => {
    const dir = folder();
    const file = join(dir, 'w.yml');
    writeFileSync(
      file,
      `jobs:
  a:
    env: { WHO: job }
    steps:
      - { name: set, run: 'echo "X=1" >> "$GITHUB_ENV"; echo "r=out" >> "$GITHUB_OUTPUT"', id: set }
      - { name: read, run: 'echo "$X $WHO $MORE"', env: { MORE: "\${{ steps.set.outputs.r }}" } }
      - { name: breaks, run: "false\\necho not reached", id: breaks }
      - { name: after, run: "true" }
      - { name: plain condition, if: "env.WHO == 'job'", run: "true" }
      - { name: on failure, if: "failure() && steps.breaks.outcome == 'failure'", run: "true" }
      - { name: always, if: "\${{ always() }}", run: "true" }
`,
    );
    const [job] = runWorkflow(file, { workspace: folder(), out: folder() });
    expect(job!.conclusion).toBe('failure');
    expect(job!.steps.map((s) => `${s.name}: ${s.outcome}`)).toEqual([
      'set: success',
      'read: success',
      'breaks: failure',
      'after: skipped',
      'plain condition: skipped',
      'on failure: success',
      'always: success',
    ]);
    expect(step(job!, 'read').output).toBe('1 job out\n');
    expect(step(job!, 'breaks').output).toBe('');
  });

  it('reads annotations and settings as GitHub does', () => {
    expect(annotationsOf('::error file=a%2Cb,line=3,title=x%3A y::50 %25%0Anext\nelse\n::debug::no')).toEqual(
      [{ level: 'error', file: 'a,b', line: '3', title: 'x: y', message: '50 %\nnext' }],
    );
    const file = join(folder(), 'env');
    writeFileSync(file, 'A=1=2\nB<<END\nx\ny\nEND\n');
    expect(readSettings(file)).toEqual({ A: '1=2', B: 'x\ny' });
  });

  it.each<[string, unknown]>([
    ["matrix.a == 'X'", true],
    ["matrix.a != 'x' || !failure()", false],
    ["(matrix.a == 'y' || true) && always()", true],
    ['steps.none.outcome', ''],
    ["'it''s'", "it's"],
    ['success()', false],
  ])('%s', (text, value) => {
    const context = { matrix: { a: 'x' }, steps: {}, env: {}, github: {}, failed: true };
    expect(evaluate(text, context)).toBe(value);
    expect(fill(`<\${{ ${text} }}>`, context)).toBe(`<${value}>`);
  });

  it.each(["hashFiles('x')", 'secrets.TOKEN', "'a' < 'b'", '(true', 'true true', ''])(
    'refuses %j',
    (text) => {
      expect(() => evaluate(text, { matrix: {}, failed: false })).toThrow('expression');
    },
  );
});

describe('docs/ci/kernel-ci.sh', () => {
  const SCRIPT = join(ROOT, 'docs/ci/kernel-ci.sh');
  let PATH: string;
  beforeAll(() => {
    PATH = `${dirname(warmPttrace())}${delimiter}${process.env.PATH}`;
  });
  const job = (dir: string, args: readonly string[], path = PATH) =>
    spawnSync('sh', [SCRIPT, ...args], { cwd: dir, encoding: 'utf8', env: { ...process.env, PATH: path } });

  it('is clean for shellcheck', (context) => {
    if (spawnSync('shellcheck', ['--version']).status !== 0) context.skip('shellcheck is not installed');
    const run = spawnSync('shellcheck', ['-s', 'sh', SCRIPT], { encoding: 'utf8' });
    expect(run.stdout).toBe('');
  });

  it('is green on correct kernels', () => {
    const dir = checkout(false);
    const traces = ['recordings/after.gz', 'recordings/before.gz'];
    const { status, stdout, stderr } = job(dir, ['policies/after.yaml', ...traces]);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('gate: green');
    for (const file of ['gate.txt', 'junit.xml', 'pttrace.sarif'])
      expect(existsSync(join(dir, 'reports', file)), file).toBe(true);
    expect(existsSync(join(dir, 'reports/witness-1.txt'))).toBe(false);
  });

  it('is red on a kernel with a bug, with the witness beside it', () => {
    const dir = checkout(true);
    const { status, stdout } = job(dir, ['policies/after.yaml', 'recordings/after.gz']);
    expect(status).toBe(1);
    const [, file, command] = /^witness: (\S+) \((pttrace show .*)\)$/m.exec(stdout)!;
    expect(stdout).toContain(`next: ${command}\n`);
    const witness = readFileSync(join(dir, file!), 'utf8');
    expect(witness).toContain(`$ ${command}\n`);
    expect(witness).toMatch(new RegExp(`^ *${/--line (\d+)/.exec(command!)![1]} `, 'm'));
  });

  it('passes on the other exit codes and says what is missing', () => {
    const dir = checkout(false);
    expect(job(dir, ['policies/after.yaml']).status).toBe(2);
    expect(job(dir, ['no.yaml', 'recordings/after.gz']).status).toBe(2);
    expect(job(dir, ['policies/after.yaml', 'recordings/none.gz']).status).toBe(3);
    const bare = folder();
    for (const tool of ['sh', 'echo', 'mkdir']) {
      writeFileSync(join(bare, tool), `#!/bin/sh\nexec /bin/${tool} "$@"\n`);
      chmodSync(join(bare, tool), 0o755);
    }
    const without = job(dir, ['policies/after.yaml', 'x'], bare);
    expect(without.status).toBe(2);
    expect(without.stderr).toContain('pttrace is not installed');
  });
});
