import type { LitmusVerdict } from '../../../src/litmus/run.js';
import type { EventQuote, Finding, Result } from '../../../src/result/types.js';
import { whyUndecided } from '../../../src/result/undecided.js';

/** What a replay said, in lines that a person can compare: variants, then each invariant that had an instance. */
export function words(result: Result): string[] {
  const lines = [
    `variants ${result.variant.candidates.join(' ')} by ${result.variant.evidence.length} facts`,
  ];
  const { timeline } = result;
  const { pairs, inversions, worstInversionNs, widestOffsetNs } = timeline.skew;
  lines.push(
    `events ${timeline.events} in ${timeline.segments}, span ${timeline.spanNs}, cpus ${timeline.cpus}, lost ${timeline.lost.map((l) => `${l.cpu}:${l.count}:${l.intervals}`)}, ipis ${pairs} ${inversions} ${worstInversionNs} ${widestOffsetNs}`,
  );
  const { deferred } = result;
  lines.push(
    `deferred ${deferred.nowTables} peak ${deferred.peakTables} unknown ${deferred.unknownBatches}; ${result.latency.map((l) => `${l.name} ${l.count} ${Object.values(l.censored)} ${l.sumNs}`).join('; ')}`,
  );
  for (const i of result.invariants) {
    const { pass, violated, unknown, censored } = i.instances;
    if (pass + violated + unknown + censored === 0) {
      lines.push(`${i.id} ${i.verdict}: ${whyUndecided(i)}`);
      continue;
    }
    const { observed, inferred, absence, assumed } = i.basis;
    lines.push(
      `${i.id} ${i.verdict}: ${pass} (${observed} ${inferred} ${absence} ${assumed}) violated ${violated} unknown ${unknown} cut ${censored}`,
    );
    for (const u of i.unknowns)
      lines.push(`  ${u.count} unknown: ${u.reason}${u.example ? at(u.example) : ''}`);
    for (const f of i.findings) lines.push(`  ${found(f)}`);
  }
  return lines;
}

const at = (event: EventQuote): string => ` @${event.line}`;

function found(f: Finding): string {
  const events = f.events.map((e) => `${e.line} ${e.role}`).join(', ');
  const before = `${f.missing}/${f.missingBefore}`;
  return `${f.severity} ${f.basis}: ${f.message} [${events}] held ${f.held.join('; ')} missing ${before} flip ${f.flipNs}`;
}

export function litmusWords(verdict: LitmusVerdict): string[] {
  return [
    `passed ${verdict.passed.join(' ')}`,
    ...verdict.findings.map((f) => `violated ${f.id}: ${f.message}`),
    ...(verdict.stuck.length > 0 ? [`stuck ${verdict.stuck}`] : []),
  ];
}
