// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script
import type { RecordingPlan } from './plan.js';
import * as sh from './shell.js';

/**
 * A shell script that records with trace-cmd. It sets the probes itself; trace-cmd uses the top-level buffer and
 * resets it afterwards, as it always does.
 */
export function traceCmdScript(plan: RecordingPlan, options: sh.ScriptOptions): string {
  const lines = [
    ...sh.prologue('trace-cmd', plan, 'tracefs, trace-cmd', options.host),
    'command -v trace-cmd >/dev/null || { say "trace-cmd is not installed"; exit 3; }',
    'DAT=$OUT.dat; sampler=',
    ...sh.cleanupLines([
      '[ -z "$sampler" ] || kill -KILL "$sampler" 2>/dev/null',
      'rm -f "$DAT" "$DAT".cpu* "$OUT.err"',
    ]),
    ...sh.kprobeLines(plan),
    ...sh.basesLines(plan),
    ...sh.eventListLines(plan, '-f'),
    `fact clock ${plan.clock}`,
    `fact buffer "${options.bufferKb} KiB per CPU"`,
    ...sh.sampleLines('$T/trace_marker'),
    ...sh.sentinelLines,
    ...sh.signalLines('INT', sh.runSentinels),
    '[ $# -gt 0 ] || say "recording; Ctrl-C ends it"',
    `[ $# -eq 0 ] || set -- ${sh.withSentinels} "$@"`,
    '# EVENTS is a list of words, some with a star in them.',
    'set -f',
    '# shellcheck disable=SC2086,SC2090',
    `set -- trace-cmd record -o "$DAT" -C ${sh.quoteWord(plan.clock)} -b ${options.bufferKb} $EVENTS "$@"`,
    'set +f',
    ...sh.samplerStart,
    ...sh.workloadLines,
    ...sh.samplerEnd,
    '[ -s "$DAT" ] || { say "trace-cmd recorded nothing"; exit 3; }',
    ...sh.missesLines,
    ...sh.writeLines,
    // -l: the flags column says what ran in an interrupt.
    'trace-cmd report -l -t -i "$DAT" 2>"$OUT.err" | write',
    ...sh.endLines,
  ];
  return `${lines.join('\n')}\n`;
}
