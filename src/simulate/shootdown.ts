import { FLUSH_CEILING } from '../kernel/free-paths.js';
import { FUNC, OP } from '../kernel/ops.js';
import { Emitter, type ProgramOp } from '../machine/emitter.js';
import type { Run } from '../machine/run.js';
import { FLAGS, hashed, hex, probe, returns } from './lines.js';
import type { World } from './world.js';

const INFO = '0xffff88811c42d440';
const ALL = '0xffffffffffffffff';
const END_NS = 20;

/** What a flush covers, and who asks for it. */
export interface FlushRange {
  readonly start: number;
  readonly end: number;
  readonly shift: number;
  readonly caller: string;
}

/** What all CPUs print of one flush. */
interface Told {
  readonly pages: number;
  readonly func: string;
  readonly what: string;
  readonly caller: string;
}

interface Call {
  readonly func: string;
  readonly site: string;
}
const FLUSH: Call = { func: 'flush_tlb_func', site: 'on_each_cpu_cond_mask+0x40/0x70' };
const SYNC: Call = { func: 'tlb_remove_table_smp_sync', site: 'smp_call_function+0x3d/0x70' };

/**
 * The times and lines of what one CPU of the machine asks of the others: of flushes and of `tlb_remove_table_sync_one()`.
 * Who is asked, who answers, when the caller may go on says the machine.
 */
export class Shootdown {
  private readonly world: World;
  private readonly run: Run;
  private readonly cpu: number;
  /** CPUs by their number in the machine: the one that flushes, idle ones, those that have the mm, last one first. */
  private readonly real: readonly number[];
  private readonly numbers: readonly (readonly [real: number, actor: string])[];
  private readonly emitter: Emitter;
  /** Handlers under way. */
  private answers: { readonly doneNs: number; readonly command: number }[] = [];
  private told: Told = { pages: 0, func: '', what: '', caller: '' };
  private many = false;

  constructor(world: World, run: Run, cpu: number) {
    this.world = world;
    this.run = run;
    this.emitter = new Emitter(world.funcs);
    this.cpu = cpu;
    const idle = world.tasks.map((_, c) => c).slice(world.mask.length);
    this.real = [cpu, ...idle, ...world.mask.filter((c) => c !== cpu).reverse()];
    this.numbers = this.real
      .map((c, number) => [c, `irq ${number}`] as const)
      .slice(1)
      .sort((a, b) => a[0] - b[0]);
  }

  /** flush_tlb_mm_range(): `ops` are what the machine shows of its first step. Returns when the requests are sent. */
  flush(tsNs: number, ops: readonly ProgramOp[], range: FlushRange): number {
    const { world, cpu } = this;
    const { lines, counts, mm } = world;
    const task = world.tasks[cpu]!;
    const { start, end, shift, caller } = range;
    const tables = ops.find((op) => op.kind === OP.FR)!.slots[4];
    const strides = Math.floor((end - start) / 2 ** shift);
    const full = strides > FLUSH_CEILING;
    const pages = full ? -1 : strides;
    const gen = ++world.tlbGen;
    const what = `mm=${mm} start=${full ? '0x0' : hex(start)} end=${full ? ALL : hex(end)} new_tlb_gen=${gen}`;
    this.told = {
      pages,
      what,
      func: probe('flush_tlb_func', 'flush_tlb_func', `info=${INFO} ${what}`),
      caller,
    };
    counts.flushes++;
    const args = `mm=${mm} start=${hex(start)} end=${hex(end)} stride_shift=${shift} freed_tables=${tables}`;
    lines.add(tsNs, cpu, task, FLAGS.task, probe('flush_tlb_mm_range', 'flush_tlb_mm_range', args));
    let t = tsNs + END_NS;
    this.many = ops.some((op) => op.kind === OP.FMULTI);
    if (this.many) {
      const mask = world.mask.reduce((bits, c) => (c < 64 ? bits | (1n << BigInt(c)) : bits), 0n);
      const multi = `cpumask=0x${mask.toString(16)} info=${INFO} ${what}`;
      lines.add(
        t,
        cpu,
        task,
        FLAGS.preemptOff,
        probe('native_flush_tlb_multi', 'native_flush_tlb_multi', multi),
      );
      lines.add(t + 5, cpu, task, FLAGS.preemptOff, `tlb_flush: pages:${pages} reason:remote ipi send (4)`);
      t += 10;
    }
    const sent = targetsOf(ops);
    counts.flushIpis += sent.length;
    return this.send(t, sent, FLUSH);
  }

  /** Its own caches, after the requests. Returns when that is done. */
  local(tsNs: number): number {
    const { world, cpu, many, told } = this;
    const { lines } = world;
    const task = world.tasks[cpu]!;
    const cost = world.cost('flushLocal');
    const local = world.reserve(cpu, tsNs, cost);
    const flags = many ? FLAGS.irqOff2 : FLAGS.irqOff1;
    if (many) lines.add(local, cpu, task, flags, entry('flush_tlb_func', null));
    lines.add(local + 1, cpu, task, flags, told.func);
    lines.add(
      local + cost / 2,
      cpu,
      task,
      flags,
      `tlb_flush: pages:${told.pages} reason:local mm shootdown (3)`,
    );
    if (many) lines.add(local + cost - 1, cpu, task, flags, exit('flush_tlb_func', null));
    return local + cost;
  }

  /** The flush returns; from then on its range is nobody's. */
  flushed(tsNs: number): number {
    const t = tsNs + END_NS;
    const { world, cpu } = this;
    world.lines.add(t, cpu, world.tasks[cpu]!, FLAGS.task, returns('flush_tlb_mm_range', this.told.caller));
    // One that does not wait may be followed by another; the requests themselves are locked until they are answered.
    while (this.answers.length > 0) this.answered();
    return t + END_NS;
  }

  /** tlb_remove_table_sync_one(): returns when the requests are sent. */
  sync(tsNs: number, ops: readonly ProgramOp[]): number {
    const sent = targetsOf(ops);
    this.world.counts.syncIpis += sent.length;
    return this.send(tsNs, sent, SYNC);
  }

  /** All have answered it. */
  synced(tsNs: number): number {
    return tsNs + END_NS;
  }

  /** The next CPU has answered; returns when. Throws Error if nobody is asked: the machine waits for nothing. */
  answered(): number {
    const next = this.answers.shift();
    if (!next) throw new Error('a task waits for answers that nobody owes');
    this.run.take(next.command);
    return next.doneNs;
  }

  get waiting(): boolean {
    return this.answers.length > 0;
  }

  /** Sends the call to each target (numbers of the machine) and has it answered there. Nothing is done for no targets. */
  private send(tsNs: number, targets: readonly number[], call: Call): number {
    if (targets.length === 0) return tsNs;
    const { world, cpu } = this;
    const { lines, workload } = world;
    const task = world.tasks[cpu]!;
    const sent = targets.map((number) => this.real[number]!).sort((a, b) => a - b);
    let sentNs = tsNs;
    for (const target of sent) {
      const slot = csd(cpu * workload.cpus + target);
      const text = `csd_queue_cpu: cpu=${target} callsite=${call.site} func=${call.func} csd=${slot}`;
      lines.add(sentNs, cpu, task, FLAGS.sending, text);
      sentNs += world.cost('ipiSend');
    }
    const callback = 'generic_smp_call_function_single_interrupt+0x0/0x20';
    const mask = maskText(sent, workload.cpus);
    const text = `ipi_send_cpumask: cpumask=${mask} callsite=${call.site} callback=${callback}`;
    lines.add(sentNs, cpu, task, FLAGS.sending, text);
    sentNs += END_NS;
    this.arrive(sentNs);
    return sentNs;
  }

  /** Each CPU that the machine lets answer does so as soon as its interrupts are on. */
  private arrive(sentNs: number): void {
    const { world, run, emitter } = this;
    for (const [target, actor] of this.numbers) {
      const [command] = run.enabled(actor);
      if (command === undefined) continue;
      const cost = world.cost('handler');
      const at = world.reserve(target, sentNs + world.cost('ipiArrive'), cost);
      emitter.ops.length = 0;
      run.command(command).ops?.(emitter, run.read);
      for (const op of emitter.ops) this.handles(op, at, cost, target);
      this.answers.push({ doneNs: at + cost, command });
    }
    this.answers.sort((a, b) => a.doneNs - b.doneNs);
  }

  private handles(op: ProgramOp, at: number, cost: number, target: number): void {
    const { world, cpu, told } = this;
    const add = (tsNs: number, body: string): void =>
      world.lines.add(tsNs, target, world.tasks[target]!, FLAGS.hardirq, body);
    const slot = cpu * world.workload.cpus + target;
    const func = op.slots[1] === FUNC.tlb_remove_table_smp_sync ? SYNC.func : FLUSH.func;
    if (op.kind === OP.IE) {
      add(at, 'call_function_entry: vector=252');
      add(at + 10, entry(func, slot));
      if (func === SYNC.func) add(at + END_NS, probe(func, func, ''));
    } else if (op.kind === OP.INV) add(at + END_NS, told.func);
    else if (op.kind === OP.TLBF)
      add(at + 2 * END_NS, `tlb_flush: pages:${told.pages} reason:remote shootdown (1)`);
    else if (op.kind === OP.IX) {
      add(at + cost - 10, exit(func, slot));
      add(at + cost - 5, 'call_function_exit: vector=252');
    }
  }
}

const targetsOf = (ops: readonly ProgramOp[]): number[] =>
  ops.filter((op) => op.kind === OP.IS).map((op) => op.slots[0]!);

const csd = (slot: number | null): string => (slot === null ? '0'.repeat(16) : hashed(slot));
const entry = (func: string, slot: number | null): string =>
  `csd_function_entry: func=${func}, csd=${csd(slot)}`;
const exit = (func: string, slot: number | null): string =>
  `csd_function_exit: func=${func}, csd=${csd(slot)}`;

/** 32 bits to a word, highest first, as `%*pb` prints them. */
function maskText(cpus: readonly number[], all: number): string {
  const words = new Uint32Array(Math.max(2, Math.ceil(all / 32)));
  for (const cpu of cpus) words[cpu >> 5] = words[cpu >> 5]! | (1 << (cpu & 31));
  return [...words]
    .reverse()
    .map((x) => x.toString(16).padStart(8, '0'))
    .join(',');
}
