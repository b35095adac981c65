import { describe, expect, it } from 'vitest';
import { Coverage } from '../../src/replay/coverage.js';
import { decidable } from '../../src/replay/decidable.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';

describe('decidable', () => {
  it('of nothing: every rule that needs a probe cannot, and all of them are named', () => {
    const all = decidable(new Coverage());
    expect(all.map((d) => [d.id, d.name])).toEqual(CATALOGUE.map((i) => [i.id, i.name]));
    CATALOGUE.forEach((info, i) => {
      // Probes are named where they decide it as well as markers.
      expect(all[i]!.missing, info.id).toEqual((info.byProbes ?? info.needs).map((n) => n.probe));
      expect(all[i]!.can, info.id).toBe(info.needs.length === 0 ? 'yes' : 'no');
    });
  });

  it('a rule can be decided once each of its probes has fired, once', () => {
    for (const info of CATALOGUE.filter((i) => i.needs.length > 0)) {
      const coverage = new Coverage();
      (info.byProbes ?? info.needs).forEach(({ op, probe }) => {
        const before = decidable(coverage).find((d) => d.id === info.id)!;
        expect(before.can, info.id).toBe('no');
        expect(before.missing, info.id).toContain(probe);
        coverage.fired(op, 0, 1);
        expect(decidable(coverage).find((d) => d.id === info.id)!.missing, info.id).not.toContain(probe);
      });
      expect(decidable(coverage).find((d) => d.id === info.id)!.can, info.id).toBe('yes');
    }
  });

  it('markers decide it as well', () => {
    for (const info of CATALOGUE.filter((i) => i.byProbes)) {
      const coverage = new Coverage();
      for (const { op } of info.needs) coverage.fired(op, 0, 1);
      expect(decidable(coverage).find((d) => d.id === info.id)!.can, info.id).toBe('yes');
    }
  });
});
