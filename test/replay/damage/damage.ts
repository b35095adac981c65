/**
 * Damage done on purpose to a real recording, one random place at a time. Text in, text out: nothing here knows
 * the code under test. What else may be reported beside the expected id: docs/co-firing.md.
 */

import { FIELD_DAMAGES } from './damage-fields.js';
import { FLUSH_DAMAGES } from './damage-flush.js';
import { RCU_DAMAGES } from './damage-rcu.js';
import { TRACE_DAMAGES } from './damage-trace.js';
import { type Damage, type Damager, seededRandom } from './edit.js';
import { type Recording, readRecording } from './recording.js';

export { CO_FIRING } from './co-firing.js';
export type { Damage, Damager, Recording };
export { readRecording, seededRandom };

/** Kinds of damage by name: order, presence and number of lines. */
export const DAMAGES: Readonly<Record<string, Damager>> = {
  ...FLUSH_DAMAGES,
  ...RCU_DAMAGES,
  ...TRACE_DAMAGES,
};

/** Those and the ones of `damage-fields.ts`: what a line says, and facts told by markers. */
export const ALL_DAMAGES: Readonly<Record<string, Damager>> = { ...DAMAGES, ...FIELD_DAMAGES };

/** One damage of `kind`; null when the recording has no place for it. Same seed, same damage. */
export function damageLines(kind: string, recording: Recording, seed: number): Damage | null {
  return ALL_DAMAGES[kind]!(recording, seededRandom(seed));
}
