import { Readable } from 'node:stream';
import { analyse } from '../../../src/analyse/analyse.js';

/** Verdict of every invariant on an ftrace log. */
export async function verdictOf(log: string, variants: readonly string[] = []): Promise<Map<string, string>> {
  const result = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(log)]), variants });
  return new Map(result.invariants.map((i) => [i.id, i.verdict]));
}
