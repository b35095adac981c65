import { FLUSH_CEILING } from '../kernel/free-paths.js';
import { FLAGS, hashed, hex, probe, returns } from './lines.js';
import type { World } from './world.js';

const INFO = '0xffff88811c42d440';
const ALL = '0xffffffffffffffff';
const END_NS = 20;

/** `flush_tlb_mm_range()` called at `tsNs` on `cpu`; returns when it returns. */
export function flush(
  world: World,
  tsNs: number,
  cpu: number,
  range: { readonly start: number; readonly end: number; readonly shift: number; readonly tables: boolean },
  caller: string,
): number {
  const { lines, counts, mm } = world;
  const task = world.tasks[cpu]!;
  const others = world.mask.filter((c) => c !== cpu);
  const { start, end, shift, tables } = range;
  const strides = Math.floor((end - start) / 2 ** shift);
  const full = strides > FLUSH_CEILING;
  const pages = full ? -1 : strides;
  const gen = ++world.tlbGen;
  const what = `mm=${mm} start=${full ? '0x0' : hex(start)} end=${full ? ALL : hex(end)} new_tlb_gen=${gen}`;
  const func = probe('flush_tlb_func', 'flush_tlb_func', `info=${INFO} ${what}`);
  counts.flushes++;
  lines.add(
    tsNs,
    cpu,
    task,
    FLAGS.task,
    probe(
      'flush_tlb_mm_range',
      'flush_tlb_mm_range',
      `mm=${mm} start=${hex(start)} end=${hex(end)} stride_shift=${shift} freed_tables=${tables ? 1 : 0}`,
    ),
  );
  let t = tsNs + END_NS;
  if (others.length > 0) {
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
  const sent = world.bug === 'skip-target' && world.random.chance(0.5) ? others.slice(1) : others;
  counts.flushIpis += sent.length;
  const call = { func: 'flush_tlb_func', site: 'on_each_cpu_cond_mask+0x40/0x70' };
  const remote = broadcast(world, t, cpu, sent, call, (at, target) => {
    lines.add(at, target, world.tasks[target]!, FLAGS.hardirq, func);
    const told = `tlb_flush: pages:${pages} reason:remote shootdown (1)`;
    lines.add(at + END_NS, target, world.tasks[target]!, FLAGS.hardirq, told);
  });
  t = remote.sentNs;
  const cost = world.cost('flushLocal');
  const local = world.reserve(cpu, t, cost);
  const flags = others.length > 0 ? FLAGS.irqOff2 : FLAGS.irqOff1;
  if (others.length > 0) lines.add(local, cpu, task, flags, entry('flush_tlb_func', null));
  lines.add(local + 1, cpu, task, flags, func);
  lines.add(local + cost / 2, cpu, task, flags, `tlb_flush: pages:${pages} reason:local mm shootdown (3)`);
  if (others.length > 0) lines.add(local + cost - 1, cpu, task, flags, exit('flush_tlb_func', null));
  t = local + cost;
  if (world.bug !== 'no-wait') t = Math.max(t, remote.doneNs);
  t += END_NS;
  lines.add(t, cpu, task, FLAGS.task, returns('flush_tlb_mm_range', caller));
  return t + END_NS;
}

/** `tlb_remove_table_sync_one()`: an interrupt to every other online CPU; returns when all have answered. */
export function syncOne(world: World, tsNs: number, cpu: number): number {
  const others = world.tasks.map((_, c) => c).filter((c) => c !== cpu);
  world.counts.syncIpis += others.length;
  const call = { func: 'tlb_remove_table_smp_sync', site: 'smp_call_function+0x3d/0x70' };
  const body = probe('tlb_remove_table_smp_sync', 'tlb_remove_table_smp_sync', '');
  const remote = broadcast(world, tsNs, cpu, others, call, (at, target) =>
    world.lines.add(at, target, world.tasks[target]!, FLAGS.hardirq, body),
  );
  return Math.max(remote.sentNs, remote.doneNs) + END_NS;
}

const csd = (slot: number | null): string => (slot === null ? '0'.repeat(16) : hashed(slot));
const entry = (func: string, slot: number | null): string =>
  `csd_function_entry: func=${func}, csd=${csd(slot)}`;
const exit = (func: string, slot: number | null): string =>
  `csd_function_exit: func=${func}, csd=${csd(slot)}`;

/** Sends the call to each target and has it answered there. Nothing is done for no targets. */
function broadcast(
  world: World,
  tsNs: number,
  cpu: number,
  targets: readonly number[],
  call: { readonly func: string; readonly site: string },
  handler: (tsNs: number, target: number) => void,
): { readonly sentNs: number; readonly doneNs: number } {
  if (targets.length === 0) return { sentNs: tsNs, doneNs: tsNs };
  const { lines, workload } = world;
  const task = world.tasks[cpu]!;
  let sentNs = tsNs;
  for (const target of targets) {
    const slot = csd(cpu * workload.cpus + target);
    const text = `csd_queue_cpu: cpu=${target} callsite=${call.site} func=${call.func} csd=${slot}`;
    lines.add(sentNs, cpu, task, FLAGS.sending, text);
    sentNs += world.cost('ipiSend');
  }
  const callback = 'generic_smp_call_function_single_interrupt+0x0/0x20';
  const mask = maskText(targets, workload.cpus);
  lines.add(
    sentNs,
    cpu,
    task,
    FLAGS.sending,
    `ipi_send_cpumask: cpumask=${mask} callsite=${call.site} callback=${callback}`,
  );
  sentNs += END_NS;
  let doneNs = sentNs;
  for (const target of targets) {
    const cost = world.cost('handler');
    const at = world.reserve(target, sentNs + world.cost('ipiArrive'), cost);
    const who = world.tasks[target]!;
    const slot = cpu * workload.cpus + target;
    lines.add(at, target, who, FLAGS.hardirq, 'call_function_entry: vector=252');
    lines.add(at + 10, target, who, FLAGS.hardirq, entry(call.func, slot));
    handler(at + END_NS, target);
    lines.add(at + cost - 10, target, who, FLAGS.hardirq, exit(call.func, slot));
    lines.add(at + cost - 5, target, who, FLAGS.hardirq, 'call_function_exit: vector=252');
    doneNs = Math.max(doneNs, at + cost);
  }
  return { sentNs, doneNs };
}

/** 32 bits to a word, highest first, as `%*pb` prints them. */
function maskText(cpus: readonly number[], all: number): string {
  const words = new Uint32Array(Math.max(2, Math.ceil(all / 32)));
  for (const cpu of cpus) words[cpu >> 5] = words[cpu >> 5]! | (1 << (cpu & 31));
  return [...words]
    .reverse()
    .map((x) => x.toString(16).padStart(8, '0'))
    .join(',');
}
