import { OP, type OpKind } from '../kernel/ops.js';
import type { Ledger } from './ledger.js';
import { CATALOGUE } from './rules/catalogue.js';
import { needsOf } from './rules/rule.js';

/** Operations that stand for each other in a rule: where one of them was not recorded, an absence proves nothing. */
const FAMILIES: readonly (readonly OpKind[])[] = [
  [OP.GB, OP.GE, OP.GEret, OP.FMMU, OP.TR, OP.APP, OP.PVOP, OP.UL, OP.ULret, OP.FPGT, OP.FPGD, OP.UVMA],
  [OP.FR, OP.FD, OP.FMULTI, OP.INV, OP.FMMU, OP.SSYNC, OP.SYNC1, OP.SYNCR],
  [OP.CR, OP.CB, OP.CBret, OP.DEFER],
  [OP.RB, OP.RE, OP.GUP, OP.MAP, OP.MAPR],
  [OP.PLK],
  [OP.COLL, OP.COLLR, OP.DEP, OP.WDR, OP.HUGEI],
  [OP.GP],
  [OP.PUB, OP.PTEA, OP.PMDA, OP.PTEN],
  [OP.EXITMM],
  [OP.FPSC],
];

/**
 * A kprobe that is hit while another one is being handled on that CPU records nothing and only counts the miss
 * (kernel/kprobes.c, `nmissed`). Nobody knows when: what rests on an absence of such events, in the whole recording, is
 * unknown. Verdicts on the events that are there stay.
 */
export function doubtMissed(ledger: Ledger, missed: ReadonlyMap<OpKind, string>): void {
  for (const [kind, why] of missed) {
    const family = new Set(FAMILIES.filter((kinds) => kinds.includes(kind)).flat());
    for (const rule of CATALOGUE) {
      if (needsOf(rule).some((need) => family.has(need.op as OpKind))) ledger.missed(rule.number, why);
    }
  }
}
