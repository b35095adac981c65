import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setLook } from '../../cli/look.js';
import { completionScript, SHELLS } from '../../cli/manual/completion.js';
import { manualPages } from '../../cli/manual/man.js';
import { commandsOf, flagsOf, type Manifest, readManifest } from '../../cli/manual/manifest.js';
import { page, pagerFor } from '../../cli/pager.js';
import { builtCommand, ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-manners-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const CLEAN = 'fixtures/replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz';

let manifest: Manifest;
beforeAll(() => {
  builtCommand();
  manifest = readManifest(join(ROOT, 'oclif.manifest.json'));
});

describe('help and version', () => {
  it.each([[], ['replay'], ['completion']])('-h is --help: %s', async (...command) => {
    const short = await runCommand([...command, '-h']);
    expect(short.status).toBe(0);
    expect(short.stdout).toBe((await runCommand([...command, '--help'])).stdout);
    expect(short.stdout).toContain('USAGE');
  });

  it('-V is --version, behind a command as well', async () => {
    for (const args of [['-V'], ['--version'], ['replay', '-V'], ['show', '--version']]) {
      const { status, stdout } = await runCommand(args);
      expect([status, stdout]).toEqual([0, expect.stringMatching(/^pttrace\/\d+\.\d+\.\d+ /)]);
    }
    expect((await runCommand(['record', '--print', 'ftrace', '--', 'x', '-V'])).stdout).not.toMatch(
      /^pttrace\//,
    );
  });

  it('no suggestion for a single letter', async () => {
    const { status, stderr } = await runCommand(['replay', CLEAN, '-q']);
    expect(status).toBe(2);
    expect(stderr).toContain('-q');
    expect(stderr).not.toContain('did you mean');
  });
});

describe('colour', () => {
  const ansi = /\x1b\[/;
  const shown = async (
    args: string[],
    env: Record<string, string>,
    terminal?: { columns: number },
  ): Promise<string> =>
    (
      await runCommand(['replay', CLEAN, ...args], {
        env: { NO_COLOR: '', ...env },
        ...(terminal ? { terminal } : {}),
      })
    ).stdout;

  it('always, into a pipe and with NO_COLOR too; never, on a terminal too', async () => {
    expect(await shown(['--color=always'], { NO_COLOR: '1' })).toMatch(ansi);
    expect(await shown(['--color', 'always'], {})).toMatch(ansi);
    expect(await shown(['--color=never'], { TERM: 'xterm' }, { columns: 80 })).not.toMatch(ansi);
    expect(await shown(['--color=auto'], { TERM: 'xterm' }, { columns: 80 })).toMatch(ansi);
    expect(await shown([], { TERM: 'dumb' }, { columns: 80 })).not.toMatch(ansi);
    expect((await runCommand(['replay', CLEAN, '--color=sometimes'])).status).toBe(2);
  });
});

describe('the pager', () => {
  const terminal = { isTTY: true, rows: 24 };
  afterAll(() => setLook([]));

  it('is asked for where a text is longer than the terminal', () => {
    expect(pagerFor(24, terminal, {})).toBe('less');
    expect(pagerFor(23, terminal, {})).toBeNull();
    expect(pagerFor(99, { rows: 24 }, {})).toBeNull();
    expect(pagerFor(99, { isTTY: true }, {})).toBeNull();
    expect(pagerFor(99, terminal, { TERM: 'dumb' })).toBeNull();
    expect(pagerFor(99, terminal, { PAGER: 'most' })).toBe('most');
    expect(pagerFor(99, terminal, { PAGER: 'most', PTTRACE_PAGER: 'less -S' })).toBe('less -S');
    expect(pagerFor(99, terminal, { PAGER: 'most', PTTRACE_PAGER: '' })).toBeNull();
    expect(pagerFor(99, terminal, { PAGER: 'cat' })).toBeNull();
    setLook(['replay', '--no-pager']);
    expect(pagerFor(99, terminal, {})).toBeNull();
    setLook(['record', '--', 'x', '--no-pager']);
    expect(pagerFor(99, terminal, {})).toBe('less');
  });

  it('gets the whole text; one that is not there, or leaves early, is no fault', async () => {
    const file = join(dir, 'shown');
    const text = 'a line\n'.repeat(50_000);
    expect(await page(text, `cat > '${file}'`)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(await page(text, 'no-such-pager-here')).toBe(false);
    expect(await page(text, 'true')).toBe(true);
  });
});

describe('what is not found', () => {
  it('show: exit 1', async () => {
    const { status, stdout } = await runCommand(['show', CLEAN, '--line', '99999999']);
    expect(status).toBe(1);
    expect(stdout).toContain('0 events');
  });
});

describe('completions', () => {
  const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
  const words = { explain: ['I05', 'terms'] };
  const complete = (line: string): string[] => {
    const script = join(dir, 'pttrace.bash');
    writeFileSync(script, completionScript('bash', manifest, words));
    const typed = line.split(' ');
    const run = `source '${script}'; COMP_WORDS=(${typed.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${typed.length - 1}; _pttrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', run], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((w) => w !== '');
  };

  it.skipIf(!has('bash'))('bash: commands, flags, their values, topics; else files', () => {
    expect(complete('pttrace re')).toEqual(['readers', 'record', 'replay']);
    expect(complete('pttrace replay --wh')).toEqual(['--what-if']);
    expect(complete('pttrace replay --color a')).toEqual(['auto', 'always']);
    expect(complete('pttrace replay --color = n')).toEqual(['never']);
    expect(complete('pttrace explain te')).toEqual(['terms']);
    expect(complete('pttrace replay tr')).toEqual([]);
    for (const [name, command] of commandsOf(manifest)) {
      const all = complete(`pttrace ${name} --`);
      for (const flag of flagsOf(command)) expect(all).toContain(`--${flag.name}`);
    }
  });

  it.skipIf(!has('zsh'))('zsh takes its script', () => {
    const script = join(dir, '_pttrace');
    writeFileSync(script, completionScript('zsh', manifest, words));
    const { status, stderr } = spawnSync(
      'zsh',
      [
        '-f',
        '-c',
        `autoload -Uz compinit; compinit -D -u -d '${join(dir, 'dump')}'; source '${script}'; whence -w _pttrace`,
      ],
      { encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([0, '']);
  });

  it.skipIf(!has('fish'))('fish completes with it', () => {
    const script = join(dir, 'pttrace.fish');
    writeFileSync(script, completionScript('fish', manifest, words));
    const ask = (line: string): string =>
      spawnSync('fish', ['--no-config', '-c', `source '${script}'; complete -C '${line}'`], {
        encoding: 'utf8',
        env: { ...process.env, HOME: dir },
      }).stdout;
    expect(ask('pttrace repl')).toMatch(/^replay\t/m);
    expect(ask('pttrace replay --wha')).toMatch(/^--what-if\t/m);
    expect(ask('pttrace explain ter')).toMatch(/^terms/m);
  });

  it.each(SHELLS)('pttrace completion %s prints it, with what there is', async (shell) => {
    const { status, stdout } = await runCommand(['completion', shell]);
    expect(status).toBe(0);
    for (const [name] of commandsOf(manifest)) expect(stdout).toContain(name);
    expect(stdout).toContain('I05');
  });

  it('another shell is wrong usage', async () => {
    expect((await runCommand(['completion', 'tcsh'])).status).toBe(2);
  });
});

describe('manual pages', () => {
  it('one of each command, with its flags and examples, built and found by npm', () => {
    const pages = manualPages(manifest);
    expect(Object.keys(pages)).toHaveLength(commandsOf(manifest).length + 1);
    for (const [name, command] of commandsOf(manifest)) {
      const text = pages[`pttrace-${name}.1`]!;
      const flat = text.replaceAll('\\-', '-');
      for (const flag of flagsOf(command)) expect(flat).toContain(`--${flag.name}`);
      expect(text).toContain('.SH EXAMPLES');
      expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    }
    const { directories } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(readdirSync(join(ROOT, directories.man)).sort()).toEqual(Object.keys(pages).sort());
  });

  const troff = spawnSync('groff', ['--version']).status === 0;
  it.skipIf(!troff)('troff has nothing to say against them', () => {
    for (const [name, text] of Object.entries(manualPages(manifest))) {
      const run = spawnSync('groff', ['-man', '-Tutf8', '-ww'], { input: text, encoding: 'utf8' });
      expect([name, run.status, run.stderr]).toEqual([name, 0, '']);
      expect(run.stdout.replaceAll(/.\x08/g, '')).toContain('NAME');
    }
  });
});
