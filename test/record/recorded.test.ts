import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { parseKernelInfo } from '../../src/record/kernel-info.js';
import { planRecording, promisedIds } from '../../src/record/plan.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures/record');

/** What a tool's output does not show; see docs/record.md. */
const NOT_SHOWN: Readonly<Record<string, readonly string[]>> = { perf: ['I02', 'I34', 'I44', 'I56'] };

/** Stock Debian kernels, the variants their release and configuration leave possible, and what recorded there. */
const RECORDED = [
  ['6.12.117', 'A1 A2', 'ftrace'],
  ['6.18.15', 'D F', 'ftrace'],
  ['7.1.13', 'E En F Fn', 'ftrace'],
  ['7.3.4', 'E En F Fn', 'ftrace'],
  ['7.3.4', 'E En F Fn', 'trace-cmd'],
  ['7.3.4', 'E En F Fn', 'perf'],
] as const;

describe.each(RECORDED)('Debian’s %s (%s), recorded by the printed %s script', (release, variants, tool) => {
  const folder = join(FIXTURES, `debian-${release}`);
  const info = gunzipSync(readFileSync(join(folder, 'kernel-info.txt.gz'))).toString('utf8');
  const plan = planRecording(parseKernelInfo(info), 'tables');

  it('is planned for its kernel', () => {
    expect(plan.variants.join(' ')).toBe(variants);
    expect(promisedIds(plan).length).toBeGreaterThan(25);
  });

  it('replays without flags: no finding, every line, and the promise is kept', async () => {
    const result = await analyse({ paths: [join(folder, `${tool}.txt.gz`)] });
    expect(result.summary.findings).toBe(0);
    const { lines, notes } = result.inputs[0]!;
    expect(lines).toMatchObject({ skipped: 0, foreign: 0 });
    expect(lines.event).toBeGreaterThan(4000);
    expect(result.bases.how).toBe('recorded');
    const someMissed = notes.some((note) => note.code.startsWith('missed-'));
    const of = new Map(result.invariants.map((i) => [i.id, i]));
    for (const id of promisedIds(plan)) {
      const { verdict, reason, instances } = of.get(id)!;
      expect(verdict, `${id}: ${reason}`).not.toBe('violated');
      if (NOT_SHOWN[tool]?.includes(id)) continue;
      // Hits that a kprobe missed hide a part of what it is about.
      if (!(someMissed && instances.pass > 0)) expect(verdict, `${id}: ${reason}`).not.toBe('unknown');
    }
    for (const id of ['I01', 'I03', 'I10', 'I12', 'I24', 'I25', 'I49'])
      expect(of.get(id)!.verdict, id).toBe('pass');
  });
});
