import { OP, type Op } from '../../../src/kernel/ops.js';
import { cacheKey, type Holder } from '../../../src/replay/state/mech.js';
import { Drive, MM } from './drive.js';

/** Page keys of a PTE and a PMD table, the address the first is linked at, and the frame its entry maps. */
export const [PTE, PMD, VA, FRAME] = [1, 2, 0x4000, 70];

/** A table with one entry, linked at VA. */
export function linked(): Drive {
  const d = new Drive();
  d.do(OP.LINK, { a0: MM, a1: VA, a2: PTE, a3: 1 });
  d.do(OP.SETE, { a0: PTE, a1: VA, a2: FRAME });
  return d;
}

/** A page walk of VA. */
export const walk = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.HW, { a0: MM, a1: VA, a2: Number.NaN, ...over });

/** What a CPU, or a device, may still hold of MM. */
export const held = (d: Drive, cpu = 0, device = Number.NaN): readonly Holder[] =>
  (d.state.mech.holders.get(cacheKey(cpu, device, MM)) ?? []).filter((h) => h.hold !== 0);

/** The list of what a CPU holds of MM, with what is gone; undefined: there is none. */
export const kept = (d: Drive, cpu = 0): readonly Holder[] | undefined =>
  d.state.mech.holders.get(cacheKey(cpu, Number.NaN, MM));

/** The same as page keys; `?`: whether it was invalidated cannot be told. */
export const pages = (d: Drive, cpu = 0, device = Number.NaN): string[] =>
  held(d, cpu, device).map((h) => `${h.page}${h.leaf ? ' leaf' : ''}${h.hold === 2 ? ' ?' : ''}`);

/** A flush handler invalidates everything of MM. */
export const inv = (d: Drive, over: Partial<Op> = {}): number =>
  d.do(OP.INV, { a0: 0, a1: MM, a2: Number.NaN, a3: Number.NaN, a4: 5, a5: 0, ...over });
