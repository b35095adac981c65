/**
 * How many of them `npm test` tries, of how many with PTTRACE_WHOLE=1 (docs/ci/long-runs.yml): a suite that takes minutes is
 * run, and what is tried is the same each time.
 */
export const partOf = (whole: number, part: number): number => (process.env.PTTRACE_WHOLE ? whole : part);
