import { byName } from '../result/by-name.js';
import { MAX_CPUS } from '../timeline/batch.js';
import type { Bases } from './bases.js';
import { ascii, find, isKernelAddr, parseValue53, signed53, startsWith } from './bytes.js';
import { FUNC_DAMAGED, type FuncId, type FuncTable } from './func-table.js';
import { FUNC, OP, type Op, type OpKind, READER } from './ops.js';

/**
 * Operations written by hand: `pttrace: <OP> key=value …` in a trace_marker or trace_printk line. For facts no
 * probe shows, above all where a reader section begins and ends:
 *
 *     echo "pttrace: RB kind=irqoff pfn=0x1234 mm=0xffff888112124500" > /sys/kernel/tracing/trace_marker
 *     trace_printk("pttrace: DR kind=rcu page=%px\n", pmd_page(pmdval));
 *
 * A table is named by `page=` (struct page pointer), `pfn=`, or `va=` (direct-map address). `cpu=` and `pid=` say
 * on whose behalf, if not the writer's. Keys of each operation: `MARKER_OPS`. `kind=` is one of irqoff, rcu,
 * preemptoff, lock, hw; `lock=` is any word; `frame=` and `on=` are frame numbers. Numbers are `0x…`, decimal, or
 * bare kernel pointers. docs/litmus.md lists what each operation says.
 */
interface MarkerOp {
  readonly kind: OpKind;
  /** key → slot. */
  readonly keys: Readonly<Record<string, number>>;
  /** Slot of the table, -1 none. */
  readonly table: number;
  readonly fixed?: readonly (readonly [number, number])[];
}

const READER_KEYS = { kind: 0, mm: 2, lock: 3 };
const AT = { mm: 0, addr: 1 };
export const MARKER_OPS: Readonly<Record<string, MarkerOp>> = byName({
  RB: { kind: OP.RB, keys: READER_KEYS, table: 1 },
  RE: { kind: OP.RE, keys: READER_KEYS, table: 1 },
  DR: { kind: OP.DR, keys: { kind: 0 }, table: 1 },
  UL: { kind: OP.UL, keys: { mm: 0, addr: 1, tlb: 3 }, table: 2 },
  PUB: { kind: OP.PUB, keys: { mm: 0, slot: 1 }, table: 2 },
  GB: { kind: OP.GB, keys: { tlb: 0, mm: 1, fullmm: 2 }, table: -1 },
  GE: { kind: OP.GE, keys: { tlb: 0, mm: 1, start: 3, end: 4, flags: 5 }, table: -1 },
  GEret: { kind: OP.GEret, keys: {}, table: -1 },
  TR: { kind: OP.TR, keys: { tlb: 0, mm: 1, level: 3 }, table: 2 },
  FR: { kind: OP.FR, keys: { mm: 0, start: 1, end: 2, stride_shift: 3, freed_tables: 4 }, table: -1 },
  FD: { kind: OP.FD, keys: {}, table: -1 },
  INV: { kind: OP.INV, keys: { info: 0, mm: 1, start: 2, end: 3, gen: 4, only: 5 }, table: -1 },
  CR: { kind: OP.CR, keys: { head: 0, func: 1, nr: 3 }, table: 2, fixed: [[4, 2]] },
  CB: { kind: OP.CB, keys: { head: 0, func: 1, nr: 3 }, table: 2 },
  FREE: { kind: OP.FREE, keys: { order: 1 }, table: 0 },
  QS: { kind: OP.QS, keys: {}, table: -1, fixed: [[0, 1]] },
  LINK: { kind: OP.LINK, keys: { ...AT, level: 3 }, table: 2 },
  SETE: { kind: OP.SETE, keys: { addr: 1, frame: 2 }, table: 0 },
  CLRE: { kind: OP.CLRE, keys: { addr: 1 }, table: 0 },
  HW: { kind: OP.HW, keys: { ...AT, dev: 2, user: 3 }, table: -1 },
  IOTLB: { kind: OP.IOTLB, keys: { mm: 0, dev: 1 }, table: -1 },
  BIND: { kind: OP.BIND, keys: { head: 0 }, table: 2 },
  REUSE: { kind: OP.REUSE, keys: {}, table: 0 },
  LK: { kind: OP.LK, keys: { lock: 0, spin: 1 }, table: 2 },
  UN: { kind: OP.UN, keys: { lock: 0, mm: 1, addr: 2 }, table: -1 },
  NEED: { kind: OP.NEED, keys: { lock: 0 }, table: -1 },
  VMAUL: { kind: OP.VMAUL, keys: AT, table: -1 },
  GONE: { kind: OP.GONE, keys: AT, table: -1 },
  EMPTY: { kind: OP.EMPTY, keys: {}, table: 0 },
  PTL: { kind: OP.PTL, keys: { use: 1 }, table: 0 },
  PGD: { kind: OP.PGD, keys: {}, table: 0 },
  DEP: { kind: OP.DEP, keys: { on: 1 }, table: 0 },
  WDR: { kind: OP.WDR, keys: {}, table: 0 },
  HUGE: { kind: OP.HUGE, keys: { ...AT, frame: 2 }, table: -1 },
  PIN: { kind: OP.PIN, keys: { recheck: 1 }, table: 0 },
  MOVE: { kind: OP.MOVE, keys: AT, table: 2 },
  LZ: { kind: OP.LZ, keys: { mm: 0, on: 1 }, table: -1 },
  CR3: { kind: OP.CR3, keys: { mm: 0 }, table: -1 },
  BCAST: { kind: OP.BCAST, keys: { mm: 0 }, table: -1 },
  TLBSYNC: { kind: OP.TLBSYNC, keys: {}, table: -1 },
  SYNC1: { kind: OP.SYNC1, keys: { enter: 0 }, table: -1 },
  SYNCR: { kind: OP.SYNCR, keys: { enter: 0 }, table: -1 },
});

/** How the text of a marker begins. */
export const MARKER = ascii('pttrace:');
const OPS = Object.entries(MARKER_OPS).map(([name, op]) => ({
  name: ascii(name),
  op,
  keys: Object.entries(op.keys).map(([key, slot]) => ({ key: ascii(`${key}=`), name: key, slot })),
}));
const READERS = Object.entries(READER).map(([name, value]) => ({ name: ascii(name), value }));
const TABLE_KEYS = ['page', 'pfn', 'va', 'table'].map((key) => ({ key: ascii(`${key}=`), name: key }));
const CPU = ascii('cpu=');
const PID = ascii('pid=');

/** Fill `op` (already holding the row's own columns) from a marker body. False: not a marker of this grammar. */
export function decodeMarker(
  bytes: Uint8Array,
  start: number,
  end: number,
  bases: Bases,
  funcs: FuncTable,
  op: Op,
): boolean {
  const at = find(bytes, start, end, MARKER);
  if (at < 0) return false;
  let p = at + MARKER.length;
  while (p < end && bytes[p]! <= 0x20) p++;
  let wordEnd = endOfWord(bytes, p, end);
  const entry = OPS.find((o) => o.name.length === wordEnd - p && startsWith(bytes, p, end, o.name));
  if (!entry) return startsWith(bytes, p, wordEnd, MISSES) && misses(bytes, wordEnd, end, funcs, op);
  op.kind = entry.op.kind;
  for (const [slot, value] of entry.op.fixed ?? []) setSlot(op, slot, value);
  for (p = wordEnd; p < end; p = wordEnd) {
    while (p < end && bytes[p]! <= 0x20) p++;
    wordEnd = endOfWord(bytes, p, end);
    if (startsWith(bytes, p, wordEnd, CPU)) op.cpu = cpuNumber(bytes, p + CPU.length, wordEnd);
    else if (startsWith(bytes, p, wordEnd, PID)) op.pid = parseValue53(bytes, p + PID.length, wordEnd);
    else keyValue(entry, bytes, p, wordEnd, bases, funcs, op);
  }
  if (op.kind === OP.CR || op.kind === OP.CB) headPage(op, bases);
  if (op.kind === OP.PUB && !Number.isNaN(op.a1)) op.a3 = bases.pageOfVa(op.a1);
  return true;
}

function keyValue(
  entry: (typeof OPS)[number],
  bytes: Uint8Array,
  start: number,
  end: number,
  bases: Bases,
  funcs: FuncTable,
  op: Op,
): void {
  for (const { key, name, slot } of entry.keys) {
    if (!startsWith(bytes, start, end, key)) continue;
    const at = start + key.length;
    if (name === 'kind') setSlot(op, slot, readerKind(bytes, at, end));
    else if (name === 'func' || name === 'lock') setFunc(op, slot, funcs.idOf(bytes, at, end));
    else {
      const value = parseValue53(bytes, at, end);
      setSlot(op, slot, isKernelAddr(value) ? value : signed53(value));
    }
    return;
  }
  if (entry.op.table < 0) return;
  for (const { key, name } of TABLE_KEYS) {
    if (!startsWith(bytes, start, end, key)) continue;
    const value = parseValue53(bytes, start + key.length, end);
    if (name === 'pfn') setSlot(op, entry.op.table, value);
    else setSlot(op, entry.op.table, name === 'va' ? bases.pageOfVa(value) : bases.pageOfStructPage(value));
    return;
  }
}

const MISSES = ascii('misses');

/** `EVENT=N …`: what probes have missed by now (`record` samples kprobe_profile). */
function misses(bytes: Uint8Array, start: number, end: number, funcs: FuncTable, op: Op): boolean {
  op.kind = OP.MISSES;
  op.nTables = 0;
  for (let p = start, q = start; p < end; p = q) {
    while (p < end && bytes[p]! <= 0x20) p++;
    q = endOfWord(bytes, p, end);
    let equals = p;
    while (equals < q && bytes[equals] !== 0x3d) equals++;
    const count = parseValue53(bytes, equals + 1, q);
    if (equals === q || !(count >= 0) || op.nTables + 2 > op.tables.length) continue;
    op.tables[op.nTables++] = funcs.idOf(bytes, p, equals);
    op.tables[op.nTables++] = count;
  }
  return true;
}

/** -1 when it is no number of a CPU. */
function cpuNumber(bytes: Uint8Array, start: number, end: number): number {
  const cpu = parseValue53(bytes, start, end);
  return cpu >= 0 && cpu < MAX_CPUS ? cpu : -1;
}

function readerKind(bytes: Uint8Array, start: number, end: number): number {
  for (const r of READERS) {
    if (r.name.length === end - start && startsWith(bytes, start, end, r.name)) return r.value;
  }
  return Number.NaN;
}

/** Page in which a rcu_head lies: inside struct page for single tables, else in the direct map. */
export function headPage(op: Op, bases: Bases): void {
  if (Number.isNaN(op.a0)) return;
  const single = op.a1 === FUNC.__tlb_remove_table_one_rcu || op.a1 === FUNC.pte_free_now;
  op.a2 = single ? bases.pageOfStructPage(op.a0) : bases.pageOfVa(op.a0);
}

function endOfWord(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && bytes[p]! > 0x20) p++;
  return p;
}

export function setSlot(op: Op, slot: number, value: number): void {
  if (slot === 0) op.a0 = value;
  else if (slot === 1) op.a1 = value;
  else if (slot === 2) op.a2 = value;
  else if (slot === 3) op.a3 = value;
  else if (slot === 4) op.a4 = value;
  else if (slot === 5) op.a5 = value;
  else if (slot === 6) op.a6 = value;
  else if (slot === 7) op.a7 = value;
}

/** A damaged name is none that is known. */
function setFunc(op: Op, slot: number, id: FuncId): void {
  if (id !== FUNC_DAMAGED) setSlot(op, slot, id);
}
