import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { report } from './support/replay.js';

// docs/recordings.md against the recordings themselves; all of them: scripts/recordings-table.mjs --check.

const FOLDER = new URL('../../../shared/recordings/', import.meta.url);
const PAGE = readFileSync(new URL('../../docs/recordings.md', import.meta.url), 'utf8');
const rows = [
  ...PAGE.matchAll(
    /^\| (\S+\/\S+) \| (\S+) \| (\d+) \| (\d+) \| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$/gm,
  ),
];

describe('docs/recordings.md', () => {
  it('has a row for every recording, and none with a false alarm', () => {
    expect(rows.length).toBeGreaterThan(100);
    for (const row of rows) {
      expect(row[7], row[1]).toBe('0');
      expect(Number(row[6]) + Number(row[8]) + Number(row[9]), row[1]).toBe(56);
    }
  });
});

describe.skipIf(!existsSync(FOLDER))('the recordings (skipped where ../shared is absent)', () => {
  // One of each kernel, and one that no event tells the kernel of.
  const some = [
    ['6.12.117-lab-n/ftrace-kprobes-nohash', 'C'],
    ['6.12.117-lab-semi/ftrace-kprobes-nohash', 'A1'],
    ['6.12.117-lab-y/ftrace-kprobes-nohash', 'A1'],
    ['debian-6.16.12/ftrace-kprobes-nohash', 'A1'],
    ['6.12.117-lab-y/percpu1-trace', ''],
  ] as const;

  it.each(some)('%s is as the page says, and not of variant %s', async (name, wrong) => {
    const base = fileURLToPath(new URL(name, FOLDER));
    const path = [`${base}.txt.gz`, `${base}.txt`].find((p) => existsSync(p))!;
    const result = await analyse({ paths: [path] });
    const row = rows.find((r) => r[1] === name)!;
    const lines = result.inputs[0]!.lines.total;
    expect([row[2], Number(row[3]), Number(row[4])]).toEqual([
      result.inputs[0]!.format,
      lines,
      result.timeline.events,
    ]);
    const allowed = result.variant.candidates;
    expect(row[5]).toBe(wrong === '' ? 'all' : allowed.join(' '));
    for (const [i, verdict] of ['pass', 'violated', 'unknown', 'not-applicable'].entries()) {
      expect(result.invariants.filter((x) => x.verdict === verdict).length, verdict).toBe(Number(row[6 + i]));
    }
    if (wrong === '') {
      const given = await analyse({ paths: [path], variants: ['C'] });
      expect(report(given, 'I56').instances.violated).toBe(0);
      return;
    }
    expect(allowed).not.toContain(wrong);
    const given = report(await analyse({ paths: [path], variants: [wrong] }), 'I56');
    expect(given.instances.violated).toBe(1);
    expect(given.findings[0]!.events.length).toBeGreaterThan(0);
  });
});
