import type { RecordingPlan } from '../../src/record/plan.js';
import type { Leftover } from '../../src/record/session.js';
import { filterWords } from '../../src/record/task-filter.js';
import { lineWidth } from '../width.js';
import { wrap } from './text.js';

/** What will be recorded, what it will be good for, and what this kernel cannot give. */
export function formatPlan(plan: RecordingPlan): string {
  const { kernel, decides } = plan;
  const ids = (can: string): string =>
    decides
      .filter((d) => d.can === can)
      .map((d) => d.id)
      .join(' ');
  const lines: string[] = [];
  const put = (text: string, indent = '  '): void => {
    lines.push(...wrap(text, lineWidth(), indent));
  };
  put(
    `kernel: ${kernel.uname || 'unknown: every probe is tried'}; page-table freeing as in ${plan.variants.join(', ')}`,
  );
  const functions =
    plan.functions.length > 0 ? `, function tracer on ${plan.functions.length} functions` : '';
  put(
    `level ${plan.level}: ${plan.kprobes.length} kprobes, ${plan.tracepoints.length} tracepoints${functions}, clock ${plan.clock}`,
  );
  if (plan.filter) {
    put(
      `hot probes (lookups, reader sections, locks) record only ${filterWords(plan.filter)}: of others no reader is seen`,
    );
  }
  put(`will be able to decide: ${ids('yes') || 'nothing'}`);
  put(`cannot decide: ${ids('no') || 'none'}`);
  const wanted = new Map<string, string[]>();
  for (const d of decides) {
    for (const probe of d.can === 'no' ? d.missing : []) {
      if (!/trace marker/.test(probe) || /kprobe/.test(probe))
        wanted.set(probe, [...(wanted.get(probe) ?? []), d.id]);
    }
  }
  for (const [probe, of] of wanted) put(`  ${of.join(' ')} would need ${probe}`, '    ');
  const foreign = new Map<string, string[]>();
  for (const d of decides)
    if (d.lacking !== '') foreign.set(d.lacking, [...(foreign.get(d.lacking) ?? []), d.id]);
  for (const [why, of] of foreign) put(`nothing to decide of ${of.join(' ')}: ${why}`);
  const unneeded = [...new Set(plan.missing.filter((m) => !m.loss).map((m) => m.what))];
  if (unneeded.length > 0) put(`not in this kernel, and not missed: ${unneeded.join(', ')}`);
  for (const m of plan.missing.filter((m) => m.loss)) {
    const instead = m.instead.length > 0 ? `; in its place: ${m.instead.join(', ')}` : '';
    put(`not here: ${m.what}: ${m.why}${instead}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a finished recording holds. */
export interface RecordingSummary {
  readonly file: string;
  readonly bytes: number;
  readonly entries: number;
  readonly overrun: number;
  readonly misses: readonly string[];
  readonly nullMs: readonly [number, number];
  readonly partial: boolean;
}

export function formatSummary(s: RecordingSummary): string {
  const lines = [
    `wrote ${s.file}: ${s.entries} events, ${s.bytes} bytes compressed${s.partial ? ', partial' : ''}`,
    `null workload: ${s.nullMs[0].toFixed(1)} ms without probes, ${s.nullMs[1].toFixed(1)} ms while recording`,
  ];
  if (s.overrun > 0) {
    lines.push(
      `the buffer was too small: ${s.overrun} older events were overwritten; give a larger --buffer-size`,
    );
  }
  for (const miss of s.misses)
    lines.push(`${miss.replace(/^missed (\S+) (\d+)$/, 'the probe $1 missed $2 hits')}`);
  lines.push(`next: pttrace replay ${s.file}`);
  return `${lines.join('\n')}\n`;
}

/** One line per recording found in tracefs. */
export function formatCleanup(
  done: readonly { readonly left: Leftover; readonly alive: boolean; readonly failed: readonly string[] }[],
): string {
  if (done.length === 0) return 'tracefs holds nothing of pttrace\n';
  const lines = done.map(({ left, alive, failed }) => {
    const what = `${left.name}: ${left.instances} instances, ${left.probes} probes`;
    if (alive) return `${what}: left alone, process ${left.pid} is running (--force removes it all the same)`;
    return failed.length === 0 ? `${what}: removed` : `${what}: not removed: ${failed.join('; ')}`;
  });
  return `${lines.join('\n')}\n`;
}
