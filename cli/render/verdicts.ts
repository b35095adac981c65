import type { InvariantReport } from '../../src/result/types.js';

/** Invariants as a person wants to see them: those the recording says something about, the rest in a line each. */
export interface Split {
  /** Decided, or undecided for want of a probe that can be set. */
  readonly rows: readonly InvariantReport[];
  /** Nothing they are about happened. */
  readonly idle: readonly string[];
  /** Operations no kernel probe shows: only trace markers would, and this recording has none of them. */
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
    else if (i.verdict === 'unknown' && none && i.reason.startsWith('needs `pttrace:')) unmarked.push(i.id);
    else rows.push(i);
  }
  return { rows, idle, unmarked };
}

/** The lines for what is not in the table. */
export function restLines({ idle, unmarked }: Split): string[] {
  const lines: string[] = [];
  if (idle.length > 0) lines.push(`nothing to check here: ${idle.join(' ')}`);
  if (unmarked.length > 0) {
    lines.push(
      `undecided for want of trace markers, no kernel probe shows them (pttrace explain ${unmarked[0]}): ${unmarked.join(' ')}`,
    );
  }
  return lines;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
