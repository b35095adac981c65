import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  blocksOf,
  commandsOf,
  MARK,
  needsMore,
  refreshed,
  Sandbox,
  sessionsOf,
} from '../../scripts/docs/sessions.mjs';
import { builtCommand, ROOT } from '../support/built.js';

/** Pages whose console sessions are printed anew, and compared, by docs.test.ts; docs/validate.md by test/gate/docs.test.ts. */
const OF_OTHERS = /^docs\/(?:guides\/.*|compare|simulate|validate)\.md$/;

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${String(name)}`),
]
  .filter((path) => path.endsWith('.md'))
  .sort();

interface Told {
  readonly page: string;
  readonly command: string;
  readonly marked: boolean;
}

const told: Told[] = pages.flatMap((page) =>
  blocksOf(readFileSync(join(ROOT, page), 'utf8')).flatMap(({ kind, text }): Told[] => {
    if (kind === 'console')
      return OF_OTHERS.test(page)
        ? []
        : sessionsOf(text).map(({ command }) => ({ page, command, marked: false }));
    if (kind !== 'sh') return [];
    return commandsOf(text).map(({ command, comment }) => ({
      page,
      command: command.replace(/^npm ci && (?=npx pttrace)/, ''),
      marked: MARK.test(comment),
    }));
  }),
);
const ours = told.filter(({ command }) => /\bpttrace\b/.test(command));
const elsewhere = ours.filter(({ marked }) => marked);

/** A long one that a test of its own runs as it stands: here in the whole run only. */
const OWN_TEST = { command: 'pttrace litmus', test: 'test/cli/litmus.test.ts', says: 'Litmus.run([], ROOT)' };
const tried = ours.filter(
  ({ command, marked }) => !marked && (process.env.PTTRACE_WHOLE || command !== OWN_TEST.command),
);

let sandbox: Sandbox;
beforeAll(async () => {
  builtCommand();
  sandbox = await new Sandbox(ROOT).simulated({ munmaps: 8 });
}, 300_000);
afterAll(() => sandbox.remove());

describe('commands of the pages', () => {
  it('are found', () => {
    expect(ours.length).toBeGreaterThan(60);
    expect(pages.filter((page) => page.startsWith('docs/guides/'))).toHaveLength(6);
  });

  it('say so where they take root or another machine, and only there', () => {
    for (const { page, command, marked } of ours)
      expect([page, command, marked]).toEqual([page, command, needsMore(command)]);
    expect(elsewhere.map(({ command }) => command)).toHaveLength(ELSEWHERE);
  });

  it('leave one to its own test', () => {
    const { command, test, says } = OWN_TEST;
    expect(ours.map((o) => o.command)).toContain(command);
    expect(readFileSync(join(ROOT, test), 'utf8')).toContain(says);
  });

  it.each(tried)('$page: $command', async ({ command }) => {
    const { status, output } = await sandbox.run(command);
    // A finding is an answer; wrong usage, an unreadable input or an error of ours is none.
    // The answers of other shards, which other machines give, are missing.
    const codes = /pttrace shard merge/.test(command) ? [0, 1, 3] : [0, 1];
    expect(codes, output).toContain(status);
  });
});

/** Commands that cannot be run here: those of record, watch and other machines. */
const ELSEWHERE = 20;

describe('a console session', () => {
  it('is printed anew, and a command that fails is no page', async () => {
    const page = '```console\n$ pttrace -V; echo "exit $?"\nold\n$ echo a \\\n  b\n```\nend\n';
    const text = await refreshed(page, sandbox);
    expect(text).toMatch(
      /^```console\n\$ pttrace -V; echo "exit \$\?"\n.*\d\n(?:.*\n)?exit 0\n\$ echo a \\\n {2}b\na b\n```\nend\n$/,
    );
    await expect(refreshed('```console\n$ pttrace replay /nowhere\n```\n', sandbox)).rejects.toThrow(
      'exit 3',
    );
  });
});
