// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text is a shell script

import { SENTINEL_COMM } from '../parsers/input/recording-facts.js';
import {
  BPFTRACE_HEADER,
  type BpftraceBlock,
  bpftraceBlocks,
  hotCondition,
  NOT_ITS_WAKER,
  WAKER,
} from './bpftrace-program.js';
import type { RecordingPlan } from './plan.js';
import * as sh from './shell.js';

/**
 * A shell script that records with bpftrace: the program is put together on the machine from the blocks its kernel
 * has probes for, because bpftrace gives up on the first that is missing.
 */
export function bpftraceScript(plan: RecordingPlan, options: sh.ScriptOptions): string {
  const pages = 2 ** Math.max(0, Math.round(Math.log2(options.bufferKb / 4)));
  const filter = hotCondition(plan);
  const blocks = bpftraceBlocks(plan);
  const asksWaker = blocks.some(({ text }) => text.includes(NOT_ITS_WAKER));
  const lines = [
    ...sh.prologue('bpftrace', plan, 'tracefs, bpftrace', options.host),
    'command -v bpftrace >/dev/null || { say "bpftrace is not installed"; exit 3; }',
    'BT=$OUT.bt; LOG=$OUT.log; tool=',
    ...sh.cleanupLines([
      '[ -z "$tool" ] || { kill -INT "$tool" 2>/dev/null; wait "$tool" 2>/dev/null; }',
      'rm -f "$BT" "$BT.less" "$LOG" "$OUT.err"',
    ]),
    ...sh.basesLines(plan),
    '# Not echo, which in some shells makes a newline of a \\n in a program.',
    'put() { printf \'%s\\n\' "$1"; }',
    `put '${BPFTRACE_HEADER}' | tee "$BT" >"$BT.less"`,
    'fn() { if grep -q "^$1\\$" "$T/available_filter_functions"; then put "$2" >>"$BT"; [ -z "${3-$2}" ] || put "${3-$2}" >>"$BT.less"; else fact absent "$1"; fi; }',
    'tp() { if [ -d "$T/events/$1" ]; then put "$2" | tee -a "$BT" >>"$BT.less"; else fact absent "$1"; fi; }',
    '# more FUNCTION BLOCK-WITH-MORE BLOCK VARIABLE…: bpftrace gives up on a variable that /proc/kallsyms lacks.',
    'more() { f=$1 m=$2 b=$3; shift 3; for v; do grep -q " $v$" /proc/kallsyms || { fact absent "$v"; m=$b; }; done; [ -z "$m" ] || fn "$f" "$m" "$b"; }',
    ...(asksWaker ? wakerLines : []),
    ...(filter === '' ? [] : [`fact filter '${filter}'`]),
    ...blocks.map(blockLine),
    'fact clock mono',
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
    '  kill -0 "$tool" 2>/dev/null || { cat "$OUT.err" >&2; tool=; return 1; }',
    '  # Ends when all probes are attached: before, a lookup may be shown whose reader section is not.',
    `  sh -c 'printf ${sh.BEGIN_COMM} >/proc/self/comm; :'`,
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
    ...drainLines,
    ...sh.writeLines,
    ...orderedLines,
    ...sh.endLines,
  ];
  return `${lines.join('\n')}\n`;
}

/** Where the function begins and ends that wakes bpftrace: the return address on the stack tells who called. */
const wakerLines = [
  `from=$(awk '$3 == "${WAKER}" { print $1; exit }' /proc/kallsyms)`,
  `to=$(awk -v from="$from" '$1 "" > from && (to == "" || $1 "" < to) { to = $1 "" } END { print to }' /proc/kallsyms)`,
  `${NOT_ITS_WAKER}=1`,
  'case $from-$to in',
  '  ffffffff?*-ffffffff?*)',
  '    size=$((0x${to#ffffffff} - 0x${from#ffffffff}))',
  `    caller='*(uint64 *)reg("sp")' f='kaddr("${WAKER}")'`,
  `    ${NOT_ITS_WAKER}="($caller < $f || $caller >= $f + $size)"`,
  `    fact note waker-left-out "reader sections of ${WAKER}(), which hands the lines to bpftrace, are not shown" ;;`,
  'esac',
];

/** Tasks that end on each CPU behind those that end the recording: up to the first of them every CPU is whole. */
const PAST_COMM = 'pttrace-past';
/** Seconds that bpftrace may lag behind. */
const MAX_LAG_S = 60;

/**
 * What stands in its buffers when it is stopped would be lost untold. A line that finds its buffer full is told of once a later
 * one fits: none was lost where nothing is told of and the last tasks of each CPU are there.
 */
const drainLines = [
  `sed 's/${SENTINEL_COMM}/${PAST_COMM}/' "$OUT.end" | sh`,
  `ended() { [ "$(grep -F ' ${PAST_COMM} ' "$LOG" | cut -d ' ' -f 2 | sort -u | wc -l)" -eq "$(grep -c ^processor /proc/cpuinfo)" ]; }`,
  `n=0; until ended || [ $n -ge ${MAX_LAG_S} ]; do sleep 1; n=$((n + 1)); done`,
  'kill -INT "$tool"; wait "$tool"; tool=',
  'past=',
  'if ended; then',
  `  past=$(grep -F ' ${PAST_COMM} ' "$LOG" | cut -d ' ' -f 1 | sort -n | head -n 1)`,
  `  { cat "$OUT.err"; grep -v '^[0-9]' "$LOG"; } | grep -qiE 'lost|drop' || fact losses none`,
  'fi',
];

/** From when all probes are attached, in the order of time: bpftrace prints the buffer of one CPU after that of another. */
const orderedLines = [
  `begin=$(grep -F ' ${sh.BEGIN_COMM} ' "$LOG" | cut -d ' ' -f 1 | sort -n | head -n 1)`,
  '{',
  `  grep -v '^[0-9]' "$LOG" | grep -v '^Lost '`,
  `  awk -v b="$begin" -v p="$past" '/^[0-9]/ && $1 + 0 >= b + 0 && (p == "" || $1 + 0 < p + 0)' "$LOG" | sort -s -n -k 1,1`,
  '  cat "$LOG" "$OUT.err" | grep -E \'^Lost [0-9]+ events\'',
  '} | write',
];

function blockLine({ kind, needs, text, more }: BpftraceBlock): string {
  if (more) return `more ${needs} '${more.text}' '${text}' ${more.variables.join(' ')}`;
  const word = `'${text}'`.replace(NOT_ITS_WAKER, `'"$${NOT_ITS_WAKER}"'`);
  return `${kind === 'function' ? 'fn' : 'tp'} ${needs} ${word}`;
}
