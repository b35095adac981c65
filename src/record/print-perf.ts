// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script
import { byName } from '../result/by-name.js';
import type { RecordingPlan } from './plan.js';
import * as sh from './shell.js';

/** Clocks that perf knows, by the name tracefs has for them. */
const PERF_CLOCKS: Readonly<Record<string, string>> = byName({
  mono: 'CLOCK_MONOTONIC',
  mono_raw: 'CLOCK_MONOTONIC_RAW',
  boot: 'CLOCK_BOOTTIME',
  tai: 'CLOCK_TAI',
});

/** A shell script that records with perf; the probes are set through tracefs. */
export function perfScript(plan: RecordingPlan, options: sh.ScriptOptions): string {
  const clock = PERF_CLOCKS[plan.clock];
  const pages = 2 ** Math.max(0, Math.round(Math.log2(options.bufferKb / 4)));
  const lines = [
    ...sh.prologue('perf', plan, 'tracefs, perf', options.host),
    'command -v perf >/dev/null || { say "perf is not installed"; exit 3; }',
    'DATA=$OUT.data',
    ...sh.cleanupLines(['rm -f "$DATA" "$DATA.old" "$OUT.err"']),
    ...sh.kprobeLines(plan),
    ...sh.basesLines(plan),
    ...sh.eventListLines(plan, '--filter'),
    `fact clock ${clock ? plan.clock : 'perf'}`,
    `fact buffer "${pages * 4} KiB per CPU"`,
    ...sh.sentinelLines,
    ...sh.signalLines('INT', sh.runSentinels),
    '[ $# -gt 0 ] || say "recording; Ctrl-C ends it"',
    `[ $# -eq 0 ] || set -- ${sh.withSentinels} "$@"`,
    '# EVENTS is a list of words, some with a star in them.',
    'set -f',
    '# shellcheck disable=SC2086,SC2090',
    `set -- perf record -q -a ${clock ? `-k ${clock} ` : ''}-m ${pages} -o "$DATA" $EVENTS ${'${1:+--}'} "$@"`,
    'set +f',
    ...sh.workloadLines,
    '[ -s "$DATA" ] || { say "perf recorded nothing"; exit 3; }',
    ...sh.missesLines,
    ...sh.writeLines,
    'perf script --ns --show-lost-events -F comm,pid,tid,cpu,time,event,trace -i "$DATA" 2>"$OUT.err" | write',
    ...sh.endLines,
  ];
  return `${lines.join('\n')}\n`;
}
