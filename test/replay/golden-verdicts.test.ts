import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { runOrder } from '../../src/litmus/run.js';
import { BROKEN, SILENT, textOf } from '../litmus/support/controls.js';
import { one, ownOrders } from '../litmus/support/files.js';
import { type GoldenCase, goldenCases } from './golden/cases.js';
import { litmusWords, words } from './golden/words.js';
import { replayFile } from './support/replay.js';
import { BASES } from './support/story.js';

// Everything the replay says of many right and wrong traces, held to golden/verdicts.txt. A change of a verdict is
// then a line in a review; PTTRACE_GOLDEN=write makes the file anew;
// PTTRACE_GOLDEN_ONLY=story: the traces of that name alone.

const FILE = new URL('golden/verdicts.txt', import.meta.url);
const WRITE = process.env.PTTRACE_GOLDEN === 'write';
const FINDINGS = 3;

/** Sections of the file: `## name`, then its verdicts, or where they differ from those of the case it changes, and a digest of all that was said. */
function readGolden(): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of readFileSync(FILE, 'utf8').split(/^## /m).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end), part.slice(end + 1).trimEnd());
  }
  return sections;
}

const golden = WRITE ? new Map<string, string>() : readGolden();
const now = new Map<string, string>();

function hold(name: string, said: string): void {
  const text = said.trimEnd();
  now.set(name, text);
  if (!WRITE) expect(text, name).toBe(golden.get(name));
}

afterAll(() => {
  if (!WRITE) return;
  const head = 'Written by test/replay/golden-verdicts.test.ts with PTTRACE_GOLDEN=write.\n';
  writeFileSync(FILE, head + [...now].map(([name, text]) => `\n## ${name}\n${text}\n`).join(''));
});

const digest = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12);

/** Verdicts in full, what is under them (unknown reasons, findings) by digest: the file stays readable. */
const shown = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith('I') || line.startsWith('variants'));

function verdictsOf(lines: readonly string[]): Map<string, string> {
  const verdicts = new Map<string, string>();
  for (const line of lines) {
    const m = /^(I\d\d) ([^:]+):/.exec(line);
    if (m) verdicts.set(m[1]!, m[2]!);
  }
  return verdicts;
}

const told = new Map<string, readonly string[]>();

async function say(test: GoldenCase): Promise<readonly string[]> {
  const known = told.get(test.name);
  if (known) return known;
  const result = await replayFile(test.text, { maxFindings: FINDINGS, ...(test.handMade ? BASES : {}) });
  const lines = words(result);
  if (test.of === '') told.set(test.name, lines);
  return lines;
}

describe('litmus', () => {
  it.each(ownOrders().map(([t, o]) => [`${t.id} ${o.name}`, t, o] as const))('%s', (name, test, order) => {
    hold(name, litmusWords(runOrder(test, order)).join('\n'));
  });

  it.each([...SILENT, ...BROKEN].map((c) => [c[0], c] as const))('%s', (name, [, steps, violated]) => {
    const [test, order] = one(textOf(steps, violated));
    hold(`litmus: ${name}`, litmusWords(runOrder(test, order)).join('\n'));
  });
});

describe('traces', () => {
  const cases = goldenCases();
  const wanted = new RegExp(WRITE ? '' : (process.env.PTTRACE_GOLDEN_ONLY ?? ''));
  it.each(cases.filter((c) => wanted.test(c.name)).map((c) => [c.name, c] as const))(
    '%s',
    async (name, test) => {
      const lines = await say(test);
      const parent = cases.find((c) => c.name === test.of);
      if (!parent) return hold(name, [...shown(lines), `digest ${digest(lines)}`].join('\n'));
      const before = verdictsOf(await say(parent));
      const changed = [...verdictsOf(lines)]
        .filter(([id, verdict]) => before.get(id) !== verdict)
        .map(([id, verdict]) => `${id} ${verdict}`);
      hold(name, [changed.join(', ') || 'same verdicts', `digest ${digest(lines)}`].join('; '));
    },
  );
});
