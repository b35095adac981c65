// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script
import { BPFTRACE_HEADER, type BpftraceBlock, bpftraceBlocks } from './bpftrace-program.js';
import { within } from './levels.js';
import type { RecordingPlan } from './plan.js';
import * as sh from './shell.js';
import { bpftraceFilter } from './task-filter.js';

/** Whoever runs it should know: a 7.3.4 in QEMU stopped when these programs were attached (docs/record.md). */
const RISK =
  '[ -n "${PTTRACE_RISK-}" ] || { say "bpftrace on rcu_read_lock() has stopped a kernel in a test (Unrecoverable kprobe detected): the ftrace script shows the same but I17; PTTRACE_RISK=1 runs it"; exit 3; }';

/**
 * A shell script that records with bpftrace: the program is put together on the machine from the blocks its kernel
 * has probes for, because bpftrace gives up on the first that is missing.
 */
export function bpftraceScript(plan: RecordingPlan, options: sh.ScriptOptions): string {
  const pages = 2 ** Math.max(0, Math.round(Math.log2(options.bufferKb / 4)));
  const lines = [
    ...sh.prologue('bpftrace', plan, 'tracefs, bpftrace', options.host),
    'command -v bpftrace >/dev/null || { say "bpftrace is not installed"; exit 3; }',
    ...(within('readers', plan.level) ? [RISK] : []),
    'BT=$OUT.bt; LOG=$OUT.log; tool=',
    ...sh.cleanupLines([
      '[ -z "$tool" ] || { kill -INT "$tool" 2>/dev/null; wait "$tool" 2>/dev/null; }',
      'rm -f "$BT" "$BT.less" "$LOG" "$OUT.err"',
    ]),
    ...sh.basesLines(plan),
    `echo '${BPFTRACE_HEADER}' | tee "$BT" >"$BT.less"`,
    'fn() { if grep -q "^$1\\$" "$T/available_filter_functions"; then echo "$2" >>"$BT"; [ -z "${3-$2}" ] || echo "${3-$2}" >>"$BT.less"; else fact absent "$1"; fi; }',
    'tp() { if [ -d "$T/events/$1" ]; then echo "$2" | tee -a "$BT" >>"$BT.less"; else fact absent "$1"; fi; }',
    '# more FUNCTION BLOCK-WITH-MORE BLOCK VARIABLE…: bpftrace gives up on a variable that /proc/kallsyms lacks.',
    'more() { f=$1 m=$2 b=$3; shift 3; for v; do grep -q " $v$" /proc/kallsyms || { fact absent "$v"; m=$b; }; done; [ -z "$m" ] || fn "$f" "$m" "$b"; }',
    ...bpftraceBlocks(plan).map(blockLine),
    'fact clock mono',
    ...(plan.filter === null ? [] : [`fact filter '${bpftraceFilter(plan.filter)}'`]),
    `fact buffer "${pages * 4} KiB per CPU"`,
    'probes() { wc -l <"$T/enabled_functions" 2>/dev/null || :; }',
    'start() {',
    `  BPFTRACE_PERF_RB_PAGES=${pages} bpftrace -o "$LOG" "$1" 2>"$OUT.err" & tool=$!`,
    '  until grep -q nsecs "$LOG" 2>/dev/null; do',
    '    kill -0 "$tool" 2>/dev/null || { cat "$OUT.err" >&2; tool=; return 1; }',
    '    sleep 1',
    '  done',
    '  # Its BEGIN comes before the probes, which are attached one by one: until no more are.',
    '  was=-1; now=$(probes)',
    '  while [ "$was" != "$now" ]; do sleep 2; was=$now; now=$(probes); done',
    '}',
    '# What needs more than registers may be refused, by an old bpftrace or by the verifier of the kernel.',
    'start "$BT" || {',
    '  cmp -s "$BT" "$BT.less" && exit 3',
    '  say "bpftrace refuses this program: again, with less"',
    '  fact note bpftrace-less "bpftrace refused to read whole tables and slots: I17 is not shown"',
    '  start "$BT.less" || exit 3',
    '}',
    ...sh.sentinelLines,
    ...sh.signalLines('TERM'),
    ...sh.workloadLines,
    sh.runSentinels,
    '# What was printed is read once a second.',
    'sleep 1',
    'kill -INT "$tool"; wait "$tool"; tool=',
    ...sh.writeLines,
    '{ cat "$LOG"; grep -E \'^Lost [0-9]+ events\' "$OUT.err"; } | write',
    ...sh.endLines,
  ];
  return `${lines.join('\n')}\n`;
}

function blockLine({ kind, needs, text, more }: BpftraceBlock): string {
  if (more) return `more ${needs} '${more.text}' '${text}' ${more.variables.join(' ')}`;
  return `${kind === 'function' ? 'fn' : 'tp'} ${needs} '${text}'`;
}
