import type { Cue } from './cue.js';
import type { Emitter } from './emitter.js';

/** Value of a variable in the state before the step. */
export type Read = (name: string) => number;

/**
 * One step somebody may take: a guarded command over byte variables. Guard and assignments are written in the common
 * part of JavaScript and Promela (`docs/explore.md`), so one text is compiled for the search (`compile.ts`) and printed
 * for an independent model checker (`explore/promela.ts`).
 */
export interface Command {
  /** Who steps: `thread 0`, `irq 1`, `walker 2`, `rcu` … */
  readonly actor: string;
  /** CPU on which it happens. */
  readonly cpu: number;
  /** The thread stands here; -1: the actor has no program counter. */
  readonly at: number;
  readonly guard: string;
  /** Assignments, done one after the other. */
  readonly set: readonly string[];
  /** What happens, for people. */
  readonly text: string;
  /** Which operations a trace would show (`kernel/ops.ts`). */
  readonly ops: ((emit: Emitter, read: Read) => void) | null;
  readonly cue?: Cue | undefined;
}

/** A variable of the state; one byte. */
export interface Variable {
  readonly name: string;
  readonly init: number;
  /** CPU whose block it belongs to; -1: of the machine. */
  readonly cpu: number;
}

const WORD = /[A-Za-z_]\w*/g;
const ALLOWED = /^[\w\s()=!<>&|+?:-]*$/;

/** Names of variables in an expression or assignment. Throws Error for text that is not of the common language. */
export function namesIn(text: string): string[] {
  if (!ALLOWED.test(text)) throw new Error(`not an expression of the machine: ${text}`);
  return text.match(WORD) ?? [];
}

/** The text with every name replaced. */
export const rewrite = (text: string, name: (word: string) => string): string => text.replace(WORD, name);

/** Variable that an assignment writes. */
export function written(assignment: string): string {
  const at = assignment.indexOf(' = ');
  if (at < 0) throw new Error(`not an assignment: ${assignment}`);
  return assignment.slice(0, at);
}

/** All of these; `1` if there are none. */
export const all = (...guards: readonly (string | false | null | undefined)[]): string =>
  guards.filter((g) => typeof g === 'string' && g !== '' && g !== '1').join(' && ') || '1';

/** Any of these; `0` if there are none. */
export const any = (guards: readonly string[]): string =>
  guards.length === 0 ? '0' : guards.length === 1 ? guards[0]! : `(${guards.join(' || ')})`;
