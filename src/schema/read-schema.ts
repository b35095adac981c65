import { readFileSync } from 'node:fs';

export type JsonSchema = Record<string, unknown>;

/** A published schema by its file name without `.schema.json`; it lies beside this module, in the sources too. */
export function readSchema(name: string): JsonSchema {
  return JSON.parse(readFileSync(new URL(`./${name}.schema.json`, import.meta.url), 'utf8')) as JsonSchema;
}
