// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script
import {
  ALWAYS_THERE,
  FEATURE_SYMBOLS,
  INVLPGB_FAMILY,
  INVLPGB_VENDORS,
  THP_SYMBOL,
} from '../kernel/features.js';
import { FACT_PREFIX, MISSES_MARKER, SENTINEL_COMM } from '../parsers/input/recording-facts.js';
import { printableName } from '../result/printable.js';
import type { PlannedProbe, RecordingPlan } from './plan.js';
import { kernelFilter } from './task-filter.js';

/** How a script is to be set up; all that the plan does not say. */
export interface ScriptOptions {
  /** KiB per CPU. */
  readonly bufferKb: number;
  /** What recordings call the machine; undefined: its host name, '': nothing. */
  readonly host?: string | undefined;
}

/** A word for a POSIX shell, quoted only where it must be. */
export function quoteWord(text: string): string {
  return /^[\w./:=%+,@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** First lines: what this is, how it is used, where tracefs is. */
export function prologue(
  tool: string,
  plan: RecordingPlan,
  needs: string,
  host: string | undefined,
): string[] {
  const kernel = plan.kernel.uname || 'any x86-64 kernel: what it does not have is left out';
  return [
    '#!/bin/sh',
    `# Printed by: pttrace record --print ${tool} --level ${plan.level}`,
    // It comes from a file: one line, whatever it holds.
    `# For: ${printableName(kernel)}`,
    `# Needs: root, ${needs}. Leaves nothing behind, also after Ctrl-C or SIGTERM.`,
    '# Usage: sh SCRIPT OUT [COMMAND [ARG]...]   without a command it records until Ctrl-C.',
    '# Then: pttrace replay OUT',
    'set -u',
    'LC_ALL=C; export LC_ALL',
    '[ $# -ge 1 ] || { echo "usage: sh $0 OUT [COMMAND [ARG]...]" >&2; exit 2; }',
    'OUT=$1; shift',
    'G=pttrace_$$',
    'HEAD=$OUT.head; PROBES=; stop=; child=',
    '[ -d /sys/kernel/tracing ] && T=/sys/kernel/tracing || T=/sys/kernel/debug/tracing',
    '[ -e "$T/trace" ] || mount -t tracefs tracefs "$T" 2>/dev/null',
    '[ -w "$T/trace" ] || { echo "$0: tracefs is not writable at $T: are you root?" >&2; exit 3; }',
    ': >"$HEAD" || exit 3',
    `fact() { printf '${FACT_PREFIX}%s\\n' "$*" >>"$HEAD"; }`,
    'say() { echo "pttrace: $*" >&2; }',
    `fact recording 1 ${tool}`,
    'fact kernel "$(uname -srvm)"',
    ...(host === '' ? [] : [`fact host ${host === undefined ? '"$(uname -n)"' : quoteWord(host)}`]),
    `fact level ${plan.level}`,
    `{ zcat /proc/config.gz || cat "/boot/config-$(uname -r)"; } 2>/dev/null |`,
    `  grep -E '^(# )?CONFIG_(PT_RECLAIM|PARAVIRT|MMU_GATHER_\\w*|RCU_TRACE|PREEMPT\\w*|RCU_LAZY|KPROBES|MMU_NOTIFIER|BROADCAST_TLB_FLUSH|SPLIT_PTLOCK_CPUS|DEBUG_SPINLOCK|DEBUG_LOCK_ALLOC|(HAVE_ARCH_)?TRANSPARENT_HUGEPAGE)[= ]' |`,
    `  sed 's/^/${FACT_PREFIX}config /' >>"$HEAD"`,
    'feature() { if grep -qw "$2" "$3"; then fact "feature $1 yes"; else fact "feature $1 no"; fi; }',
    // Kernels may print no flag of it: src/kernel/features.ts.
    `family=$(sed -n '/^cpu family/{s/[^0-9]*//p;q}' /proc/cpuinfo)`,
    'if grep -qw invlpgb /proc/cpuinfo; then fact feature invlpgb yes',
    `elif ! grep -qE "^vendor_id.*(${INVLPGB_VENDORS.join('|')})" /proc/cpuinfo || [ "\${family:-${INVLPGB_FAMILY}}" -lt ${INVLPGB_FAMILY} ]`,
    'then fact feature invlpgb no; fi',
    'if grep -q "^flags" /proc/cpuinfo; then',
    '  if grep -qE "^flags.* pti( |$)" /proc/cpuinfo && grep -qE "^flags.* pcid( |$)" /proc/cpuinfo',
    '  then fact feature user-pcid yes; else fact feature user-pcid no; fi',
    'fi',
    `if grep -qw ${ALWAYS_THERE} /proc/kallsyms; then`,
    ...Object.entries(FEATURE_SYMBOLS).map(([name, symbol]) => `  feature ${name} ${symbol} /proc/kallsyms`),
    `  feature thp ${THP_SYMBOL} /proc/kallsyms`,
    'fi',
  ];
}

/** Sets kprobes one by one: a name this kernel does not have costs that probe only. */
export function kprobeLines(plan: RecordingPlan): string[] {
  if (plan.kprobes.length === 0) return [];
  return [
    '# probe TYPE EVENT SYMBOL [ARG]...',
    'probe() {',
    '  type=$1; event=$2; shift 2',
    '  if echo "$type:$G/$event $*" 2>/dev/null >>"$T/kprobe_events"; then',
    '    PROBES="$PROBES $event"; fact "probe $type:$G/$event $*"',
    '  else fact "absent $event $1"; fi',
    '}',
    ...plan.kprobes.map(probeLine),
  ];
}

/** Return probes that sleep hold an instance each: exit_mmap of many tasks at once needs many. */
const MAX_ACTIVE = 128;

export const probeType = (probe: PlannedProbe): string => (probe.ret ? `r${MAX_ACTIVE}` : 'p');

const probeLine = (p: PlannedProbe): string =>
  ['probe', probeType(p), p.event, p.symbol, ...p.args].map(quoteWord).join(' ');

/** Where KASLR has put struct pages and the direct map: read by a probe on the next process that exits. */
export const basesLines = (plan: RecordingPlan): string[] =>
  plan.bases
    ? [
        'bases="p:$G/bases exit_mmap vmemmap=@vmemmap_base:x64 direct_map=@page_offset_base:x64"',
        'if echo "$bases" 2>/dev/null >>"$T/kprobe_events"; then',
        '  PROBES="$PROBES bases"; mkdir "$T/instances/${G}_b"',
        '  echo 1 >"$T/instances/${G}_b/events/$G/bases/enable"',
        '  sh -c : ; sh -c : ; echo 0 >"$T/instances/${G}_b/events/$G/bases/enable"',
        '  grep -o -m1 \'vmemmap=0x[0-9a-f]* direct_map=0x[0-9a-f]*\' "$T/instances/${G}_b/trace" |',
        `    sed 's/vmemmap=\\(.*\\) direct_map=\\(.*\\)/${FACT_PREFIX}base vmemmap \\1\\n${FACT_PREFIX}base direct-map \\2/' >>"$HEAD"`,
        '  rmdir "$T/instances/${G}_b"',
        'fi',
      ]
    : [];

/** Takes back whatever was set, from wherever the script ends. */
export const cleanupLines = (more: readonly string[]): string[] => [
  'cleanup() {',
  "  trap '' INT TERM HUP",
  ...more.map((line) => `  ${line}`),
  '  for p in $PROBES; do echo "-:$G/$p" 2>/dev/null >>"$T/kprobe_events"; done',
  '  rm -f "$HEAD" "$OUT.end"',
  '}',
  'trap cleanup EXIT',
  "trap 'exit 130' INT; trap 'exit 143' TERM HUP",
];

/** How much slower a process starts and ends while it is recorded. */
export const nullWorkload = [
  'null() { i=0; while [ $i -lt 100 ]; do ( : ); i=$((i + 1)); done; }',
  "cs() { sed 's/ .*//; s/\\.//' /proc/uptime; }",
  'timed() { t0=$(cs); null; expr "$(cs)" - "$t0"; }',
];

/**
 * What a signal does from now on: it ends the command (`signal` to it), and what was recorded is kept. `before`: what is
 * done first, while the recording goes on.
 */
export const signalLines = (signal: string, before = ''): string[] => {
  const first = before === '' ? '' : `${before}; `;
  return [
    `trap '${first}stop=130; [ -z "$child" ] || kill -${signal} "$child" 2>/dev/null' INT`,
    `trap '${first}stop=143; [ -z "$child" ] || kill -${signal} "$child" 2>/dev/null' TERM HUP`,
  ];
};

/** Runs the command, or waits for a signal. */
export const workloadLines = [
  'status=0',
  'if [ $# -gt 0 ]; then',
  '  say "recording: $*"; exec 3<&0',
  '  "$@" <&3 & child=$!',
  '  wait "$child"; status=$?',
  '  [ -z "$stop" ] || wait "$child" 2>/dev/null',
  '  child=',
  'else',
  '  say "recording; Ctrl-C ends it"',
  '  while [ -z "$stop" ]; do sleep 1; done; stop=',
  'fi',
];

/** Events that take the filter. */
export const hotEvents = (plan: RecordingPlan): string[] =>
  plan.filter === null ? [] : [...new Set(plan.kprobes.filter((p) => p.hot).map((p) => p.event))];

/** FILTER is what hot probes are kept to: names, and the threads that the processes have now. */
export const filterLines = (plan: RecordingPlan): string[] => {
  const { filter } = plan;
  if (filter === null) return [];
  const threads = filter.tgids.map((tgid) => `/proc/${tgid}/task/*`);
  return [
    '# The kernel wants the quotes.',
    '# shellcheck disable=SC2089',
    `FILTER='${kernelFilter(filter, [])}'`,
    ...(threads.length > 0
      ? [
          `for t in ${threads.join(' ')}; do`,
          '  [ ! -d "$t" ] || FILTER="$FILTER${FILTER:+||}common_pid==${t##*/}"',
          'done',
          '[ -n "$FILTER" ] || { say "none of these processes is running"; exit 2; }',
        ]
      : []),
    `HOT=" ${hotEvents(plan).join(' ')} "`,
    'fact filter "$FILTER"',
  ];
};

/** Events in tracefs that this kernel has are collected in EVENTS, as `-e system:event`, the filter behind its own flag. */
export const eventListLines = (plan: RecordingPlan, filterFlag: string): string[] => [
  ...filterLines(plan),
  'EVENTS=',
  'point() { if [ -d "$T/events/$1/$2" ]; then EVENTS="$EVENTS -e $1:$2"; fact "event $1:$2"; else fact "absent $1:$2"; fi; }',
  'for p in $PROBES; do',
  '  [ "$p" = bases ] || EVENTS="$EVENTS -e $G:$p"',
  ...(plan.filter === null
    ? []
    : [`  case "$HOT" in *" $p "*) EVENTS="$EVENTS ${filterFlag} $FILTER" ;; esac`]),
  'done',
  ...plan.tracepoints.map((t) => `point ${t.system} ${t.event}`),
];

/** Writes head and trace (from standard input) to OUT, compressed where the machine can. */
export const writeLines = [
  'write() { if command -v gzip >/dev/null 2>&1; then cat "$HEAD" - | gzip -c >"$OUT"; else cat "$HEAD" - >"$OUT"; fi; }',
];

/** Name of the tasks with which a recording begins on each CPU. */
export const BEGIN_COMM = 'pttrace-begin';

/** A task of this name ends on each CPU. Where there is no taskset they go where the scheduler puts them. */
const endsOnEachCpu = (comm: string): string =>
  [
    'for c in $(sed -n "s/^processor[^0-9]*//p" /proc/cpuinfo); do',
    `  end="printf ${comm} >/proc/self/comm; :"`,
    '  taskset -c "$c" sh -c "$end" 2>/dev/null || taskset "$(printf %x $((1 << c)))" sh -c "$end" 2>/dev/null || sh -c "$end"',
    'done',
  ].join('\n');

/**
 * The last thing on each CPU: up to then every probe was recorded, so one that had fired before, and did not, was not
 * hit.
 */
export const sentinels = endsOnEachCpu(SENTINEL_COMM);
/** The first thing on each CPU: probes of what every task does have fired there, also where it is idle from then on. */
export const beginners = endsOnEachCpu(BEGIN_COMM);

/** Puts them into a file, to be run from anywhere. */
export const sentinelLines = [`cat >"$OUT.end" <<'END'`, ...sentinels.split('\n'), 'END'];
export const runSentinels = 'sh "$OUT.end"';
const AS_BEGIN = `sed s/${SENTINEL_COMM}/${BEGIN_COMM}/`;
export const runBeginners = `${AS_BEGIN} "$OUT.end" | sh`;
/** In front of the command of a tool that ends with it: they are run before the command, and before the tool ends. */
export const withSentinels = `sh -c '${AS_BEGIN} "$0" | sh; "$@"; s=$?; sh "$0"; exit $s' "$OUT.end"`;

/** Tells what probes have missed so far: into the trace marker `file`, before, every second, and at the end. */
export const sampleLines = (file: string): string[] => [
  'sample() {',
  '  m=',
  '  while read -r event _ misses; do',
  '    case " $PROBES " in *" $event "*) [ "$misses" = 0 ] || m="$m $event=$misses" ;; esac',
  '  done <"$T/kprobe_profile"',
  `  echo "${MISSES_MARKER}$m" >"${file}"`,
  '} 2>/dev/null',
];

export const samplerStart = ['sample; { while :; do sleep 1; sample; done; } & sampler=$!'];
/** SIGKILL: a shell that has just forked still has the traps of its parent, and forgets a SIGTERM that comes before it drops them. */
export const samplerEnd = [
  'kill -KILL "$sampler" 2>/dev/null; wait "$sampler" 2>/dev/null; sampler=; sample',
];

export const missesLines = [
  `[ ! -r "$T/kprobe_profile" ] || while read -r event _ misses; do`,
  '  case " $PROBES " in *" $event "*) [ "$misses" = 0 ] || fact missed "$event" "$misses" ;; esac',
  'done <"$T/kprobe_profile"',
];

export const endLines = ['say "wrote $OUT"', 'exit "${stop:-$status}"'];
