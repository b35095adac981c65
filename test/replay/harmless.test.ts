import { describe, expect, it } from 'vitest';
import { replayFixtures, undamaged } from './damage/fixtures.js';
import { HARMLESS } from './damage/harmless.js';
import { inTurn } from './support/in-turn.js';
import { replayLines, verdicts } from './support/replay.js';

// The same story in other words: names, addresses, CPU numbers, pids and times are the recorder's and the boot's.

const SEED = 7;
const FIXTURES = replayFixtures();

describe.each(FIXTURES)('$name', (fixture) => {
  // Renamed probes need the recorder's definitions to be understood, so both sides get them.
  const replay = (lines: readonly string[], probesText?: string) =>
    replayLines(lines, probesText === undefined ? {} : { probesText });
  const plain = undamaged(fixture);
  const withProbes = replay(fixture.lines, fixture.probes);

  it('is rich enough to notice a change', async () => {
    const decided = (await plain).invariants.filter((i) => i.instances.pass > 0);
    expect(decided.length).toBeGreaterThan(8);
  });

  it('the probe definitions change nothing by themselves', async () => {
    expect(verdicts(await withProbes)).toEqual(verdicts(await plain));
  });

  it.each(inTurn(Object.keys(HARMLESS), 2, FIXTURES.indexOf(fixture)))('%s', async (name) => {
    const changed = HARMLESS[name]!(fixture, SEED);
    const renamed = name === 'rename-probes';
    const before = await (renamed ? withProbes : plain);
    const after = await replay(changed.lines, renamed ? changed.probes : undefined);
    expect(verdicts(after)).toEqual(verdicts(before));
    expect(after.variant.candidates).toEqual(before.variant.candidates);
    expect(after.operations).toEqual(before.operations);
    expect(after.deferred.peakTables).toBe(before.deferred.peakTables);
    expect(after.latency.map((l) => l.quantiles)).toEqual(before.latency.map((l) => l.quantiles));
    expect(after.inputs[0]!.lines).toEqual(before.inputs[0]!.lines);
  });
});
