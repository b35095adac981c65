import { describe, expect, it } from 'vitest';
import { newState } from '../../../src/replay/state/machine-state.js';
import type { Gather } from '../../../src/replay/state/table-life.js';
import { mayLook } from '../../../src/replay/steps/gather-looks.js';

describe('a gather that is looked at too often', () => {
  const gather = (): Gather => ({ looks: 0, tables: 1 }) as Gather;

  it('counts as if events had been lost from then on', () => {
    const state = newState();
    state.seq = 7;
    const one = gather();
    expect(mayLook(state, one, 1 << 20)).toBe(true);
    expect(state.lossSeq).toBe(0);
    expect(mayLook(state, one, 1 << 20)).toBe(false);
    expect(state.lossSeq).toBe(7);
  });

  it('makes no loss smaller that is everywhere', () => {
    const state = newState();
    state.seq = 7;
    state.lossSeq = Number.POSITIVE_INFINITY;
    expect(mayLook(state, gather(), 1 << 21)).toBe(false);
    expect(state.lossSeq).toBe(Number.POSITIVE_INFINITY);
  });
});
