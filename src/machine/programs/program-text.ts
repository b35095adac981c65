import type { EntrySpec, ProgramKind } from '../program.js';
import { writtenKind } from '../steps/program.js';
import { steps } from '../steps/step.js';

interface Thread {
  readonly name: string;
  readonly mm?: number;
  readonly steps: readonly string[];
}

type More = NonNullable<Parameters<typeof writtenKind>[1]>;

/** A program of threads that are written by verbs; `more`: what it has besides one PTE table in mm 1. */
export const program = (
  name: string,
  what: string,
  source: string,
  threads: readonly Thread[],
  more: More & { readonly entries?: readonly EntrySpec[] } = {},
): ProgramKind => {
  const { entries = [], ...kind } = more;
  const written = threads.map((t) => ({
    name: t.name,
    mm: t.mm ?? 1,
    walker: false,
    steps: steps(...t.steps),
  }));
  return writtenKind({ name, what, source, entries, threads: written }, { tables: 1, ...kind });
};
