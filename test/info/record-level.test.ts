import { describe, expect, it } from 'vitest';
import { levelThatSets } from '../../src/info/record-level.js';
import { LEVELS } from '../../src/record/levels.js';
import { PROBES } from '../../src/replay/rules/probes.js';

describe('the level of record that shows what a rule needs', () => {
  it.each([
    ['FR', 'latency'],
    ['CR', 'latency'],
    ['TR', 'tables'],
    ['FREE', 'tables'],
    ['EXIT', 'tables'],
    ['MAPR', 'readers'],
    ['RB', 'readers'],
    ['PLK', 'locks'],
  ] as const)('%s: %s', (probe, level) => {
    expect(levelThatSets([PROBES[probe].probe])).toBe(level);
  });

  it('of several probes the highest; none where only markers would do', () => {
    expect(levelThatSets([PROBES.FR.probe, PROBES.MAPR.probe])).toBe('readers');
    expect(levelThatSets([PROBES.FR.probe, PROBES.PTL.probe])).toBeNull();
    expect(levelThatSets(['a thing nobody knows'])).toBeNull();
  });

  it('knows one for every probe that is no marker', () => {
    for (const { probe } of Object.values(PROBES)) {
      const level = levelThatSets([probe]);
      if (probe.startsWith('`pttrace:')) expect(level, probe).toBeNull();
      else expect(LEVELS, probe).toContain(level);
    }
  });
});
