import { type Absence, absent as absentFor, type Evidence } from '../evidence.js';
import type { Violation } from '../tally.js';
import { Verdicts } from '../verdicts.js';

/** As `absent` of one rule: the monitors of lookups decide several each, so they write into the ledger by number. */
export const absent = (
  evidence: Evidence,
  rule: number,
  absence: Absence,
  finding: Omit<Violation, 'known'>,
): void => absentFor(evidence, new Verdicts(evidence.ledger, rule), absence, finding);
