import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatPlain, MAIL_WIDTH } from '../../cli/render/plain.js';
import { formatReport } from '../../cli/render/report.js';
import { formatWhatIf } from '../../cli/render/what-if.js';
import { analyse } from '../../src/analyse/analyse.js';
import { whatIf } from '../../src/what-if/what-if.js';
import { ROOT } from '../support/built.js';

const FIXTURES = ['replay', 'ftrace-options', 'function_graph', 'latency-format', 'trace-cmd-report'].flatMap(
  (dir) =>
    readdirSync(join(ROOT, 'fixtures', dir), { recursive: true, encoding: 'utf8' })
      .filter((f) => /\.(?:txt|gz)$/.test(f) && !f.includes('kprobe_events'))
      .map((f) => join('fixtures', dir, f)),
);

describe('--plain', () => {
  it.each(FIXTURES)('%s: ASCII, at most 75 columns', async (fixture) => {
    let text: string;
    try {
      text = formatPlain(await analyse({ paths: [join(ROOT, fixture)] }));
    } catch (error) {
      expect((error as Error).name).toBe('TraceError');
      return;
    }
    expect(MAIL_WIDTH).toBe(75);
    for (const line of text.split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(MAIL_WIDTH);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
  });
});

describe('the report', () => {
  it('says what was read, decided, found and measured', async () => {
    const result = await analyse({ paths: [join(ROOT, 'fixtures/replay/6.12.117-lab-n/gup-munmap.txt.gz')] });
    const text = formatReport(result);
    expect(text).toContain(`${result.inputs[0]!.lines.total} lines`);
    expect(text).toContain('kernel variant: A1, Bn, Cn (detected)');
    for (const i of result.invariants) expect(text).toContain(i.id);
    expect(text).toMatch(/^@munmap_ns:\n\[/m);
    expect(text).toContain('no finding');
  });
});

describe('--what-if', () => {
  it('begins with the answer; --plain is at most 75 columns, pictures too', async () => {
    const report = await whatIf({
      paths: [join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz')],
      target: 'A1',
    });
    const text = formatWhatIf(report, { plain: true });
    for (const line of text.split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(MAIL_WIDTH);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
    const short = text.indexOf('In short, with A1: munmap changes by ');
    expect(short).toBeGreaterThan(0);
    expect(short).toBeLessThan(text.indexOf('gathers'));
    const head = text.split('\n').find((line) => line.includes('95 % interval'))!;
    const mean = text.split('\n').find((line) => line.startsWith('  mean '))!;
    expect(mean.indexOf('[')).toBe(head.indexOf('95 %'));
    expect(text).not.toMatch(/^ {2}p99 /m);
    const wide = formatWhatIf(report, { plain: false });
    expect(wide).toContain('@munmap_recorded_ns:');
  });
});
