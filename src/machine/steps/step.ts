import { UsageError } from '../../result/usage-error.js';

/** One step of a program that is written by verbs: `flush-tables T0 unless single-without-flush`. */
export interface WrittenStep {
  readonly verb: string;
  readonly args: readonly string[];
  /** Left out where this rule is broken. */
  readonly unless: string | null;
  /** There only where this rule is broken. */
  readonly only: string | null;
}

/** A thread written by verbs. */
export interface WrittenThread {
  readonly name: string;
  /** Number of the mm that its CPU has loaded (`MM_NAMES`). */
  readonly mm: number;
  /** The page walker of its CPU takes part. */
  readonly walker: boolean;
  readonly steps: readonly WrittenStep[];
}

/** A step that cannot be meant; `thread` and `step` say which, counted from 0 (`step` -1: the thread as a whole). */
export class StepFault extends UsageError {
  readonly thread: number;
  readonly step: number;

  constructor(thread: number, step: number, message: string) {
    super(message);
    this.thread = thread;
    this.step = step;
  }
}

/** Steps of the machine's own programs. */
export function steps(...texts: readonly string[]): WrittenStep[] {
  return texts.map((text) => {
    const step = readStep(text);
    if (!step) throw new Error(`no step: ${text}`);
    return step;
  });
}

/** `VERB [ARGUMENT…] [unless RULE | only RULE]`; null where a rule is named that is none. */
export function readStep(text: string): WrittenStep | null {
  const words = text.trim().split(/\s+/);
  const verb = words.shift() ?? '';
  const at = words.findIndex((w) => w === 'unless' || w === 'only');
  const args = at < 0 ? words : words.slice(0, at);
  if (at < 0) return { verb, args, unless: null, only: null };
  const [word, rule, ...more] = words.slice(at);
  if (rule === undefined || more.length > 0) return null;
  return { verb, args, unless: word === 'unless' ? rule : null, only: word === 'only' ? rule : null };
}
