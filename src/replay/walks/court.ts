import { type Absence, absent as absentFor, type Evidence } from '../evidence.js';
import type { Complaint } from '../ledger.js';
import { Verdicts } from '../verdicts.js';

/** What the judges of lookups work with: they decide several rules each, so they write into the ledger by number. */
export type Court = Evidence;

/** As `absent` of one rule. */
export const absent = (
  court: Court,
  rule: number,
  absence: Absence,
  finding: Omit<Complaint, 'known'>,
): void => absentFor(court, new Verdicts(court.ledger, rule), absence, finding);
