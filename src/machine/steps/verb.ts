import type { StepWriter } from './writer.js';

/** A step that a program may be made of. */
export interface Verb {
  readonly name: string;
  /** As the table prints them; in brackets what may be left out. */
  readonly args: string;
  readonly what: string;
  readonly source: string;
  readonly write: (w: StepWriter, args: readonly string[]) => void;
}
