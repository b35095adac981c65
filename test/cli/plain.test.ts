import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatPlain, MAIL_WIDTH } from '../../cli/render/plain.js';
import { formatReport } from '../../cli/render/report.js';
import { analyse } from '../../src/analyse.js';
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
    expect(text).toMatch(/^@munmap:\n\[/m);
    expect(text).toContain('no finding');
  });
});
