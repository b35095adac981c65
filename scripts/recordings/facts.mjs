import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Files beside the recordings that are none: what they hold instead. */
const NO_TRACE = [
  [/\/available-functions\.txt$/, 'names of functions'],
  [/\/event-formats\.txt$/, 'format files of events'],
  [
    /\/(?:cpuinfo|dmesg-short|ring-headers|bpftrace-version|trace-options-list)\.txt$/,
    'facts of the machine',
  ],
  [/\/(?:kprobe_events|lost-stats)\.txt$/, 'probe definitions, counters of tracefs'],
  [/-timing\.txt$|ptwork-self-timing\.txt$|stress-ng\.log$/, 'times that a workload printed'],
  [/hist[^/]*\.txt$/, 'histograms, for `pttrace hist`'],
  [/\.bt$/, 'a bpftrace program'],
  [/perf\.data\.gz$/, "perf's own binary file: `perf script` prints it"],
];

export const noTrace = (name) => NO_TRACE.find(([pattern]) => pattern.test(name))?.[1] ?? '';

/** Every file of the recordings: `kernel/name`, sorted. */
export function recordingFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: kernel }) => readdirSync(join(folder, kernel)).map((file) => `${kernel}/${file}`))
    .sort();
}

/** Everything the page says of one recording; no places and no texts. */
export function factsOf(name, result) {
  const lines = result.inputs.reduce((sum, i) => sum + i.lines.total, 0);
  const skipped = result.inputs.reduce((sum, i) => sum + i.lines.skipped, 0);
  const unaccounted = result.inputs.reduce((sum, { lines: { total, ...kinds } }) => {
    return sum + total - Object.values(kinds).reduce((a, b) => a + b, 0);
  }, 0);
  return {
    name,
    kernel: name.slice(0, name.indexOf('/')),
    format: result.inputs[0].format,
    lines,
    skipped,
    unaccounted,
    events: result.timeline.events,
    candidates: result.variant.candidates,
    evidence: result.variant.evidence.length,
    invariants: Object.fromEntries(
      result.invariants.map((i) => [i.id, { verdict: i.verdict, ...i.instances, ...i.basis }]),
    ),
    operations: result.operations,
  };
}

/** What I56 says of a replay as one variant: `violated` with the lines that prove it, or not. */
export function asVariant(variant, result) {
  const i56 = result.invariants.find((i) => i.id === 'I56');
  const [finding] = i56.findings;
  return {
    variant,
    verdict: i56.verdict,
    lines: finding ? finding.events.map((e) => e.line) : [],
    message: finding?.message ?? '',
  };
}

/**
 * The two shapes of the path without memory, counted in the text, whatever the replay thinks of it: callbacks queued
 * for one table, and broadcasts of tlb_remove_table_sync_one() (IPIs of one sender that follow each other are one).
 */
export function slowPathShapes(path) {
  const raw = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(raw) : raw).toString('latin1');
  let own = 0;
  let broadcasts = 0;
  const open = new Set();
  for (const line of text.split('\n')) {
    const cpu = /\[(\d+)\]/.exec(line)?.[1];
    if (cpu === undefined) continue;
    if (/ call_rcu: .*func=__tlb_remove_table_one_rcu\b/.test(line)) own++;
    if (/ csd_queue_cpu: .*func=tlb_remove_table_smp_sync\b/.test(line)) {
      if (!open.has(cpu)) broadcasts++;
      open.add(cpu);
    } else if (!/ csd_function_(?:entry|exit): /.test(line)) open.delete(cpu);
  }
  return { own, broadcasts };
}
