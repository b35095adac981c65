import { maskOf, VARIANTS } from '../kernel/variants.js';
import type { InvariantReport, LatencyReport, Result } from '../result/types.js';
import { whyUndecided } from '../result/undecided.js';
import { type Budget, holds, measured, parseBudget } from './budget.js';
import type { GateCheck, GateFinding, LatencyBudget, Policy } from './types.js';

/** Everything a policy asks of one recording, in a fixed order. `path` is used in the commands that lead on. */
export function judge(result: Result, policy: Policy, path: string): GateCheck[] {
  return [
    ...readable(result),
    ...somethingToJudge(result, policy, path),
    ...result.invariants.map((i) => invariantCheck(i, policy, path)).filter((c) => c !== null),
    ...notChecked(result, policy),
    ...(policy.variant ? [variantCheck(result, policy.variant, path)] : []),
    ...lossChecks(result, policy.loss, path),
    ...(policy.lines?.maxSkipped === undefined ? [] : [lineCheck(result, policy.lines.maxSkipped)]),
    ...(policy.probes?.required ?? []).map((name) => probeCheck(result, name, path)),
    ...(policy.latency ?? []).flatMap((budget) => latencyChecks(result, budget)),
  ];
}

function readable(result: Result): GateCheck[] {
  const { inputs, timeline, summary } = result;
  if (timeline.events === 0 && !summary.partial && !inputs.some((input) => input.error)) {
    // Nothing that a policy asks is violated by nothing: an empty recording must not be green.
    const next = 'Was tracing on (tracing_on), and were events enabled (set_event)?';
    return [fail('readable', `${inputs[0]?.path ?? 'the recording'}: holds no events`, next)];
  }
  return inputs
    .filter((input) => input.error)
    .map((input) => ({
      id: 'readable',
      outcome: 'fail',
      level: 'error',
      message: `${input.path}: ${input.error!.message}; only the part before was checked`,
      next: 'Copy the recording again; what was read before the damage is in the report.',
      findings: [],
    }));
}

/** That no rule is broken where no page table is freed says nothing of the kernel. */
function somethingToJudge(result: Result, policy: Policy, path: string): GateCheck[] {
  const { summary, timeline } = result;
  if (summary.tableFrees > 0 || timeline.events === 0 || summary.partial) return [];
  const order = result.inputs.flatMap((i) => i.notes).find((note) => note.code === 'out-of-order');
  const message = order
    ? `nothing can be judged: ${order.message}`
    : `nothing to judge: none of the ${timeline.events} events shows a page table being freed`;
  if (policy.invariants?.mayJudgeNothing) {
    return [{ id: 'nothing-to-judge', outcome: 'undecided', level: 'note', message, next: '', findings: [] }];
  }
  const next = `pttrace info ${quoted(path)} names the probes that are missing; a policy allows it with invariants.mayJudgeNothing`;
  return [fail('nothing-to-judge', message, next)];
}

/** Null: not applicable and not asked for. */
function invariantCheck(report: InvariantReport, policy: Policy, path: string): GateCheck | null {
  const { id, name, verdict } = report;
  const ask = policy.invariants ?? {};
  const ignored = ask.ignored?.find((i) => i.id === id);
  const required = ask.required?.includes(id) ?? false;
  const title = `${id} ${name}`;
  if (verdict === 'violated') {
    const n = report.instances.violated;
    const first = report.findings[0];
    const line = first?.events.at(-1)?.line;
    return {
      id,
      outcome: ignored ? 'ignored' : 'fail',
      level: ignored ? 'note' : report.severity === 'S3' || report.severity === 'S4' ? 'warning' : 'error',
      message: `${title} is violated ${n === 1 ? 'once' : `${n} times`}: ${first?.message ?? ''}${ignored ? ` (ignored: ${ignored.reason})` : ''}`,
      next: line === undefined ? '' : `pttrace show ${quoted(path)} --line ${line}`,
      findings: report.findings.map(
        (f): GateFinding => ({ message: f.message, basis: f.basis, events: f.events }),
      ),
    };
  }
  if (verdict === 'pass') return done(id, `${title}: ${report.instances.pass} passed`);
  if (!required && verdict === 'not-applicable') return null;
  const mayBe = ask.mayBeUnknown ?? 'all';
  const allowed = !required && (mayBe === 'all' || mayBe.includes(id));
  return {
    id,
    outcome: allowed ? 'undecided' : 'fail',
    level: allowed ? 'note' : 'error',
    message: `${title} ${required ? 'must be decided, but' : 'is undecided:'} ${verdict === 'not-applicable' ? `nothing to check: ${report.reason}` : whyUndecided(report)}`,
    next: allowed ? '' : `pttrace info ${quoted(path)}`,
    findings: [],
  };
}

/** A required invariant that this version does not know must not look like a pass. */
function notChecked(result: Result, policy: Policy): GateCheck[] {
  const known = new Set(result.invariants.map((i) => i.id));
  return (policy.invariants?.required ?? [])
    .filter((id) => !known.has(id))
    .map((id) => fail(id, `${id} is required but not checked by this version`, ''));
}

function variantCheck(result: Result, want: NonNullable<Policy['variant']>, path: string): GateCheck {
  const wanted = maskOf(...want.oneOf);
  const { candidates } = result.variant;
  const inside = candidates.filter((id) => (maskOf(id) & wanted) !== 0);
  const are = candidates.length === 0 ? 'no known kernel variant' : `variant ${candidates.join(', ')}`;
  const expected = `expected ${want.oneOf.join(' or ')}`;
  const lead = result.variant.evidence.at(-1);
  const why = lead ? ` (${lead.text})` : '';
  if (inside.length === 0) {
    const line = lead?.events[0]?.line;
    const next =
      line === undefined ? `pttrace replay ${quoted(path)}` : `pttrace show ${quoted(path)} --line ${line}`;
    return {
      ...fail('variant', `the recording shows ${are}, ${expected}${why}`, next),
      findings: lead ? [{ message: lead.text, basis: 'observed', events: lead.events }] : [],
    };
  }
  if (inside.length === candidates.length) return done('variant', `${are}, as expected`);
  const message = `the recording allows ${candidates.length} of ${VARIANTS.length} variants (${candidates.join(', ')}), ${expected}`;
  return want.certain
    ? fail(
        'variant',
        `${message}: not certain`,
        'Record with the probes that tell variants apart: pttrace info.',
      )
    : { id: 'variant', outcome: 'undecided', level: 'note', message, next: '', findings: [] };
}

function lossChecks(result: Result, loss: Policy['loss'], path: string): GateCheck[] {
  if (!loss || (loss.maxEvents === undefined && loss.maxFraction === undefined)) return [];
  const { lost, events } = result.timeline;
  const unknown = lost.filter((l) => l.count < 0).map((l) => l.cpu);
  const total = lost.reduce((sum, l) => sum + Math.max(0, l.count), 0);
  const next = `Record with a larger buffer (buffer_size_kb) or fewer probes: pttrace info ${quoted(path)}`;
  if (unknown.length > 0) {
    return [
      fail('loss', `CPU ${unknown.join(', ')} lost events, and the recording does not say how many`, next),
    ];
  }
  const fraction = total / Math.max(1, events + total);
  const said = `${total} of ${events + total} events lost (${(100 * fraction).toFixed(2)} %)`;
  if (loss.maxEvents !== undefined && total > loss.maxEvents) {
    return [fail('loss', `${said}, allowed ${loss.maxEvents}`, next)];
  }
  if (loss.maxFraction !== undefined && fraction > loss.maxFraction) {
    return [fail('loss', `${said}, allowed ${100 * loss.maxFraction} %`, next)];
  }
  return [done('loss', said)];
}

function lineCheck(result: Result, max: number): GateCheck {
  const skipped = result.inputs.reduce((sum, input) => sum + input.lines.skipped, 0);
  const first = result.inputs.flatMap((input) => input.skips.map((s) => ({ input, s })))[0];
  const where = first
    ? `; first ${first.input.path}:${first.s.firstLine} (${first.s.reason}): ${first.s.text}`
    : '';
  const said = `${skipped} ${skipped === 1 ? 'line' : 'lines'} could not be used`;
  return skipped > max
    ? fail(
        'lines',
        `${said}, allowed ${max}${where}`,
        'Is the file damaged? Otherwise name its format with --format.',
      )
    : done('lines', said);
}

function probeCheck(result: Result, name: string, path: string): GateCheck {
  const count = result.probes
    .filter((p) => p.event === name || p.symbol === name)
    .reduce((sum, p) => sum + p.count, 0);
  return count > 0
    ? done(`probe ${name}`, `${name} fired ${count} times`)
    : fail(`probe ${name}`, `${name} never fired in this recording`, `pttrace info ${quoted(path)}`);
}

function latencyChecks(result: Result, want: LatencyBudget): GateCheck[] {
  const key = want.key ?? '';
  const report = result.latency.find((l) => l.name === want.name.replaceAll('->', '→') && l.key === key);
  return want.budgets.map((text) => {
    const id = `latency ${want.name}${key ? ` [${key}]` : ''}: ${text.trim()}`;
    return latencyCheck(id, parseBudget(text), report, result);
  });
}

function latencyCheck(
  id: string,
  budget: Budget,
  report: LatencyReport | undefined,
  result: Result,
): GateCheck {
  const value = report ? measured(report, budget.what) : null;
  if (!report || value === null || (report.count === 0 && budget.what !== 'count')) {
    const have = result.latency
      .filter((l) => l.count > 0)
      .map((l) => (l.key ? `${l.name} (key ${l.key})` : l.name));
    const why = report
      ? result.timeline.unit === 'ticks'
        ? 'the clock of this recording is not in ns'
        : 'no span of it is complete in this recording'
      : 'nothing of that name is measured';
    return fail(id, `cannot be checked: ${why}`, have.length > 0 ? `Measured here: ${have.join(', ')}.` : '');
  }
  const shown = budget.what === 'count' ? String(value) : `${value} ns`;
  const said = `${budget.what} is ${shown} over ${report.count} ${report.count === 1 ? 'span' : 'spans'}`;
  return holds(value, budget) ? done(id, said) : fail(id, said, '');
}

const done = (id: string, message: string): GateCheck => ({
  id,
  outcome: 'pass',
  level: 'note',
  message,
  next: '',
  findings: [],
});

const fail = (id: string, message: string, next: string): GateCheck => ({
  id,
  outcome: 'fail',
  level: 'error',
  message,
  next,
  findings: [],
});

/** For a POSIX shell. */
export const quoted = (path: string): string =>
  /^[\w./@:+,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
