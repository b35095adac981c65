import type { Finding, InputReport, ReadersReport, Result, Verdict } from '../result/types.js';

export const READERS_SCHEMA = 'pttrace/readers/1';

/** Rules about readers, in the order they are told. */
const RULES = ['I05', 'I19', 'I20', 'I37', 'I40'];

export interface ReadersResult {
  schema: typeof READERS_SCHEMA;
  version: string;
  inputs: InputReport[];
  /** In one sentence. */
  headline: string;
  /** Of I05, no reader in a table at its release. */
  verdict: Verdict;
  /** Null: no lookup was recorded. */
  readers: ReadersReport | null;
  rules: {
    id: string;
    name: string;
    verdict: Verdict;
    pass: number;
    violated: number;
    unknown: number;
    reason: string;
  }[];
  findings: Finding[];
  /** Probes that are missing. */
  settledBy: string[];
}

/** What a replay says of readers. `limit`: tables listed. */
export function readersResult(result: Result, limit: number): ReadersResult {
  const rules = result.invariants.filter((i) => RULES.includes(i.id));
  const central = rules.find((i) => i.id === 'I05');
  const { readers } = result;
  return {
    schema: READERS_SCHEMA,
    version: result.version,
    inputs: result.inputs,
    headline: headlineOf(readers),
    verdict: central?.verdict ?? 'unknown',
    readers: readers ? { ...readers, closest: readers.closest.slice(0, limit) } : null,
    rules: rules.map(({ id, name, verdict, instances, reason }) => ({
      id,
      name,
      verdict,
      pass: instances.pass,
      violated: instances.violated,
      unknown: instances.unknown,
      reason,
    })),
    findings: central?.findings ?? [],
    settledBy: central?.settledBy ?? [],
  };
}

/** `11 readers were inside at unlink, 0 at free`. */
export function headlineOf(readers: ReadersReport | undefined): string {
  if (!readers) return 'no lookup of a page table is in this recording: who was inside is not shown';
  const { atUnlink, atFree } = readers.inside;
  const n = atUnlink.walkers;
  return `${n} ${n === 1 ? 'reader was' : 'readers were'} inside at unlink, ${atFree.walkers} at free`;
}
