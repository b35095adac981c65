import { CR_SOURCE, LOCK_TYPE, OP, READER } from '../kernel/ops.js';
import type { Names } from '../machine/names.js';
import { FLUSH_ALL, type KernelModel } from '../mmu/kernel-model.js';
import type { RcuModel } from '../mmu/rcu-model.js';
import { byName } from '../result/by-name.js';
import { UsageError } from '../result/usage-error.js';
import { FLAG } from '../timeline/flags.js';
import type { LitmusStep } from './test.js';

const TASK = FLAG.known;
const SOFTIRQ = FLAG.known | FLAG.softirq;
const NAN = Number.NaN;
const REASON_REMOTE = 1;
/** Locks that are spinlocks by their name: split and page-table locks. */
const SPIN = /^(?:ptl|pte|pmd|pud|spin)/;

/** What steps work on: the models, what names stand for, and what the steps before have left. */
export interface StepTools {
  emit(kind: number, cpu: number, slots: readonly number[], flags?: number): void;
  kernel(): KernelModel;
  rcu(): RcuModel;
  mm(name: string): number;
  va(name: string): number;
  page(name: string): number;
  head(name: string): ReturnType<Names['head']>;
  /** Number of a lock. */
  lock(name: string): number;
  level(table: string): number;
  nextGen(): number;
  /** Is this rule of the models switched off in the order? */
  broken(rule: string): boolean;
  /** (mm, address) → tables, innermost last. */
  readonly mapped: Map<string, string[]>;
  readonly entries: Map<string, Set<string>>;
  readonly readers: Map<string, number[]>;
  /** Table → the head that is to free it. */
  readonly bound: Map<string, string>;
  readonly ran: Set<string>;
  /** Callbacks that have not released all yet: their CPU and what is left. */
  readonly inside: Map<string, { cpu: number; left: Set<string> }>;
  readonly scans: Map<number, { table: string; intact: boolean }>;
}

type Action = (b: StepTools, step: LitmusStep, cpu: number) => void;

const arg = (step: LitmusStep, i: number): string => step.args[i]!;
const place = (b: StepTools, step: LitmusStep, i = 0): [number, number] => [
  b.mm(arg(step, i)),
  b.va(arg(step, i + 1)),
];
const device = (step: LitmusStep): number => (step.device >= 0 ? step.device : NAN);

function unlink(b: StepTools, step: LitmusStep, cpu: number, named: string | undefined): void {
  const key = `${arg(step, 0)} ${arg(step, 1)}`;
  const chain = b.mapped.get(key) ?? [];
  const table = named ?? chain.at(-1);
  if (table === undefined || !chain.includes(table)) {
    throw new UsageError(`line ${step.line}: no table is mapped at ${arg(step, 0)} ${arg(step, 1)}`);
  }
  chain.splice(chain.lastIndexOf(table), 1);
  b.emit(OP.UL, cpu, [...place(b, step), b.page(table), NAN]);
}

function drop(b: StepTools, cpu: number): void {
  const scan = b.scans.get(cpu);
  if (scan) scan.intact = false;
}

const entriesOf = (b: StepTools, table: string): Set<string> => {
  let set = b.entries.get(table);
  if (!set) b.entries.set(table, (set = new Set()));
  return set;
};

function callback(b: StepTools, name: string, cpu: number): void {
  const head = b.head(name);
  b.ran.add(name);
  b.emit(OP.RI, cpu, [head.rhp, head.func], SOFTIRQ);
  if (name.endsWith('.pt')) return;
  b.emit(OP.CB, cpu, [head.addr, head.func, head.page, NAN], SOFTIRQ);
  b.inside.set(name, { cpu, left: new Set([...b.bound].filter(([, h]) => h === name).map(([t]) => t)) });
  released(b, name, null);
}

/** A callback is over once it has released what it carries: its return comes behind the last of it. */
function released(b: StepTools, name: string, table: string | null): void {
  const running = b.inside.get(name);
  if (!running) return;
  if (table !== null) running.left.delete(table);
  if (running.left.size > 0) return;
  b.inside.delete(name);
  b.emit(OP.CBret, running.cpu, [NAN, b.head(name).func], SOFTIRQ);
}

/** The model's callbacks release what they carry, as the kernel's do. */
function runCallbacks(b: StepTools, owner: number, cpu: number): void {
  for (const name of b.rcu().takeDone(owner)) {
    callback(b, name, cpu);
    for (const [table, head] of b.bound) {
      if (head !== name) continue;
      b.bound.delete(table);
      b.emit(OP.FREE, cpu, [b.page(table), 0], SOFTIRQ);
      released(b, name, table);
    }
  }
}

const section = (kind: number): 'rcu' | 'cpu' => (kind === READER.rcu ? 'rcu' : 'cpu');

const READER_KINDS: Readonly<Record<string, number>> = byName({
  irqoff: READER.irqoff,
  rcu: READER.rcu,
  preemptoff: READER.preemptoff,
  lock: READER.lock,
});

/** What an invalidation is confined to. */
const ONLY: Readonly<Record<string, number>> = byName({ leaf: 1, kernel: 2 });

const walks: Action = (b, s, cpu) =>
  b.emit(OP.HW, cpu, [...place(b, s), device(s), s.args[2] === 'user' ? 1 : NAN]);

/** What each step of a litmus test does, by its word (`steps.ts`). */
export const ACTIONS: Readonly<Record<string, Action>> = byName({
  map: (b, s, cpu) => {
    const key = `${arg(s, 0)} ${arg(s, 1)}`;
    b.mapped.set(key, [...(b.mapped.get(key) ?? []), arg(s, 2)]);
    b.emit(OP.LINK, cpu, [...place(b, s), b.page(arg(s, 2)), b.level(arg(s, 2))]);
  },
  unlink: (b, s, cpu) => unlink(b, s, cpu, s.args[2]),
  set: (b, s, cpu) => {
    entriesOf(b, arg(s, 0)).add(arg(s, 1));
    b.emit(OP.SETE, cpu, [b.page(arg(s, 0)), b.va(arg(s, 1)), b.page(arg(s, 2))]);
  },
  clr: (b, s, cpu) => {
    entriesOf(b, arg(s, 0)).delete(arg(s, 1));
    b.emit(OP.CLRE, cpu, [b.page(arg(s, 0)), b.va(arg(s, 1))]);
  },
  sethuge: (b, s, cpu) => b.emit(OP.HUGE, cpu, [...place(b, s), b.page(arg(s, 2))]),
  relink: (b, s, cpu) => b.emit(OP.MOVE, cpu, [...place(b, s), b.page(arg(s, 2))]),
  free: (b, s, cpu) => {
    const head = b.bound.get(arg(s, 0));
    const inCallback = head !== undefined && b.ran.has(head);
    b.emit(OP.FREE, cpu, [b.page(arg(s, 0)), 0], inCallback ? SOFTIRQ : TASK);
    if (inCallback) released(b, head, arg(s, 0));
  },
  reuse: (b, s, cpu) => b.emit(OP.REUSE, cpu, [b.page(arg(s, 0))]),
  pgd: (b, s, cpu) => b.emit(OP.PGD, cpu, [b.page(arg(s, 0))]),
  tlbremove: (b, s, cpu) => b.emit(OP.APP, cpu, [NAN, NAN, b.page(arg(s, 0))]),
  deposit: (b, s, cpu) => b.emit(OP.DEP, cpu, [b.page(arg(s, 0)), b.page(arg(s, 1))]),
  withdraw: (b, s, cpu) => b.emit(OP.WDR, cpu, [b.page(arg(s, 0))]),
  reclaim: (b, s, cpu) => b.emit(OP.EMPTY, cpu, [b.page(arg(s, 0))]),
  walk: walks,
  access: walks,
  rd: (b, s, cpu) => {
    const [kind, lock] = arg(s, 0).split(':');
    const id = READER_KINDS[kind!]!;
    const key = `${cpu} ${arg(s, 1)}`;
    b.readers.set(key, [...(b.readers.get(key) ?? []), id]);
    if (id !== READER.lock) b.rcu().readerBegins(cpu, section(id));
    b.emit(OP.RB, cpu, [id, b.page(arg(s, 1)), NAN, lock === undefined ? NAN : b.lock(lock)]);
  },
  deref: (b, s, cpu) =>
    b.emit(OP.DR, cpu, [b.readers.get(`${cpu} ${arg(s, 0)}`)?.at(-1) ?? NAN, b.page(arg(s, 0))]),
  rdend: (b, s, cpu) => {
    const id = b.readers.get(`${cpu} ${arg(s, 0)}`)?.pop();
    if (id === undefined) throw new UsageError(`line ${s.line}: P${cpu} has no walker on ${arg(s, 0)}`);
    if (id !== READER.lock) b.rcu().readerEnds(cpu, section(id));
    b.emit(OP.RE, cpu, [id, b.page(arg(s, 0))]);
  },
  pin: (b, s, cpu) => b.emit(OP.PIN, cpu, [b.page(arg(s, 2)), arg(s, 3) === 'recheck' ? 1 : 0]),
  inval: (b, s, cpu) => {
    const mm = b.mm(arg(s, 0));
    if (s.device >= 0) {
      b.emit(OP.IOTLB, cpu, [mm, s.device]);
      return;
    }
    b.emit(OP.INV, cpu, [0, mm, 0, FLUSH_ALL, b.nextGen(), ONLY[s.args[1] ?? ''] ?? NAN]);
    b.emit(OP.TLBF, cpu, [-1, REASON_REMOTE]);
  },
  invlpgb: (b, s, cpu) => b.emit(OP.BCAST, cpu, [b.mm(arg(s, 0))]),
  tlbsync: (b, _s, cpu) => b.emit(OP.TLBSYNC, cpu, []),
  syncipi: (b, _s, cpu) => {
    b.emit(OP.SYNC1, cpu, [1]);
    b.emit(OP.SYNC1, cpu, [0]);
  },
  syncrcu: (b, _s, cpu) => {
    b.emit(OP.SYNCR, cpu, [1]);
    b.emit(OP.SYNCR, cpu, [0]);
  },
  callrcu: (b, s, cpu) => {
    const head = b.head(arg(s, 0));
    b.ran.delete(arg(s, 0));
    b.inside.delete(arg(s, 0));
    b.emit(OP.CR, cpu, [head.addr, head.func, head.page, NAN, CR_SOURCE.call_rcu]);
    b.emit(OP.RQ, cpu, [head.rhp, head.func]);
    b.rcu().enqueue(cpu, arg(s, 0));
    for (const table of s.args.slice(1)) {
      b.bound.set(table, arg(s, 0));
      b.emit(OP.BIND, cpu, [head.addr, NAN, b.page(table)]);
    }
  },
  cb: (b, s, cpu) => {
    b.rcu().forget(arg(s, 0));
    callback(b, arg(s, 0), cpu);
  },
  lock: (b, s, cpu) => {
    const spin = SPIN.test(arg(s, 0)) ? LOCK_TYPE.spin : LOCK_TYPE.sleeping;
    b.emit(OP.LK, cpu, [b.lock(arg(s, 0)), spin, NAN]);
  },
  unlock: (b, s, cpu) => {
    drop(b, cpu);
    b.emit(OP.UN, cpu, [b.lock(arg(s, 0)), NAN, NAN]);
  },
  drop: (b, s, cpu) => {
    drop(b, cpu);
    b.emit(OP.UN, cpu, [b.lock(arg(s, 0)), ...place(b, s, 1)]);
  },
  need: (b, s, cpu) => b.emit(OP.NEED, cpu, [b.lock(arg(s, 0))]),
  ptlfree: (b, s, cpu) => b.emit(OP.PTL, cpu, [b.page(arg(s, 0)), 0]),
  ptlock: (b, s, cpu) => b.emit(OP.PTL, cpu, [b.page(arg(s, 0)), 1]),
  vmaunlink: (b, s, cpu) => b.emit(OP.VMAUL, cpu, place(b, s)),
  ret: (b, s, cpu) => b.emit(OP.GONE, cpu, place(b, s)),
  switch: (b, s, cpu) => {
    const mm = b.mm(arg(s, 0));
    const part = s.args[1];
    if (part === undefined || part === 'begin') b.kernel().switchBegin(cpu, mm);
    if (part === undefined || part === 'cr3') b.kernel().switchCr3(cpu, mm);
    if (part === undefined || part === 'end') b.kernel().switchEnd(cpu, mm);
  },
  lazy: (b, _s, cpu) => b.kernel().lazy(cpu),
  flush: (b, s, cpu) => b.kernel().flush(cpu, b.mm(arg(s, 0)), s.args[1] === 'tables'),
  vcpuout: (b, _s, cpu) => b.kernel().vcpu(cpu, true),
  vcpuin: (b, _s, cpu) => b.kernel().vcpu(cpu, false),
  hvflush: (b, s, cpu) => b.kernel().hypercallFlush(cpu, b.mm(arg(s, 0))),
  batch: (b, s) => b.kernel().batch(b.mm(arg(s, 0))),
  batchflush: (b, s, cpu) => b.kernel().batchFlush(cpu, b.mm(arg(s, 0))),
  gpstart: (b, _s, cpu) => void b.rcu().gpStart(cpu),
  gpend: (b, _s, cpu) => void b.rcu().gpEnd(cpu),
  qs: (b, _s, cpu) => b.rcu().quiescent(cpu),
  preempt: (b, _s, cpu) => b.rcu().preempt(cpu),
  offload: (b, _s, cpu) => b.rcu().offload(cpu),
  flushlazy: (b, _s, cpu) => b.rcu().flushBypass(cpu),
  runcbs: (b, s, cpu) => runCallbacks(b, s.args[0] === undefined ? cpu : Number(s.args[0].slice(1)), cpu),
  scan: (b, s, cpu) => b.scans.set(cpu, { table: arg(s, 0), intact: true }),
  tryreclaim: (b, s, cpu) => {
    const scan = b.scans.get(cpu);
    const trusted = scan?.table === arg(s, 2) && (scan.intact || b.broken('reclaim-without-rescan'));
    if (!trusted && entriesOf(b, arg(s, 2)).size > 0) return;
    b.emit(OP.EMPTY, cpu, [b.page(arg(s, 2))]);
    unlink(b, s, cpu, arg(s, 2));
  },
});
