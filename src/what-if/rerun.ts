import { Op } from '../kernel/ops.js';
import type { VariantMask } from '../kernel/variants.js';
import type { Ledger } from '../replay/ledger.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { Session } from '../replay/session.js';
import type { Tally, Violation, Witness } from '../replay/tally.js';
import { differs, type Edits, editsOf } from './edit.js';
import type { OpLog } from './op-log.js';
import { PageNames } from './page-names.js';
import type { Policy } from './policy.js';
import type { HandOver } from './predict.js';
import type { Recorded } from './recorded.js';
import type { WhatIfReport, WhatIfVerdict } from './report.js';
import type { Change } from './transform.js';

export interface RerunInput {
  readonly log: OpLog;
  readonly recorded: Recorded;
  readonly changes: readonly (Change | null)[];
  readonly after: readonly HandOver[];
  readonly source: VariantMask;
  /** Violations of the recording, as a replay of it says. */
  readonly recordedViolated: (invariant: number) => number;
  readonly target: VariantMask;
  readonly policy: Policy;
  readonly cpus: number;
  /** Operation that starts the next callback of a CPU; -1 none. */
  readonly latest: (cpu: number, queuedNs: number) => number;
  readonly funcName: (id: number) => string;
  readonly resolutionNs: number;
}

export interface Rerun {
  readonly order: WhatIfReport['order'];
  /** Behind the example of each verdict that is violated, by id. */
  readonly witnesses: ReadonlyMap<string, readonly Witness[]>;
}

/** The changed sequence of operations on the machine, judged by the rules of the target. */
export function rerun(given: RerunInput): Rerun {
  const { log, recorded } = given;
  const witnesses = new Map<string, readonly Witness[]>();
  const not = (reason: string): Rerun => ({
    order: { checked: false, reason, operations: 0, verdicts: [] },
    witnesses,
  });
  if (recorded.losses > 0) return not('events were lost: what the others did in between is not known');
  if (log.segments > 1) return not('several captures: only one is re-run at a time');
  if (log.full) return not('more operations than are kept for a second run');
  if (
    recorded.gathers.some(
      (g, i) => given.changes[i] && differs(given.changes[i]!) && g.tables.some(Number.isNaN),
    )
  ) {
    return not('the recording does not name the tables it frees: needs probes with arguments');
  }
  const none: Edits = { drop: new Uint8Array(log.length), after: new Map(), later: [] };
  const before = judge(given, none, given.source);
  const edits = editsOf(log, recorded, given.changes, given.after, given.policy, given.cpus, given.latest);
  const now = judge(given, edits, given.target);
  const verdicts: WhatIfVerdict[] = [];
  for (const info of CATALOGUE) {
    const tally = now.ledger.tally(info.number);
    const pass = tally.pass.reduce((a, b) => a + b, 0);
    if (pass + tally.violated + tally.unknown === 0) continue;
    const recordedViolated = given.recordedViolated(info.number);
    // What a replay knows of a recording besides its operations explains these.
    const explained = recordedViolated === 0 ? before.ledger.tally(info.number).violated : 0;
    const faults = faultsOf(info.number, tally, recordedViolated, explained);
    if (faults.violation) witnesses.set(info.id, faults.violation.events);
    const edited = tally.violated - faults.count;
    const unknown = tally.unknown + edited;
    verdicts.push({
      id: info.id,
      name: info.name,
      verdict: faults.count > 0 ? 'violated' : unknown > 0 ? 'unknown' : 'pass',
      pass,
      violated: faults.count,
      unknown,
      recordedViolated,
      example: faults.violation?.message ?? '',
      reason: edited > 0 ? ONLY_THE_EDIT : '',
      events: [],
    });
  }
  return { order: { checked: true, reason: '', operations: now.operations, verdicts }, witnesses };
}

/** I05, I06, I37, I40: who still reads when the target releases. Everything else of its order is put in by the edit. */
const READER_RULES: ReadonlySet<number> = new Set([5, 6, 37, 40]);
const ONLY_THE_EDIT =
  'what the recording shows later of the same pages, heads and CPUs does not fit the changed sequence';

/**
 * What of the violations is the target's: those the recording has as well, and readers that were recorded and that the
 * target does not wait for. The order of the steps that were put in is the target's own and right by construction: what
 * contradicts it is what was recorded of the same page, head or handler before or after, which only the edit tore apart.
 */
function faultsOf(
  invariant: number,
  tally: Tally,
  recorded: number,
  explained: number,
): { count: number; violation: Violation | undefined } {
  if (recorded > 0) return { count: Math.min(recorded, tally.violated), violation: tally.violations[0] };
  const count = tally.violated - explained;
  if (!READER_RULES.has(invariant) || count <= 0) return { count: 0, violation: undefined };
  return { count, violation: tally.violations[explained] };
}

function judge(given: RerunInput, edits: Edits, mask: VariantMask): { ledger: Ledger; operations: number } {
  const { log } = given;
  const session = new Session({
    variants: mask,
    resolutionNs: () => given.resolutionNs,
    nameOf: given.funcName,
  });
  const op = new Op();
  const names = new PageNames();
  let operations = 0;
  let last = -1;
  const one = (): void => {
    operations++;
    session.feed(op);
  };
  let next = 0;
  for (let i = 0; i < log.length; i++) {
    const later = edits.later;
    for (; next < later.length && later[next]!.before <= i; next++) {
      for (const m of later[next]!.ops) {
        // Its call_rcu was not reached: there is nothing to call back.
        if (m.of?.current === null) continue;
        log.loadMade(m, last, op);
        one();
      }
    }
    last = log.ref[i]!;
    if (edits.drop[i] !== 1) {
      log.load(i, op);
      names.rename(op);
      one();
    }
    const made = edits.after.get(i);
    if (!made) continue;
    for (const m of made) {
      log.loadMade(m, last, op);
      names.rename(op);
      one();
      if (m.defers) names.hold(m.defers);
    }
  }
  session.end('the recording ends');
  session.ledger.resolve(mask);
  return { ledger: session.ledger, operations };
}
