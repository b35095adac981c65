/** Bodies of tracepoints and syscalls that are not plain `name=value`. All work on raw bytes. */
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
const PFN = ascii('pfn=');
const ORDER = ascii('order=');
const GFP = ascii('gfp_flags=');
const HIGHUSER = ascii('GFP_HIGHUSER');
const NEXT_PID = ascii(' next_pid=');
const PREV_PID = ascii(' prev_pid=');
const ARROW = ascii(' ==> ');
const PREV_PID_FIRST = ascii('prev_pid=');
const NR = ascii('NR ');
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

/** `pages:-1 reason:local mm shootdown (3)`, plugin form `pages=-1 reason= (4)`: the number in parentheses counts. */
export function tlbFlush(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const at = find(b, start, end, PAGES);
  if (at < 0) return false;
  op.a0 = signed53(parseDec53(b, at + PAGES.length + 1, end));
  let close = end - 1;
  while (close > at && b[close] !== 0x29) close--;
  let open = close;
  while (open > at && b[open] !== 0x28) open--;
  if (open > at) op.a1 = parseDec53(b, open + 1, close);
  return true;
}

/** `rcu_preempt -111 start`; gp_seq signed or unsigned, decimal or `0x…`. */
export function gracePeriod(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const name = skipBlanks(b, start, end);
  const seq = skipBlanks(b, wordEnd(b, name, end), end);
  const seqEnd = wordEnd(b, seq, end);
  op.a0 = signed53(parseValue53(b, seq, seqEnd));
  const event = skipBlanks(b, seqEnd, end);
  const length = wordEnd(b, event, end) - event;
  op.a1 = GP_EVENT.other;
  for (const { word, value } of GP_WORDS) {
    if (word.length === length && startsWith(b, event, end, word)) {
      op.a1 = value;
      break;
    }
  }
  return !Number.isNaN(op.a0);
}

/** Only `Start context switch` is a quiescent state: kernel/rcu/tree_plugin.h `rcu_note_context_switch()`. */
export function utilization(b: Uint8Array, start: number, end: number, op: Op): boolean {
  if (!startsWith(b, skipBlanks(b, start, end), end, CONTEXT_SWITCH)) return false;
  op.a0 = 1;
  return true;
}

/** `Start` = the CPU enters an extended quiescent state (kernel/context_tracking.c `ct_kernel_exit()`). */
export function watching(b: Uint8Array, start: number, end: number, op: Op): boolean {
  const p = skipBlanks(b, start, end);
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
    op.a1 = parseDec53(b, next + NEXT_PID.length, end);
    const prev = findLast(b, start, next, PREV_PID);
    if (prev >= 0) op.a0 = parseDec53(b, prev + PREV_PID.length, next);
    else if (startsWith(b, start, end, PREV_PID_FIRST)) {
      op.a0 = parseDec53(b, start + PREV_PID_FIRST.length, next);
    }
    return true;
  }
  const arrow = findLast(b, start, end, ARROW);
  if (arrow < 0) return false;
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
  const pfn = find(b, start, end, PFN);
  if (pfn < 0) return false;
  op.a0 = signed53(parseValue53(b, pfn + PFN.length, wordEnd(b, pfn, end)));
  if (!(op.a0 > 0)) return false;
  const order = find(b, pfn, end, ORDER);
  if (order >= 0) op.a1 = parseDec53(b, order + ORDER.length, end);
  const gfp = find(b, pfn, end, GFP);
  if (gfp >= 0) {
    const value = gfp + GFP.length;
    // Unnamed flags print as hex; ___GFP_HIGHMEM is bit 1 in every version.
    if (startsWith(b, value, end, GFP_HEX)) op.a2 = (parseHex53(b, value, end) & 2) >> 1;
    else op.a2 = find(b, value, end, HIGHUSER) >= 0 ? 1 : 0;
  }
  return true;
}
const GFP_HEX = ascii('0x');

/**
 * `addr: 7f15f6646000, len: 200000)`, `addr: 0x…, len: 0x…`, with or without types before the names.
 * Up to 6.18 hex has no `0x`; from 6.19 numbers below 10 print as decimal, which is the same digits.
 */
export function syscallArgs(b: Uint8Array, start: number, end: number, op: Op): void {
  let index = 0;
  for (let i = start; i + 1 < end && index < 2; i++) {
    if (b[i] !== 0x3a || b[i + 1] !== 0x20) continue;
    if (i === start) continue;
    const value = parseHex53(b, i + 2, end);
    if (index === 0) op.a1 = value;
    else op.a2 = value;
    index++;
  }
}

/** First hex number of an exit body: ` 0x0`, `-> 0xfffffffffffffff5`. Errors become negative. */
export function syscallReturn(b: Uint8Array, start: number, end: number, op: Op): void {
  for (let i = start; i < end; i++) {
    if (b[i] === 0x30 || (b[i]! >= 0x31 && b[i]! <= 0x39)) {
      const negative = i > start && b[i - 1] === 0x2d;
      op.a1 = negative ? -parseDec53(b, i, end) : signed53(parseHex53(b, i, end));
      return;
    }
  }
}

/** `NR 11 (7f15f6646000, 1000, 0, …)`. */
export function rawSyscallEnter(
  b: Uint8Array,
  start: number,
  end: number,
  funcs: FuncTable,
  op: Op,
): boolean {
  const at = find(b, start, end, NR);
  if (at < 0) return false;
  op.a0 = rawSyscallId(parseDec53(b, at + NR.length, end), funcs);
  let open = at;
  while (open < end && b[open] !== 0x28) open++;
  op.a1 = parseHex53(b, open + 1, end);
  let comma = open;
  while (comma < end && b[comma] !== 0x2c) comma++;
  op.a2 = parseHex53(b, skipBlanks(b, comma + 1, end), end);
  return true;
}

/** `NR 11 = 0`. */
export function rawSyscallExit(b: Uint8Array, start: number, end: number, funcs: FuncTable, op: Op): boolean {
  const at = find(b, start, end, NR);
  if (at < 0) return false;
  op.a0 = rawSyscallId(parseDec53(b, at + NR.length, end), funcs);
  let eq = at;
  while (eq < end && b[eq] !== 0x3d) eq++;
  op.a1 = signed53(parseDec53(b, skipBlanks(b, eq + 1, end), end));
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
