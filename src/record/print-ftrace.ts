// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script
import type { RecordingPlan } from './plan.js';
import * as sh from './shell.js';

/** A second event head on one line. */
const GLUED = ' \\[[0-9]+\\] [^ ]+ +[0-9]+\\.[0-9]+: .* \\[[0-9]+\\] [^ ]+ +[0-9]+\\.[0-9]+: ';

/** A POSIX shell script that records with tracefs alone, in an instance of its own. */
export function ftraceScript(plan: RecordingPlan, options: sh.ScriptOptions): string {
  const lines = [
    ...sh.prologue('ftrace', plan, 'tracefs', options.host),
    'I=$T/instances/$G; sampler=',
    ...sh.cleanupLines([
      '[ -z "$sampler" ] || kill -KILL "$sampler" 2>/dev/null',
      '[ ! -d "$I" ] || { echo 0 >"$I/tracing_on"; rmdir "$I"; }',
    ]),
    'mkdir "$I" || { say "no instance can be made in $T"; exit 3; }',
    'echo 0 >"$I/tracing_on"',
    `CLOCK=${sh.quoteWord(plan.clock)}`,
    'echo "$CLOCK" 2>/dev/null >"$I/trace_clock" || CLOCK=local',
    `echo ${options.bufferKb} >"$I/buffer_size_kb"`,
    '# Pointers in plain: only this instance prints them so.',
    'echo 0 2>/dev/null >"$I/options/hash-ptr"',
    'fact clock "$CLOCK"',
    'fact buffer "$(cat "$I/buffer_size_kb") KiB per CPU"',
    ...sh.kprobeLines(plan),
    ...sh.basesLines(plan),
    ...sh.nullWorkload,
    'before=$(timed)',
    'point() { if echo 1 2>/dev/null >"$I/events/$1/$2/enable"; then fact "event $1:$2"; else fact "absent $1:$2"; fi; }',
    ...functionLines(plan),
    ...filterLines(plan),
    'for p in $PROBES; do [ "$p" = bases ] || echo 1 >"$I/events/$G/$p/enable"; done',
    ...plan.tracepoints.map((t) => `point ${t.system} ${t.event}`),
    'echo 1 >"$I/tracing_on"',
    'after=$(timed)',
    'echo 0 >"$I/tracing_on"',
    '# Some kernels print events without their newline where pointers are in plain.',
    `if grep -qE '${GLUED}' "$I/trace"; then`,
    '  echo 1 2>/dev/null >"$I/options/hash-ptr"',
    '  fact "note hashed-pointers this kernel prints events without their newline where pointers are not hashed: they are hashed"',
    'fi',
    ': >"$I/trace"',
    ...sh.sampleLines('$I/trace_marker'),
    ...sh.sentinelLines,
    'fact "overhead 100 forks: $before cs without, $after cs while recording"',
    ...sh.signalLines('TERM'),
    'echo 1 >"$I/tracing_on"',
    ...sh.samplerStart,
    sh.runBeginners,
    ...sh.workloadLines,
    sh.runSentinels,
    ...sh.samplerEnd,
    'echo 0 >"$I/tracing_on"',
    'for s in "$I"/per_cpu/cpu*/stats; do',
    '  c=${s%/stats}; c=${c##*/cpu}',
    '  n() { sed -n "s/^$1: \\([0-9]*\\)\\$/\\1/p" "$s"; }',
    '  fact "cpu $c entries $(n entries) overrun $(n overrun) commit-overrun $(n "commit overrun") dropped $(n "dropped events")"',
    'done',
    ...sh.missesLines,
    ...sh.writeLines,
    'write <"$I/trace"',
    ...sh.endLines,
  ];
  return `${lines.join('\n')}\n`;
}

function filterLines(plan: RecordingPlan): string[] {
  if (plan.filter === null) return [];
  return [
    ...sh.filterLines(plan),
    'for p in $PROBES; do',
    '  case "$HOT" in *" $p "*) echo "$FILTER" 2>/dev/null >"$I/events/$G/$p/filter" || fact "unfiltered $p" ;; esac',
    'done',
  ];
}

function functionLines(plan: RecordingPlan): string[] {
  if (plan.functions.length === 0) return [];
  return [
    `for f in ${plan.functions.join(' ')}; do`,
    '  if echo "$f" 2>/dev/null >>"$I/set_ftrace_filter"; then fact "function $f"; else fact "absent $f"; fi',
    'done',
    'echo function >"$I/current_tracer"',
  ];
}
