import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PHASES } from '../../src/breakdown/phases.js';
import { phaseSentence, runPhases } from '../../src/compare/phases.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const run = (times: Partial<Record<string, number>>): number[] => PHASES.map((p) => times[p] ?? 0);

describe('which phase changed', () => {
  test('the phase that moved most, as seen or with its interval between runs', () => {
    const a = [run({ zap: 1000, 'flush: wait': 5000 })];
    const b = [run({ zap: 1100, 'flush: wait': 9000 })];
    expect(phaseSentence(a, b, 0.05, false)).toBe(
      ' Of the mean call’s change of +4.1 µs the largest part is in flush: wait: +4 µs as seen.'.replace(
        '’',
        "'",
      ),
    );
    expect(phaseSentence(a, a, 0.05, false)).toBe('');
    const many = (wait: number) => [0, 10, -10].map((d) => run({ 'flush: wait': wait + d }));
    expect(phaseSentence(many(5000), many(4000), 0.05, false)).toMatch(
      /largest part is in flush: wait: −1 µs \[−1\.0\d µs, −9\d\d ns\]\.$/,
    );
  });

  test('recordings only: a mail has no phases', async () => {
    const recording = fixture('replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz');
    const means = (await runPhases(recording, {}))!;
    expect(means.reduce((s, v) => s + v, 0)).toBeGreaterThan(0);
    expect(await runPhases(fixture('mail/munmap-2024-11.txt'), {})).toBeNull();
    expect(await runPhases('-', {})).toBeNull();
  });
});
