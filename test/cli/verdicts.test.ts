import { describe, expect, it } from 'vitest';
import { formatPlain } from '../../cli/render/plain.js';
import { formatReport } from '../../cli/render/report.js';
import { quantileLine, wrap } from '../../cli/render/text.js';
import { headline, undecidedLines } from '../../cli/render/verdicts.js';
import { analyse } from '../../src/analyse/analyse.js';
import type { InvariantReport, LatencyReport, Result } from '../../src/result/types.js';
import { whyUndecided } from '../../src/result/undecided.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';

const GOOD = fixture('6.12.117-lab-y/mt-munmap.txt.gz');
const badOf = (name: string): string =>
  write(folder(), name, withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));

const tally = (result: Result, verdict: string): number =>
  result.invariants.filter((i) => i.verdict === verdict).length;

describe('the first line is the answer', () => {
  it('of a clean recording', async () => {
    const result = await analyse({ paths: [GOOD] });
    const line = headline(result);
    expect(line).toMatch(/^no violation; /);
    const { length: rules } = result.invariants;
    expect(line).toContain(`of ${rules} rules ${tally(result, 'pass')} held, `);
    expect(line).toContain(`, ${result.summary.undecided} are not decided, `);
    expect(line).toContain(`${rules - result.summary.checked} had nothing to check`);
    expect(formatReport(result).split('\n')[0]).toBe(line);
    expect(
      formatPlain(result)
        .replace(/\n {2}/, ' ')
        .split('\n')[0],
    ).toBe(line);
  });

  it('of a broken one: names what is violated, and each finding says where to go on', async () => {
    const path = badOf('bad one.txt');
    const result = await analyse({ paths: [path] });
    expect(headline(result)).toMatch(/^violated: .*I09 invalidate-before-callrcu \(\d+x\).*; of \d+ rules/);
    const last = result.invariants.find((i) => i.id === 'I09')!.findings[0]!.events.at(-1)!.line;
    const next = `next: pttrace show '${path}' --line ${last}; pttrace explain I09`;
    expect(formatReport(result)).toContain(next);
    expect(formatPlain(result).replaceAll(/\s+/g, '')).toContain(next.replaceAll(/\s+/g, ''));
  });

  it('says what was required and stayed open, and what was skipped', async () => {
    const lines = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
    lines[100] = lines[100]!.slice(0, 34);
    const torn = write(folder(), 'torn.txt', lines);
    const result = await analyse({ paths: [torn], require: ['I05'], strict: true });
    expect(headline(result)).toContain('no violation; required but undecided: I05; 1 line skipped; ');
    expect(formatReport(result)).toContain(`next: pttrace info ${torn}; pttrace explain I05`);
  });
});

describe('many findings of one kind', () => {
  it('one in full, each other in a line with its lines, all counted', async () => {
    const result = await analyse({ paths: [badOf('bad.txt')], maxFindings: 5 });
    const { findings, moreFindings } = result.invariants.find((i) => i.id === 'I09')!;
    expect(findings).toHaveLength(5);
    for (const text of [formatReport(result), formatPlain(result)]) {
      const flat = text.replaceAll(/\s+/g, ' ');
      expect(
        flat.split(findings[0]!.rule.replace('→', '->')).length + flat.split(findings[0]!.rule).length,
      ).toBe(3);
      for (const f of findings) expect(flat).toContain(f.message);
      for (const f of findings.slice(1))
        expect(flat).toContain(`I09: also ${f.message} (lines ${f.events.map((e) => e.line).join(', ')})`);
      expect(flat).toContain(`I09: ${moreFindings} more (--max-findings)`);
    }
  });
});

describe('what is undecided', () => {
  const of = (
    id: string,
    reason: string,
    settledBy: string[],
    unknowns: InvariantReport['unknowns'] = [],
  ): InvariantReport => {
    const instances = { pass: 0, violated: 0, unknown: unknowns.length, censored: 0 };
    return { id, name: 'x', verdict: 'unknown', reason, settledBy, instances, unknowns } as never;
  };

  it('is grouped by what would settle it, and says no probe twice', () => {
    const lines = undecidedLines([
      of('I05', '3 of 3: no reader', ['probe A'], [{ reason: 'no reader', count: 3 } as never]),
      of(
        'I37',
        '2 of 2: none shown: needs probe A',
        ['probe A'],
        [{ reason: 'none shown: needs probe A', count: 2, example: { line: 7 } } as never],
      ),
      of('I40', 'not shown', ['probe A']),
      of('I54', 'not shown', ['probe B']),
      of('I38', 'the only one is cut off by an end of the recording', []),
    ]);
    expect(lines).toEqual([
      'undecided, and what would settle it:',
      '  probe A',
      '    I05: 3x no reader',
      '    I37: 2x none shown, e.g. line 7',
      '    I40',
      '  probe B',
      '    I54',
      'undecided, and no further probe would help:',
      '  I38: the only one is cut off by an end of the recording',
    ]);
    expect(undecidedLines([])).toEqual([]);
  });

  it('is said in one line, each probe once', () => {
    expect(whyUndecided(of('I37', '2 of 2: none shown: needs probe A', ['probe A'], [{} as never]))).toBe(
      '2 of 2: none shown; would be settled by probe A',
    );
    expect(whyUndecided(of('I40', 'not shown', ['probe A', 'probe B']))).toBe('needs probe A, probe B');
    expect(whyUndecided(of('I38', 'cut off', []))).toBe('cut off');
  });

  it('is all there, of a recording', async () => {
    const result = await analyse({ paths: [GOOD] });
    const text = formatReport(result);
    const part = text.slice(text.indexOf('undecided without'));
    for (const i of result.invariants.filter((x) => x.verdict === 'unknown')) expect(part).toContain(i.id);
  });
});

describe('quantiles', () => {
  const report = (count: number): LatencyReport =>
    ({
      name: 'munmap',
      key: '',
      count,
      censored: { start: 0, end: 0, loss: 0 },
      quantiles: { p50: 1000, p90: 2000, p99: 3000, p999: 4000, max: 5000 },
    }) as unknown as LatencyReport;

  it.each([
    [1, 'n = 1, max 5.00 us'],
    [9, 'n = 9, p50 1.00 us, max 5.00 us'],
    [10, 'n = 10, p50 1.00 us, p90 2.00 us, max 5.00 us'],
    [100, 'n = 100, p50 1.00 us, p90 2.00 us, p99 3.00 us, max 5.00 us'],
    [1000, 'n = 1000, p50 1.00 us, p90 2.00 us, p99 3.00 us, p99.9 4.00 us, max 5.00 us'],
  ])('of %i values: those with a value beyond them', (n, line) => {
    expect(quantileLine(report(n))).toBe(line);
  });

  it('stay in one piece with their name and unit', () => {
    const text = `munmap: ${quantileLine(report(1000))}`;
    for (let width = 20; width < 90; width++) {
      for (const line of wrap(text, width)) {
        expect(line).not.toMatch(/(?:p\d[\d.]*|max|=|\d)$/);
        expect(line.length).toBeLessThanOrEqual(width);
      }
    }
  });
});
