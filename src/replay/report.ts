import { FEATURES, type Features } from '../kernel/features.js';
import { OP, type OpKind } from '../kernel/ops.js';
import type { VariantMask } from '../kernel/variants.js';
import type { BasisName, EventQuote, Finding, InvariantReport, Verdict } from '../result/types.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { Coverage } from './coverage.js';
import type { Ledger } from './ledger.js';
import { CATALOGUE } from './rules/catalogue.js';
import { noDoubleCallRcu } from './rules/no-double-call-rcu.js';
import { missingNeeds, type Rule } from './rules/rule.js';
import { KNOWN, type Violation } from './tally.js';

const BASIS_OF: Record<number, BasisName> = {
  [KNOWN.observed]: 'observed',
  [KNOWN.inferred]: 'inferred',
  [KNOWN.absence]: 'inferred (absence)',
  [KNOWN.assumed]: 'assumed',
  [KNOWN.order]: 'order-dependent',
};

/** Abbreviated as the kernel does. */
const COMMIT = /\b[0-9a-f]{12}\b/g;

/** Makes the quotation of a line out of its place; null where the place is no line (a fact of the whole trace). */
export type Quote = (ref: EvidenceRef, role: string) => EventQuote | null;

/** Every place the report will quote, for one pass over the input. */
export function quotedRefs(ledger: Ledger, maxFindings: number): Set<EvidenceRef> {
  const refs = new Set<EvidenceRef>();
  for (const tally of ledger.tallies.values()) {
    for (const violation of tally.violations.slice(0, maxFindings)) {
      for (const event of violation.events) if (event.ref >= 0) refs.add(event.ref);
    }
    for (const unknown of tally.unknowns.values()) if (unknown.example >= 0) refs.add(unknown.example);
  }
  return refs;
}

/** One report per invariant of the catalogue, in order. `set`: kinds whose probes were set, whether they fired or not. */
export function reportInvariants(
  ledger: Ledger,
  coverage: Coverage,
  candidates: VariantMask,
  quote: Quote,
  maxFindings: number,
  set: ReadonlySet<OpKind>,
  features: Features = new Map(),
): InvariantReport[] {
  // It has one instance per page table enqueue.
  const enqueues = ledger.tally(noDoubleCallRcu.number);
  const tablesQueued =
    coverage.total(OP.CR) === 0 || sum(enqueues.pass) + enqueues.violated + enqueues.unknown > 0;
  return CATALOGUE.map((info) => {
    const tally = ledger.tally(info.number);
    const {
      verdict,
      reason,
      settledBy = [],
    } = verdictOf(info, ledger, missingProbes(info, coverage, set), candidates, tablesQueued, features);
    const pass = sum(tally.pass);
    return {
      id: info.id,
      name: info.name,
      verdict,
      severity: info.severity,
      instances: { pass, violated: tally.violated, unknown: tally.unknown, censored: tally.censored },
      basis: {
        observed: tally.pass[KNOWN.observed]!,
        inferred: tally.pass[KNOWN.inferred]!,
        absence: tally.pass[KNOWN.absence]!,
        assumed: tally.pass[KNOWN.assumed]! + tally.pass[KNOWN.order]!,
      },
      reason,
      settledBy,
      unknowns: [...tally.unknowns]
        .sort((a, b) => b[1].count - a[1].count || (a[0] < b[0] ? -1 : 1))
        .map(([why, u]) => ({
          reason: why,
          count: u.count,
          example: u.example >= 0 ? quote(u.example, 'example') : null,
        })),
      findings: tally.violations.slice(0, maxFindings).map((c) => finding(c, info, quote)),
      moreFindings: Math.max(0, tally.violated - Math.min(tally.violations.length, maxFindings)),
    };
  });
}

function finding(violation: Violation, info: Rule, quote: Quote): Finding {
  const events: EventQuote[] = [];
  let missingBefore = -1;
  for (const event of violation.events) {
    const q = quote(event.ref, event.role);
    if (!q) continue;
    if (event.ref === violation.before) missingBefore = events.length;
    events.push(q);
  }
  return {
    message: violation.message,
    severity: violation.severity ?? info.severity,
    basis: BASIS_OF[violation.known]!,
    events,
    held: [...(violation.held ?? [info.held])],
    missing: violation.missing ?? info.missing,
    missingBefore: missingBefore >= 0 ? missingBefore : Math.max(0, events.length - 1),
    ...kernelRule(info),
    flipNs: violation.flipNs ?? null,
  };
}

/** What the kernel says of it: rule, place and commits of the catalogue. */
export function kernelRule(info: Rule): Pick<Finding, 'rule' | 'source' | 'commit'> {
  return {
    rule: info.statement,
    source: info.source,
    commit: [...info.source.matchAll(COMMIT)].map((m) => m[0]).join(', '),
  };
}

function verdictOf(
  info: Rule,
  ledger: Ledger,
  missing: string[],
  candidates: VariantMask,
  tablesQueued: boolean,
  features: Features,
): { verdict: Verdict; reason: string; settledBy?: string[] } {
  const tally = ledger.tally(info.number);
  if (tally.violated > 0) return { verdict: 'violated', reason: '' };
  const decided = sum(tally.pass);
  if (tally.unknown > 0) {
    const main = [...tally.unknowns].sort((a, b) => b[1].count - a[1].count)[0]!;
    return {
      verdict: 'unknown',
      reason: `${tally.unknown} of ${tally.unknown + decided}: ${main[0]}`,
      settledBy: missing,
    };
  }
  if (decided > 0) return { verdict: 'pass', reason: '' };
  if (tally.outside > 0) {
    return {
      verdict: 'not-applicable',
      reason: `nothing to check inside the filter, ${tally.outside} outside`,
    };
  }
  if (info.feature !== undefined && features.get(info.feature) === false) {
    return { verdict: 'not-applicable', reason: FEATURES[info.feature].lacking };
  }
  if (candidates !== 0 && (candidates & info.variants) === 0) {
    return { verdict: 'not-applicable', reason: 'the kernel variant has no such path' };
  }
  // What happened was not looked at: that is not nothing to check.
  if (ledger.disordered !== null)
    return { verdict: 'unknown', reason: ledger.disordered, settledBy: missing };
  if (info.afterQueue && !tablesQueued && tally.censored === 0)
    return { verdict: 'not-applicable', reason: info.idle };
  if (missing.length > 0)
    return {
      verdict: 'unknown',
      reason: 'the trace shows none of the events it is about',
      settledBy: missing,
    };
  if (tally.censored > 0) {
    const cut = tally.censored === 1 ? 'the only one is' : `all ${tally.censored} are`;
    return { verdict: 'unknown', reason: `${cut} cut off by an end of the recording` };
  }
  return { verdict: 'not-applicable', reason: info.idle };
}

function missingProbes(rule: Rule, coverage: Coverage, set: ReadonlySet<OpKind>): string[] {
  return missingNeeds(rule, (op) => coverage.total(op) > 0 || set.has(op as OpKind)).map((n) => n.probe);
}

const sum = (numbers: Float64Array): number => numbers.reduce((a, b) => a + b, 0);
