/**
 * Bodies of tracepoints and syscalls. Each has the kernel's own form, which is not plain `name=value`, and the form
 * people print with bpftrace, which is: `tlb_flush reason=1 pages=-1`, `sys_exit_munmap ret=0`. All work on raw bytes.
 */
import {
  ascii,
  find,
  findLast,
  parseDec53,
  parseHex53,
  parseValue53,
  signed53,
  startsWith,
} from './bytes.js';
import type { FuncTable } from './func-table.js';
import { GP_EVENT, type Op } from './ops.js';
import { SYSCALL_NAMES } from './tracepoints.js';

const PAGES = ascii('pages');
const REASON = [ascii('reason')];
const CPU_KEY = ascii('cpu');
const PFN = ascii('pfn=');
/** Behind `page=`, sixteen digits and a blank. */
const USUAL_PFN = 22;
const ORDER = ascii('order=');
const GFP = ascii('gfp_flags=');
const HIGHUSER = ascii('GFP_HIGHUSER');
const NEXT_PID = ascii(' next_pid=');
const PREV_PID = ascii(' prev_pid=');
const ARROW = ascii(' ==> ');
const PREV_PID_FIRST = ascii('prev_pid=');
const NR = ascii('NR ');
// Names of the fields in the events' `format` files, and what else people call them.
const NR_KEYS = ['id', 'nr', 'syscall'].map(ascii);
const GP_SEQ_KEYS = ['gp_seq', 'gpseq', 'gp', 'seq'].map(ascii);
const GP_EVENT_KEYS = ['gpevent', 'gp_event', 'event'].map(ascii);
const GFP_KEYS = ['gfp_flags', 'gfp', 'flags'].map(ascii);
const NEXT_KEYS = ['next_pid', 'next'].map(ascii);
const PREV_KEYS = ['prev_pid', 'prev'].map(ascii);
const RET_KEYS = ['ret', 'retval', 'rc'].map(ascii);
const CONTEXT_SWITCH = ascii('Start context switch');
const EQS_WORDS = ['Startirq', 'Start'].map(ascii);
const GP_WORDS = [
  { word: ascii('cpuqs'), value: GP_EVENT.cpuqs },
  { word: ascii('cpustart'), value: GP_EVENT.cpustart },
  { word: ascii('cpuend'), value: GP_EVENT.cpuend },
  { word: ascii('start'), value: GP_EVENT.start },
  { word: ascii('end'), value: GP_EVENT.end },
];

const skipBlanks = (b: Uint8Array, p: number, end: number): number => {
  while (p < end && (b[p]! <= 0x20 || b[p] === 0x3a)) p++;
  return p;
};
const wordEnd = (b: Uint8Array, p: number, end: number): number => {
  while (p < end && b[p]! > 0x20) p++;
  return p;
};

const isWordByte = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f;

/** Of a decimal number, its sign included. */
const isDigit = (c: number): boolean => (c >= 0x30 && c <= 0x39) || c === 0x2d;

/** Where the value of the first of `names` begins that stands there as `name=`; -1 if none does. */
function fieldOf(b: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): number {
  let best = names.length;
  let found = -1;
  for (let p = start; p < end; p++) {
    if (b[p] !== 0x3d) continue;
    let word = p;
    while (word > start && isWordByte(b[word - 1]!)) word--;
    for (let k = 0; k < best; k++) {
      if (names[k]!.length !== p - word || !startsWith(b, word, p, names[k]!)) continue;
      best = k;
      found = p + 1;
    }
    if (best === 0) return found;
  }
  return found;
}

/** A value ends at a blank or a comma. */
function valueEnd(b: Uint8Array, p: number, end: number): number {
  while (p < end && b[p] !== 0x20 && b[p] !== 0x09 && b[p] !== 0x2c) p++;
  return p;
}

/** A decimal number behind which a blank, a bracket or nothing stands; NaN if other bytes do. */
function decimalAt(b: Uint8Array, p: number, end: number): number {
  let q = p;
  while (q < end && isDigit(b[q]!)) q++;
  const whole =
    q === end || b[q] === 0x20 || b[q] === 0x09 || b[q] === 0x2c || b[q] === 0x29 || b[q] === 0x5d;
  return whole ? parseDec53(b, p, q) : Number.NaN;
}

const numberAt = (b: Uint8Array, p: number, end: number): number => parseValue53(b, p, valueEnd(b, p, end));

/** The first word's value: `s=Start context switch` begins at `Start`; without a key at its first byte. */
function behindKey(b: Uint8Array, start: number, end: number): number {
  const p = skipBlanks(b, start, end);
  let q = p;
  while (q < end && isWordByte(b[q]!)) q++;
  return q > p && q < end && b[q] === 0x3d ? q + 1 : p;
}

/** `pages:-1 reason:local mm shootdown (3)`, plugin form `pages=-1 reason= (4)`: the number in parentheses counts. Without one `reason=3`. */
export function tlbFlush(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const at = find(b, start, end, PAGES);
  if (at < 0) return false;
  op.a0 = signed53(numberAt(b, at + PAGES.length + 1, end));
  let close = end - 1;
  while (close > at && b[close] !== 0x29) close--;
  let open = close;
  while (open > at && b[open] !== 0x28) open--;
  if (open > at) op.a1 = parseDec53(b, open + 1, close);
  else {
    const reason = fieldOf(b, start, end, REASON);
    if (reason >= 0) op.a1 = numberAt(b, reason, end);
  }
  return true;
}

/** `rcu_preempt -111 start`, `gp_seq=-111 gpevent=start`; gp_seq signed or unsigned, decimal or `0x…`. */
export function gracePeriod(b: Uint8Array, start: number, end: number, op: Op): boolean {
  let seq = skipBlanks(b, wordEnd(b, skipBlanks(b, start, end), end), end);
  let event: number;
  const keyed = seq < end && isDigit(b[seq]!) ? -1 : fieldOf(b, start, end, GP_SEQ_KEYS);
  if (keyed >= 0) {
    seq = keyed;
    event = fieldOf(b, start, end, GP_EVENT_KEYS);
  } else event = skipBlanks(b, wordEnd(b, seq, end), end);
  op.a0 = signed53(numberAt(b, seq, end));
  if (event < 0) return false;
  const length = valueEnd(b, event, end) - event;
  if (length === 0) return false;
  for (let p = event; p < event + length; p++) if (!isWordByte(b[p]!)) return false;
  op.a1 = GP_EVENT.other;
  for (const { word, value } of GP_WORDS) {
    if (word.length === length && startsWith(b, event, end, word)) {
      op.a1 = value;
      break;
    }
  }
  return !Number.isNaN(op.a0);
}

/** `cpu: 0002 target: 140 step: 65 (f)`, `cpu: 0002  state: 140 step: 65 ret: 0`, `cpu=2 …`: CPU `a0`. */
export function hotplug(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const at = find(b, start, end, CPU_KEY);
  if (at < 0) return false;
  let p = at + CPU_KEY.length;
  while (p < end && (b[p]! <= 0x20 || b[p] === 0x3a || b[p] === 0x3d)) p++;
  op.a0 = numberAt(b, p, end);
  return op.a0 >= 0;
}

/** Only `Start context switch` is a quiescent state: kernel/rcu/tree_plugin.h `rcu_note_context_switch()`. */
export const isQuiescent = (b: Uint8Array, start: number, end: number): boolean =>
  startsWith(b, behindKey(b, start, end), end, CONTEXT_SWITCH);

/** `Start` = the CPU enters an extended quiescent state (kernel/context_tracking.c `ct_kernel_exit()`). */
export function watching(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const p = behindKey(b, start, end);
  const length = wordEnd(b, p, end) - p;
  for (const word of EQS_WORDS) {
    if (word.length === length && startsWith(b, p, end, word)) {
      op.a0 = 1;
      return true;
    }
  }
  return false;
}

/**
 * `prev_comm=… prev_pid=0 … ==> next_comm=… next_pid=7 next_prio=120`, or libtraceevent's
 * `swapper/0:0 [120] R ==> rcu_preempt:15 [120]`. Task names may hold anything, so it is read from the right.
 */
export function schedSwitch(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const next = findLast(b, start, end, NEXT_PID);
  if (next >= 0) {
    op.a1 = decimalAt(b, next + NEXT_PID.length, end);
    const prev = findLast(b, start, next, PREV_PID);
    if (prev >= 0) op.a0 = decimalAt(b, prev + PREV_PID.length, next);
    else if (startsWith(b, start, end, PREV_PID_FIRST)) {
      op.a0 = decimalAt(b, start + PREV_PID_FIRST.length, next);
    }
    return op.a0 >= 0 && op.a1 >= 0;
  }
  const arrow = findLast(b, start, end, ARROW);
  if (arrow < 0) {
    const to = fieldOf(b, start, end, NEXT_KEYS);
    const from = fieldOf(b, start, end, PREV_KEYS);
    if (to >= 0) op.a1 = numberAt(b, to, end);
    if (from >= 0) op.a0 = numberAt(b, from, end);
    return op.a0 >= 0 && op.a1 >= 0;
  }
  op.a0 = pidBeforeBracket(b, start, arrow);
  op.a1 = pidBeforeBracket(b, arrow, end);
  return !Number.isNaN(op.a0) && !Number.isNaN(op.a1);
}

/** pid of the last `:pid [prio]` in the range. */
function pidBeforeBracket(b: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i > start; i--) {
    if (b[i] !== 0x5b || b[i - 1] !== 0x20) continue;
    let colon = i - 2;
    while (colon > start && b[colon]! >= 0x30 && b[colon]! <= 0x39) colon--;
    if (b[colon] === 0x3a && colon < i - 2) return parseDec53(b, colon + 1, i);
  }
  return Number.NaN;
}

/** `page=… pfn=0x… order=0 migratetype=0 gfp_flags=…`; a failed allocation (pfn 0 or -1) is no operation. */
export function pageAlloc(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const usual = start + USUAL_PFN;
  const pfn = usual < end && startsWith(b, usual, end, PFN) ? usual : find(b, start, end, PFN);
  if (pfn < 0) return false;
  op.a0 = signed53(numberAt(b, pfn + PFN.length, end));
  if (!(op.a0 > 0)) return false;
  // In the kernel's order; other writers may have their own.
  let order = find(b, pfn, end, ORDER);
  if (order < 0) order = find(b, start, pfn, ORDER);
  if (order >= 0) op.a1 = decimalAt(b, order + ORDER.length, end);
  const gfp = find(b, Math.max(pfn, order), end, GFP);
  const value = gfp >= 0 ? gfp + GFP.length : fieldOf(b, start, end, GFP_KEYS);
  if (value >= 0) {
    // Unnamed flags print as a number; ___GFP_HIGHMEM is bit 1 in every version.
    const digit = value < end && b[value]! >= 0x30 && b[value]! <= 0x39;
    if (digit) op.a2 = (numberAt(b, value, end) & 2) >> 1;
    else op.a2 = find(b, value, end, HIGHUSER) >= 0 ? 1 : 0;
  }
  return true;
}

/**
 * `addr: 7f15f6646000, len: 200000)`, `addr: 0x…, len: 0x…`, with or without types before the names.
 * Up to 6.18 hex has no `0x`; from 6.19 numbers below 10 print as decimal, which is the same digits.
 * In `addr=0x… len=200704` digits without `0x` are decimal.
 */
export function syscallArgs(b: Uint8Array, start: number, end: number, op: Op): void {
  let index = 0;
  let separator = 0;
  for (let i = start + 1; i + 1 < end && index < 4; i++) {
    const c = b[i]!;
    const colon = c === 0x3a && b[i + 1] === 0x20;
    if ((!colon && c !== 0x3d) || (separator !== 0 && c !== separator)) continue;
    separator = c;
    const value = colon ? parseHex53(b, i + 2, end) : numberAt(b, i + 1, end);
    if (index === 0) op.a1 = value;
    else if (index === 1) op.a2 = value;
    else if (index === 2) op.a3 = value;
    else op.a4 = value;
    index++;
  }
}

/** First number of an exit body: ` 0x0`, `-> 0xfffffffffffffff5`, `ret=-11`. Errors become negative. */
export function syscallReturn(b: Uint8Array, start: number, end: number, op: Op): void {
  const keyed = fieldOf(b, start, end, RET_KEYS);
  let i = keyed >= 0 ? keyed : start;
  while (i < end && !(b[i]! >= 0x30 && b[i]! <= 0x39)) i++;
  if (i >= end) return;
  if (i > start && b[i - 1] === 0x2d) op.a1 = -parseDec53(b, i, end);
  else op.a1 = signed53(numberAt(b, i, end));
}

/** `NR 11 (7f15f6646000, 1000, 0, …)`, `id=11 …`. */
export function rawSyscallEnter(
  b: Uint8Array,
  start: number,
  end: number,
  funcs: FuncTable,
  op: Op,
): boolean {
  const at = find(b, start, end, NR);
  if (at < 0) return keyedSyscall(b, start, end, funcs, op);
  op.a0 = rawSyscallId(parseDec53(b, at + NR.length, end), funcs);
  let open = at;
  while (open < end && b[open] !== 0x28) open++;
  op.a1 = parseHex53(b, open + 1, end);
  const second = nextArgument(b, open, end);
  const third = nextArgument(b, second, end);
  op.a2 = parseHex53(b, second, end);
  op.a3 = parseHex53(b, third, end);
  op.a4 = parseHex53(b, nextArgument(b, third, end), end);
  return true;
}

/** Where the argument behind the one at `from` begins. */
function nextArgument(b: Uint8Array, from: number, end: number): number {
  let comma = from;
  while (comma < end && b[comma] !== 0x2c) comma++;
  return skipBlanks(b, comma + 1, end);
}

/** `NR 11 = 0`, `id=11 ret=0`. */
export function rawSyscallExit(b: Uint8Array, start: number, end: number, funcs: FuncTable, op: Op): boolean {
  const at = find(b, start, end, NR);
  if (at < 0) {
    const ret = fieldOf(b, start, end, RET_KEYS);
    if (ret >= 0) op.a1 = signed53(numberAt(b, ret, end));
    return keyedSyscall(b, start, end, funcs, op);
  }
  op.a0 = rawSyscallId(parseDec53(b, at + NR.length, end), funcs);
  let eq = at;
  while (eq < end && b[eq] !== 0x3d) eq++;
  op.a1 = signed53(parseDec53(b, skipBlanks(b, eq + 1, end), end));
  return true;
}

function keyedSyscall(b: Uint8Array, start: number, end: number, funcs: FuncTable, op: Op): boolean {
  const at = fieldOf(b, start, end, NR_KEYS);
  if (at < 0) return false;
  op.a0 = rawSyscallId(numberAt(b, at, end), funcs);
  return true;
}

const rawSyscallIds = new WeakMap<FuncTable, Map<number, number>>();
function rawSyscallId(nr: number, funcs: FuncTable): number {
  let ids = rawSyscallIds.get(funcs);
  if (!ids) rawSyscallIds.set(funcs, (ids = new Map()));
  let id = ids.get(nr);
  if (id === undefined) ids.set(nr, (id = funcs.idOfName(SYSCALL_NAMES[nr] ?? `syscall_${nr}`)));
  return id;
}
