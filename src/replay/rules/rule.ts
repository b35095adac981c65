import type { Feature } from '../../kernel/features.js';
import { ALL_VARIANTS, type VariantMask } from '../../kernel/variants.js';
import type { Evidence } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Verdicts } from '../verdicts.js';

export type Severity = 'S1' | 'S2' | 'S3' | 'S4';

/** An operation without which no instance of a rule can arise, and the probe that shows it. */
export interface Need {
  /** One of `OP`, or `NAMED_READER`. */
  readonly op: number;
  readonly probe: string;
}

/** What a rule's file says of it. */
export interface RuleText {
  /** Printed as I01 … I56. */
  readonly number: number;
  readonly name: string;
  readonly statement: string;
  readonly why: string;
  readonly source: string;
  readonly severity: Severity;
  readonly needs: readonly Need[];
  /** Kernel probes that decide it as well, where `needs` asks for facts that only markers and programs give. */
  readonly byProbes?: readonly Need[];
  /** What to say when the probes fired but nothing it is about happened. */
  readonly idle: string;
  /** Arises only once a page table was queued to RCU: without one it is idle, whatever probes are missing. */
  readonly afterQueue?: true;
  /** Kernel variants that have the path it is about; default all. */
  readonly variants?: VariantMask;
  /** What a kernel or machine must have for it to be about anything. */
  readonly feature?: Feature;
  /** Who still holds what when it is violated, for findings whose own events do not say it more exactly. */
  readonly held: string;
  /** The operation that should have come before the last event of a violation. */
  readonly missing: string;
  /** What it means, for someone who does not know the kernel. */
  readonly words: string;
  /** Litmus tests about it, the most telling first. */
  readonly bugs: readonly string[];
  /** Said where no historic bug is known. */
  readonly instead?: string;
  /** Its check: what it listens to, and what it writes into its book. Made anew for each capture. */
  readonly monitor: (evidence: Evidence, verdicts: Verdicts) => Monitor;
}

/** One ordering rule: its words, what it takes to decide it, and how. One file each; `catalogue.ts` lists them. */
export interface Rule extends RuleText {
  readonly id: string;
  readonly variants: VariantMask;
}

/** What is missing to decide a rule, given which operations are shown; the probes rather than the markers. */
export function missingNeeds(
  { needs, byProbes }: Pick<RuleText, 'needs' | 'byProbes'>,
  shows: (op: number) => boolean,
): readonly Need[] {
  const missing = needs.filter((n) => !shows(n.op));
  return missing.length === 0 || !byProbes ? missing : byProbes.filter((n) => !shows(n.op));
}

/** Every operation that has to do with a rule. */
export const needsOf = ({ needs, byProbes = [] }: Pick<RuleText, 'needs' | 'byProbes'>): readonly Need[] => [
  ...needs,
  ...byProbes,
];

export const ruleId = (n: number): string => `I${String(n).padStart(2, '0')}`;

export const rule = (text: RuleText): Rule => ({
  ...text,
  id: ruleId(text.number),
  variants: text.variants ?? ALL_VARIANTS,
});
