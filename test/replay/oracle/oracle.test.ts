import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replayFixtures } from '../damage/fixtures.js';
import { type Recording, readRecording } from '../damage/recording.js';

const root = new URL('../../../', import.meta.url);
const SCRIPT = fileURLToPath(new URL('scripts/oracle/opportunities.py', root));

interface Counted {
  readonly bases: { readonly vmemmap: string | null; readonly directMap: string | null };
  readonly opportunities: Readonly<Record<string, number>>;
}
interface Output {
  readonly definitions: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, Counted>>;
}

const expected = JSON.parse(readFileSync(new URL('scripts/oracle/expected.json', root), 'utf8')) as Output;

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import gzip, json'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('scripts/oracle/opportunities.py', () => {
  it.skipIf(!hasPython())('counts the fixtures as expected.json says (needs python3)', () => {
    const names = Object.keys(expected.files).filter((name) => name.startsWith('fixtures/replay/'));
    expect(names.length).toBe(replayFixtures().length);
    const cwd = fileURLToPath(root);
    const stdout = execFileSync('python3', ['-B', SCRIPT, ...names], { cwd, encoding: 'utf8' });
    const output = JSON.parse(stdout) as Output;
    expect(output.definitions).toEqual(expected.definitions);
    for (const name of names) expect(output.files[name], name).toEqual(expected.files[name]);
  });

  it('every count has a definition', () => {
    for (const file of Object.values(expected.files))
      expect(Object.keys(file.opportunities).sort()).toEqual(Object.keys(expected.definitions).sort());
  });

  it('agrees with a second reading of the same lines', () => {
    for (const fixture of replayFixtures()) {
      const { bases, opportunities: n } = expected.files[`fixtures/replay/${fixture.name}`]!;
      const r = readRecording(fixture.lines);
      expect(`0x${r.vmemmap.toString(16)}`).toBe(bases.vmemmap);
      expect(`0x${r.directMap.toString(16)}`).toBe(bases.directMap);
      expect(r.gathers.length, fixture.name).toBe(n.I49);
      expect(r.enqueues.length, fixture.name).toBe(n.I11);
      expect(
        r.enqueues.reduce((sum, e) => sum + e.tables.length, 0),
        fixture.name,
      ).toBe(n.I09);
      expect(r.callbacks.filter((c) => c.enqueue !== null).length, fixture.name).toBe(n.I39);
      expect(broadcasts(r), fixture.name).toBe(n.I24);
    }
  });
});

const broadcasts = (r: Recording): number =>
  r.lines.filter((l) => l?.kind === 'probe' && l.symbol === 'native_flush_tlb_multi').length;
