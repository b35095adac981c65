import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/gate/policy-file.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';
import { warmPttrace } from '../support/warm-program.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from './support/traces.js';

const page = readFileSync(join(ROOT, 'docs/validate.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map((m) => ({
  kind: m[1]!,
  name: m[2] ?? '',
  text: m[3]!,
}));
const policies = blocks.filter((b) => b.kind === 'yaml');
const sessions = blocks
  .filter((b) => b.kind === 'console')
  .flatMap((b) =>
    b.text
      .split(/^\$ /m)
      .slice(1)
      .map((part): [string, string[]] => {
        const [command, ...expected] = part.trimEnd().split('\n');
        return [command!, expected];
      }),
  );

const dir = folder();
const bin = join(dir, 'bin');

beforeAll(() => {
  mkdirSync(bin);
  symlinkSync(warmPttrace(), join(bin, 'pttrace'));
  copyFileSync(fixture('6.12.117-lab-y/mt-munmap.txt.gz'), join(dir, 'good.txt.gz'));
  copyFileSync(fixture('6.12.117-lab-n/gup-munmap.txt.gz'), join(dir, 'without.txt.gz'));
  write(dir, 'bad.txt', withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));
  for (const { name, text } of policies) writeFileSync(join(dir, name), text);
});

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Lines in order; `…` stands for any lines, or within a line for any text. */
function mismatch(expected: readonly string[], got: readonly string[]): string {
  let at = 0;
  let free = false;
  for (const line of expected) {
    if (line === '…') {
      free = true;
      continue;
    }
    const shape = new RegExp(`^${line.split('…').map(escaped).join('.+')}$`);
    const same = (l: string | undefined): boolean => l !== undefined && shape.test(l);
    const found = free ? got.findIndex((l, i) => i >= at && same(l)) : same(got[at]) ? at : -1;
    if (found < 0) return `expected "${line}" after line ${at} of:\n${got.join('\n')}`;
    at = found + 1;
    free = false;
  }
  return free || at === got.length ? '' : `more than expected: "${got[at]}"`;
}

/** A line of a session: `pttrace …` in this process, with `; echo "exit $?"` too; what needs a shell by a shell. */
async function session(command: string): Promise<string> {
  const plain = /^pttrace ([\w./ -]+?)(; echo "exit \$\?")?$/.exec(command);
  if (plain) {
    const { status, stdout, stderr } = await runCommand(plain[1]!.split(' '), { cwd: dir });
    return `${stderr}${stdout}${plain[2] === undefined ? '' : `exit ${status}\n`}`;
  }
  const { stderr, stdout } = spawnSync('sh', ['-c', command], {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  return `${stderr}${stdout}`;
}

describe('docs/validate.md', () => {
  it.each(sessions)('$ %s', async (command, expected) => {
    const got = (await session(command)).trimEnd().split('\n');
    expect(mismatch(expected, got)).toBe('');
  });

  it.each(policies.map((p) => [p.name, p.text]))(
    '%s is a policy, or is shown as a faulty one',
    (name, text) => {
      if (name === 'faulty.yaml') expect(() => parsePolicy(text!, name!)).toThrow('faulty.yaml:5:7');
      else expect(parsePolicy(text!, name!).version).toBe(1);
    },
  );

  it('tells of every key of the format, with an example', () => {
    const keys = new Set<string>();
    const walk = (schema: Record<string, unknown>): void => {
      for (const [key, sub] of Object.entries((schema.properties ?? {}) as Record<string, object>)) {
        keys.add(key);
        walk(sub as Record<string, unknown>);
      }
      if (schema.items) walk(schema.items as Record<string, unknown>);
    };
    walk(readSchema('policy') as Record<string, unknown>);
    expect(keys.size).toBeGreaterThan(20);
    const examples = policies.map((p) => p.text).join('\n');
    const prose = page.replace(/^```[\s\S]*?^```$/gm, '');
    for (const key of keys) {
      expect(prose, key).toContain(`\`${key}\``);
      expect(examples, key).toMatch(new RegExp(`(?:^|[\\s{,])${key}:`, 'm'));
    }
  });

  it('says what the comparison of its lines means', () => {
    expect(mismatch(['a', '…', 'c'], ['a', 'b', 'c'])).toBe('');
    expect(mismatch(['a…c', 'd.'], ['abc', 'd.'])).toBe('');
    expect(mismatch(['a…c', 'd.'], ['abc', 'd!'])).not.toBe('');
    expect(mismatch(['a'], ['a', 'b'])).not.toBe('');
    expect(mismatch(['a', 'c'], ['a', 'b', 'c'])).not.toBe('');
    expect(mismatch(['…', 'd'], ['a'])).not.toBe('');
  });
});
