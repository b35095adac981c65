import { basename } from 'node:path';

/**
 * How many of them `npm test` tries, of how many with PTTRACE_WHOLE=1 (docs/ci/long-runs.yml): a suite that takes minutes is
 * run, and what is tried is the same each time.
 */
export const partOf = (whole: number, part: number): number => (process.env.PTTRACE_WHOLE ? whole : part);

/**
 * Of files with the same name, which are one for each kernel, that of one kernel, of another for the next name; all of them in the
 * whole run. `nameOf`: where files of one name are not alike.
 */
export function oneOfEachName(
  paths: readonly string[],
  nameOf: (path: string) => string = basename,
): readonly string[] {
  if (process.env.PTTRACE_WHOLE) return paths;
  const alike = new Map<string, string[]>();
  for (const path of paths) alike.set(nameOf(path), [...(alike.get(nameOf(path)) ?? []), path]);
  return [...alike.values()].map((same, i) => same[i % same.length]!);
}
