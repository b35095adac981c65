import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import type { Finding, InvariantReport, Result } from '../../src/result/types.js';
import { bareReason } from '../../src/result/undecided.js';

/** Invariants as a person wants to see them: those the recording says something about, the rest in a line each. */
export interface Split {
  /** Decided, or undecided without a probe that can be set. */
  readonly rows: readonly InvariantReport[];
  /** Nothing they are about happened. */
  readonly idle: readonly string[];
  /** What no fetch argument of a kprobe shows: only bpftrace or trace markers would, and this recording has none of it. */
  readonly unmarked: readonly string[];
}

export function splitVerdicts(invariants: readonly InvariantReport[]): Split {
  const rows: InvariantReport[] = [];
  const idle: string[] = [];
  const unmarked: string[] = [];
  for (const i of invariants) {
    const n = i.instances;
    const none = n.pass + n.violated + n.unknown + n.censored === 0;
    if (i.verdict === 'not-applicable' && none) idle.push(i.id);
    else if (i.verdict === 'unknown' && none && needsMore(i.settledBy[0])) unmarked.push(i.id);
    else rows.push(i);
  }
  return { rows, idle, unmarked };
}

/** A probe, in words, that is none of kprobes and tracepoints. */
export const needsMore = (probe: string | undefined): boolean => /^(?:`pttrace:|bpftrace )/.test(probe ?? '');

/** The lines for what is not in the table. */
export function restLines({ idle, unmarked }: Split): string[] {
  const lines: string[] = [];
  if (idle.length > 0) lines.push(`nothing to check here: ${idle.join(' ')}`);
  if (unmarked.length > 0) {
    lines.push(
      `undecided without trace markers or bpftrace, no kprobe shows them (pttrace explain ${unmarked[0]}): ${unmarked.join(' ')}`,
    );
  }
  return lines;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The answer in one sentence, to stand in front: what is violated, what holds, what stays open and why. */
export function headline(result: Result): string {
  const { summary, invariants } = result;
  const violated = invariants.filter((i) => i.verdict === 'violated');
  const { unmarked } = splitVerdicts(invariants);
  const parts: string[] = [];
  if (violated.length > 0) {
    parts.push(`violated: ${violated.map((i) => `${i.id} ${i.name} (${i.instances.violated}x)`).join(', ')}`);
  } else parts.push('no violation');
  const required = invariants.filter((i) => i.verdict === 'unknown' && i.findings.length > 0);
  if (required.length > 0) parts.push(`required but undecided: ${required.map((i) => i.id).join(', ')}`);
  const skipped = result.inputs.reduce((sum, input) => sum + input.lines.skipped, 0);
  if (skipped > 0) parts.push(`${plural(skipped, 'line')} skipped`);
  if (summary.tableFrees === 0) parts.push('nothing to judge: no page table is freed in this recording');
  const only = unmarked.length > 0 ? ` (${unmarked.length} without trace markers or bpftrace)` : '';
  parts.push(`${ruleCountWords(ruleCounts(invariants))}${only}`);
  return `${summary.partial ? 'PARTIAL (interrupted): ' : ''}${parts.join('; ')}`;
}

/** Where a reader of this finding goes next. Standard input cannot be read again, so it gets no `show`. */
export function nextSteps(result: Result, id: string, finding: Finding): string {
  const last = finding.events.at(-1);
  const path = result.inputs[last?.input ?? 0]?.path ?? '-';
  const steps = [`pttrace explain ${id}`];
  if (path !== '-')
    steps.unshift(
      last ? `pttrace show ${shellWord(path)} --line ${last.line}` : `pttrace info ${shellWord(path)}`,
    );
  return `next: ${steps.join('; ')}`;
}

/** Findings of one invariant: those that are told in full, and each like one before it, in a line. */
export function tellOnce(findings: readonly Finding[]): {
  readonly full: Finding[];
  readonly alike: string[];
} {
  const full: Finding[] = [];
  const alike: string[] = [];
  const seen = new Set<string>();
  for (const f of findings) {
    const shape = [f.basis, f.missing, ...f.events.map((e) => e.role)].join('\n');
    if (f.events.length > 0 && seen.has(shape)) alike.push(`also ${f.message} (${linesOf(f.events)})`);
    else full.push(f);
    seen.add(shape);
  }
  return { full, alike };
}

const linesOf = (events: readonly { readonly line: number }[]): string =>
  `${events.length === 1 ? 'line' : 'lines'} ${events.map((e) => e.line).join(', ')}`;

/** For a POSIX shell. */
const shellWord = (path: string): string =>
  /^[\w./@:+,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** One undecided invariant, taken apart. */
interface Open {
  readonly id: string;
  /** Probes that would settle it, in words; empty where none would. */
  readonly settle: string;
  readonly lines: readonly string[];
}

/**
 * What is undecided, in groups of what would settle it, so that a reader sees which probe to add next. The first line
 * of a group says what to add, the others, indented, which invariants wait for it and why. Empty where nothing is.
 */
export function undecidedLines(rows: readonly InvariantReport[]): string[] {
  const open = rows.filter((i) => i.verdict === 'unknown' || i.unknowns.length > 0).map(openOf);
  const groups = new Map<string, Open[]>();
  for (const o of open) groups.set(o.settle, [...(groups.get(o.settle) ?? []), o]);
  const none = groups.get('');
  groups.delete('');
  const out: string[] = [];
  if (groups.size > 0) out.push('undecided, and what would settle it:');
  for (const [settle, list] of groups) {
    out.push(`  ${settle}`);
    const bare = list.filter((o) => o.lines.length === 0).map((o) => o.id);
    for (const o of list) for (const line of o.lines) out.push(`    ${o.id}: ${line}`);
    if (bare.length > 0) out.push(`    ${bare.join(' ')}`);
  }
  if (none) out.push(groups.size > 0 ? 'undecided, and no further probe would help:' : 'undecided:');
  for (const o of none ?? []) for (const line of o.lines) out.push(`  ${o.id}: ${line}`);
  return out;
}

function openOf(i: InvariantReport): Open {
  const settle = i.settledBy.join(', ');
  const lines = i.unknowns.map((u) => {
    // The probes stand above the line.
    return `${u.count}x ${bareReason(i, u.reason)}${u.example ? `, e.g. line ${u.example.line}` : ''}`;
  });
  if (lines.length === 0 && settle === '' && i.reason !== '') lines.push(i.reason);
  return { id: i.id, settle, lines };
}
