import { FLUSH_VERBS } from './flush-verbs.js';
import { FREE_VERBS } from './free-verbs.js';
import { LOCK_VERBS } from './lock-verbs.js';
import { TABLE_VERBS } from './table-verbs.js';
import type { Verb } from './verb.js';
import { WALK_VERBS } from './walk-verbs.js';

/** Every step that a program may be made of. */
export const VERBS: readonly Verb[] = [
  ...TABLE_VERBS,
  ...FLUSH_VERBS,
  ...FREE_VERBS,
  ...WALK_VERBS,
  ...LOCK_VERBS,
];

/** How many arguments a verb takes: at least, at most. */
export function arity(verb: Verb): readonly [number, number] {
  const words = verb.args.split(' ').filter((word) => word !== '');
  return [words.filter((word) => !word.startsWith('[')).length, words.length];
}
