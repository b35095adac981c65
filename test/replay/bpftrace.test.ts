import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import type { Result } from '../../src/result/types.js';
import { ROOT } from '../support/built.js';

/** What a printf log of bpftrace decides: what its events show. What is absent proves nothing, losses are not in it. */
const by = (r: Result) => new Map(r.invariants.map((i) => [i.id, i]));
const fixture = (name: string) => analyse({ paths: [join(ROOT, 'fixtures/bpftrace-log', name)] });

const OPS = {
  '6.12.117-lab-y/events.txt.gz': ['GE', 'TR', 'APP', 'PVOP', 'PTEN', 'FR', 'TLBF', 'CR', 'CB', 'SE', 'SX'],
  '6.12.117-lab-n/events.txt.gz': ['GE', 'TR', 'PVOP', 'PTEN', 'FR', 'TLBF', 'CR', 'SE', 'SX'],
  'debian-6.16.12/events.txt': ['GE', 'TR', 'APP', 'PTEN', 'FR', 'TLBF', 'CR', 'CB', 'SE', 'SX'],
};

describe.each(Object.entries(OPS))('%s', (name, ops) => {
  test('its events are the operations they would be in any dialect', async () => {
    const r = await fixture(name);
    expect(Object.keys(r.operations)).toEqual(expect.arrayContaining(ops));
    // Every line but those the program's author did not mean for it: nothing is left without a meaning.
    const meant = Object.values(r.operations).reduce((a, b) => a + b, 0);
    expect(meant).toBe(r.timeline.events);
  });

  test('nothing is violated, and loss told elsewhere is said', async () => {
    const r = await fixture(name);
    expect(r.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id)).toEqual([]);
    expect(r.inputs[0]!.notes.map((n) => n.code)).toContain('silent-loss');
    expect(by(r).get('I53')?.verdict).toBe('unknown');
  });
});

test('what a log of the RCU path decides', async () => {
  const r = by(await fixture('6.12.117-lab-y/events.txt.gz'));
  for (const id of ['I14', 'I39', 'I42', 'I45', 'I48', 'I52']) {
    expect([id, r.get(id)?.verdict]).toEqual([id, 'pass']);
    expect(r.get(id)!.instances.pass).toBeGreaterThan(0);
  }
});

test('its system calls are measured', async () => {
  const r = await fixture('6.12.117-lab-y/events.txt.gz');
  const munmap = r.latency.find((l) => l.name === 'munmap');
  expect(munmap!.count).toBe(r.operations.SX);
  expect(munmap!.count).toBeGreaterThan(10);
});

const RECORDINGS = join(ROOT, '../shared/recordings');
describe('recordings', () => {
  test.for(['6.12.117-lab-y', '6.12.117-lab-n', 'debian-6.16.12'])(
    '%s: no violation',
    async (kernel, context) => {
      const path = join(RECORDINGS, kernel, 'bpftrace-events.txt.gz');
      if (!existsSync(path)) return context.skip('the recordings are not here');
      const r = await analyse({ paths: [path] });
      expect(r.inputs[0]!.lines).toMatchObject({ event: 39_998, header: 2, skipped: 0, foreign: 0 });
      expect(r.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id)).toEqual([]);
      expect(r.invariants.filter((i) => i.verdict === 'pass').length).toBeGreaterThanOrEqual(3);
    },
  );
});
