import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replayFixtures } from './damage/fixtures.js';
import { replayLines, report } from './support/replay.js';

// Opportunities are counted by scripts/oracle/opportunities.py, which shares no code with what is tested here.

type Counts = Readonly<Record<string, number>>;
const expected = JSON.parse(
  readFileSync(new URL('../../scripts/oracle/expected.json', import.meta.url), 'utf8'),
) as { files: Record<string, { opportunities: Counts }> };

const IDS = ['I01', 'I04', 'I09', 'I11', 'I12', 'I38', 'I39'];
/** Of all opportunities, those that must read pass. */
const SHARE = 0.95;
/** Edge effects: an opportunity that the script counts by page may be two lives of one page here, and the reverse. */
const SLACK = 0.02;

describe.each(replayFixtures())('$name', (fixture) => {
  const counted = expected.files[`fixtures/replay/${fixture.name}`]!.opportunities;
  const result = replayLines(fixture.lines);

  it.each(IDS)(
    '%s: at least 95 %% of the opportunities pass, and no more passes than opportunities',
    async (id) => {
      const { instances } = report(await result, id);
      expect(instances.violated).toBe(0);
      expect(instances.pass).toBeGreaterThanOrEqual(counted[id]! * SHARE);
      expect(instances.pass).toBeLessThanOrEqual(counted[id]! * (1 + SLACK));
    },
  );

  it('counts events, and passes of I24, I48, I49 as the script does', async () => {
    const r = await result;
    expect(r.inputs[0]!.lines.event).toBe(counted.I52);
    expect(r.inputs[0]!.lines.skipped).toBe(0);
    const sum = (id: string) => {
      const { pass, unknown, violated } = report(r, id).instances;
      return pass + unknown + violated;
    };
    expect(sum('I24')).toBeLessThanOrEqual(counted.I24!);
    expect(report(r, 'I48').instances.pass).toBe(counted.I48);
    expect(report(r, 'I49').instances.pass).toBeLessThanOrEqual(counted.I49!);
    expect(report(r, 'I49').instances.pass).toBeGreaterThan(counted.I49! * SHARE - 4);
  });
});
