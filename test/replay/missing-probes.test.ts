import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { partOf } from '../support/part.js';
import { replayFixtures, undamaged } from './damage/fixtures.js';
import { inTurn } from './support/in-turn.js';
import { violatedIds } from './support/replay.js';

// Every fixture is a piece of a correct kernel's recording. Whatever probe was not set, or CPU not recorded, no
// violation may appear: a line that is not there must never be read as a thing that did not happen.

const ROOT = join(import.meta.dirname, '../../fixtures/replay');
const FIXTURES = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.txt.gz'))
  .sort();
/** Of the longer recordings; the long run of docs/ci/long-runs.yml takes all. */
const LINES = 900;
/** Name of the event; a return of the syscall events is told from its entry. */
const EVENT = /^.{16,}?-\d+\s+\[\d+\] \S+\s+\d+\.\d+: (\S+?)(:| ->|\()/;
const CPU = /^.{16,}?-\d+\s+\[(\d+)\]/;

interface Line {
  readonly text: string;
  readonly name: string;
  readonly cpu: number;
}

function linesOf(fixture: string): Line[] {
  const text = gunzipSync(readFileSync(join(ROOT, fixture))).toString('latin1');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const event = EVENT.exec(line);
      const name = event ? event[1]! + (event[2] === ' ->' ? ' ->' : '') : '';
      return { text: line, name, cpu: Number(CPU.exec(line)?.[1] ?? -1) };
    });
}

async function violations(lines: readonly Line[]): Promise<string[]> {
  const text = lines.map((l) => l.text).join('\n');
  const stdin = Readable.from([Buffer.from(`${text}\n`, 'latin1')]);
  const result = await analyse({ paths: ['-'], stdin, format: 'ftrace' });
  return result.invariants
    .filter((i) => i.verdict === 'violated')
    .map((i) => `${i.id} ${i.findings[0]?.message}`);
}

const seen = new Set<string>();

describe.each(FIXTURES)('%s', (fixture) => {
  const whole = linesOf(fixture);
  const lines = process.env.PTTRACE_ALL_PAIRS ? whole : whole.slice(0, LINES);
  const names = [...new Set(lines.map((l) => l.name))].filter((n) => n !== '').sort();
  const offset = FIXTURES.indexOf(fixture);
  // Recorders set the same probes: those of no fixture before, and of the others one in four, others in the next fixture.
  const one = process.env.PTTRACE_ALL_PAIRS ? 1 : partOf(1, 4);
  const takenAway = names.filter((name, i) => !seen.has(name) || (i + offset) % one === 0);
  for (const name of names) seen.add(name);
  const cpus = [...new Set(lines.map((l) => l.cpu))].filter((c) => c >= 0);

  it('as recorded', async () => {
    expect(names.length).toBeGreaterThan(5);
    const result = await undamaged(replayFixtures().find(({ name }) => name === fixture)!);
    expect(violatedIds(result)).toEqual([]);
  });

  it('with any one probe missing', async () => {
    const found: Record<string, string[]> = {};
    for (const name of takenAway) {
      const v = await violations(lines.filter((l) => l.name !== name));
      if (v.length > 0) found[name] = v;
    }
    expect(found).toEqual({});
  });

  it('with pairs of probes missing', async () => {
    const found: Record<string, string[]> = {};
    // All of them take minutes: docs/ci/long-runs.yml (PTTRACE_ALL_PAIRS=1). A part, another in each fixture, keeps watch.
    const stride = process.env.PTTRACE_ALL_PAIRS ? 1 : 97;
    const every = process.env.PTTRACE_ALL_PAIRS ? 1 : partOf(1, 4);
    for (let i = offset % every; i < names.length; i += every) {
      for (let j = i + 1 + ((i + offset) % stride); j < names.length; j += stride) {
        const [a, b] = [names[i], names[j]];
        const v = await violations(lines.filter((l) => l.name !== a && l.name !== b));
        if (v.length > 0) found[`${a} and ${b}`] = v;
      }
    }
    expect(found).toEqual({});
  });

  it('with CPUs not recorded', async () => {
    const found: Record<string, string[]> = {};
    for (const cpu of process.env.PTTRACE_ALL_PAIRS ? cpus : inTurn(cpus, 2, offset)) {
      const without = await violations(lines.filter((l) => l.cpu !== cpu));
      const only = await violations(lines.filter((l) => l.cpu < 0 || l.cpu === cpu));
      if (without.length > 0) found[`without CPU ${cpu}`] = without;
      if (only.length > 0) found[`only CPU ${cpu}`] = only;
    }
    expect(found).toEqual({});
  });
});
