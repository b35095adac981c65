// Commands in the pages: what they are, and a folder in which they run.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { runCommand } from '../in-process.mjs';
import { keepThreads } from '../warm-threads.mjs';
import { runLine } from './shell.mjs';

/** Fenced blocks of a page: language, the word behind it, text, and where the text begins. */
export const blocksOf = (page) =>
  [...page.matchAll(/^```(\w*)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map((m) => ({
    kind: m[1],
    name: m[2] ?? '',
    text: m[3],
    at: m.index + m[0].indexOf('\n') + 1,
  }));

/** `$ command` lines of a `console` block, each with what is printed beneath. Lines that end in `\` go on. */
export const sessionsOf = (text) =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command] = /^(?:.*\\\n)*.*\n?/.exec(part);
      return { command: command.trimEnd(), printed: part.slice(command.length) };
    });

/** Commands of a `sh` block; each has the comments above it. */
export function commandsOf(text) {
  const commands = [];
  let comments = [];
  let behind = false;
  for (const line of text.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
    if (line.startsWith('#')) {
      // Another comment begins behind the commands of the last.
      if (behind) comments = [];
      comments.push(line);
      behind = false;
    } else if (line.trim() === '') comments = [];
    else {
      // A comment behind a command is for the reader.
      commands.push({ command: line.trim().replace(/ +# .*$/, ''), comment: comments.join(' ') });
      behind = true;
    }
  }
  return commands;
}

/** What only root, another machine, or an engine that is not installed with pttrace can do. */
export const needsMore = (command) =>
  /\/sys\/kernel\/tracing|\bssh |redis:|pttrace record (?!--print)|pttrace query .*--parquet/.test(command);

/** A comment above a command that says so. */
export const MARK = /\((?:as root|another machine|with DuckDB)/;

/** A folder with a `pttrace` in the path, the fixtures, and recordings under the names that the pages use. */
export class Sandbox {
  constructor(root) {
    keepThreads();
    this.root = root;
    this.dir = mkdtempSync(join(tmpdir(), 'pttrace-docs-'));
    this.bin = join(this.dir, '.bin');
    mkdirSync(this.bin);
    writeFileSync(
      join(this.bin, 'pttrace'),
      `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`,
    );
    writeFileSync(join(this.bin, 'npx'), '#!/bin/sh\nexec "$@"\n');
    for (const name of ['pttrace', 'npx']) chmodSync(join(this.bin, name), 0o755);
    for (const name of ['fixtures', 'docs']) symlinkSync(join(root, name), join(this.dir, name));
    this.fill();
  }

  fill() {
    const put = (from, ...names) => {
      for (const name of names) copyFileSync(join(this.root, 'fixtures', from), join(this.dir, name));
    };
    const unpacked = (from, name) =>
      writeFileSync(join(this.dir, name), gunzipSync(readFileSync(join(this.root, 'fixtures', from))));
    for (const folder of [
      'traces',
      '.local/share/bash-completion/completions',
      '.config/fish/completions',
      'recordings/a',
      'recordings/b',
    ])
      mkdirSync(join(this.dir, folder), { recursive: true });
    put('replay/6.12.117-lab-y/mt-munmap.txt.gz', 'trace.txt.gz', 'traces/1.gz', 'recordings/a/1.gz');
    put('replay/6.12.117-lab-y/gup-munmap.txt.gz', 'after.txt.gz', 'traces/2.gz', 'recordings/b/1.gz');
    put('replay/6.12.117-lab-n/gup-munmap.txt.gz', 'before.txt.gz');
    put('replay/debian-6.16.12/pt-reclaim-gup.txt.gz', 'reclaim.gz');
    put('mail/munmap-2024-11.txt', 'mail.txt');
    unpacked('replay/6.12.117-lab-y/mt-munmap.txt.gz', 'trace.txt');
    unpacked('record/debian-6.12.117/kernel-info.txt.gz', 'kernel-info.txt');
    const page = (name) => readFileSync(join(this.root, 'docs', name), 'utf8');
    writeFileSync(join(this.dir, 'my.litmus'), /```\n(litmus mine[\s\S]*?)```/.exec(page('litmus.md'))[1]);
    for (const { kind, name, text } of blocksOf(page('validate.md')))
      if (kind === 'yaml') writeFileSync(join(this.dir, name), text);
    copyFileSync(join(this.dir, 'baseline.yaml'), join(this.dir, 'policy.yaml'));
  }

  /** Runs of simulated kernels: before1.gz to after5.gz, and b1.gz to b5.gz of one kernel. The pages show those of 60 munmap()s. */
  async simulated({ munmaps = 60, sides = ['before', 'after', 'b'] } = {}) {
    for (let i = 1; i <= 5; i++) {
      for (const side of sides) {
        const args = [
          'simulate',
          '--variant',
          VARIANT_OF[side],
          '--munmaps',
          String(munmaps),
          '--seed',
          String(i),
        ];
        const { stdout } = await runCommand(this.root, args, { cwd: this.dir, env: ENV });
        writeFileSync(join(this.dir, `${side}${i}.gz`), gzipSync(stdout));
      }
    }
    return this;
  }

  /** Runs a command line: `pttrace` in this process, unless only a shell can tell what is run. Its exit code and all it prints. */
  async run(command) {
    const pttrace = (args, input) => runCommand(this.root, args, { cwd: this.dir, env: ENV, input });
    const ran = await runLine(command, { dir: this.dir, pttrace, sh: (text, input) => this.sh(text, input) });
    if (ran !== undefined) return ran;
    const { status, stdout } = this.sh(`{ ${command}\n} 2>&1`);
    return { status, output: stdout.toString() };
  }

  sh(command, input = '') {
    return spawnSync('sh', ['-c', command], {
      cwd: this.dir,
      input,
      maxBuffer: 1 << 28,
      env: { ...process.env, ...ENV, HOME: this.dir, PATH: `${this.bin}${delimiter}${process.env.PATH}` },
    });
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const VARIANT_OF = { before: 'A2', after: 'C', b: 'B' };

/** A pipe of no terminal, whatever this process was started from. */
const ENV = { NO_COLOR: '1', COLUMNS: '', TERM: 'dumb', TZ: 'UTC' };

/** A page with what its console sessions print now. Throws where a command fails in a way the page does not show. */
export async function refreshed(page, sandbox) {
  let text = '';
  let at = 0;
  for (const { kind, name, text: file } of blocksOf(page))
    if (kind === 'yaml' && name !== '') writeFileSync(join(sandbox.dir, name), file);
  for (const block of blocksOf(page).filter((b) => b.kind === 'console')) {
    text += page.slice(at, block.at);
    at = block.at + block.text.length;
    for (const { command } of sessionsOf(block.text)) {
      const { status, output } = await sandbox.run(command.replaceAll(/\\\n\s*/g, ' '));
      if (status > 1) throw new Error(`${command}: exit ${status}\n${output}`);
      text += `$ ${command}\n${output}`;
    }
  }
  return text + page.slice(at);
}
