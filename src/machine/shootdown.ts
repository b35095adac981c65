import { FUNC, OP } from '../kernel/ops.js';
import { all } from './command.js';
import type { Emitter } from './emitter.js';
import { FLUSH_ALL, REASON } from './flush-reasons.js';
import { type Kernel, type Link, MM_NAMES } from './kernel.js';
import type { Thread } from './thread.js';

const NAN = Number.NaN;
const running = (kernel: Kernel, cpu: number): string | false =>
  kernel.model.has(`out_${cpu}`) && `out_${cpu} == 0`;

/** What a flush is about: a whole mm, or what was cached of one entry. */
interface Extent {
  readonly mm: number;
  readonly only: Link | null;
}

/** Bytes that one entry stands for. */
const ENTRY_BYTES = 0x20_0000;

/** Value of a request. */
const asked = ({ mm, only }: Extent): number => (only ? MM_NAMES.length + only.id : mm);

/** All that a flush in this machine may be about. */
const extents = (kernel: Kernel): Extent[] => [
  ...MM_NAMES.slice(1).map((_, i) => ({ mm: i + 1, only: null })),
  ...kernel.links.filter(({ id }) => kernel.ranged.has(id)).map((only) => ({ mm: only.mm, only })),
];

/** First address and end, as the probes print them. */
function range(e: Emitter, { only }: Extent): [number, number] {
  if (!only) return [0, FLUSH_ALL];
  const from = e.names.va(only.va);
  return [from, from + ENTRY_BYTES];
}

/** Requests from one CPU to the others: `fl_FROM_CPU` and `ib_FROM_CPU` (INVLPGB) hold what is asked, `sy_FROM_CPU` 1. */
function requests(kernel: Kernel, kind: 'fl' | 'sy' | 'ib', from: number): string[] {
  return kernel.others(from).map((cpu) => kernel.model.variable(`${kind}_${from}_${cpu}`, 0, cpu));
}

/** Whom native_flush_tlb_multi() interrupts. */
function isSent(kernel: Kernel, cpu: number, mm: number, wholeMask: boolean): string {
  const inMask = `mask_${mm}_${cpu} == 1`;
  if (wholeMask) return all(inMask, kernel.broken('lazy-skips-freed-tables') && `lazy_${cpu} == 0`);
  return all(inMask, `lazy_${cpu} == 0`, `mm_${cpu} == ${mm}`);
}

/**
 * flush_tlb_mm_range(): generation, requests, own caches, wait for the answers. `wholeMask`: freed_tables, so lazy CPUs
 * are interrupted too. `only`: over what one entry stands for, instead of everything.
 */
export function flush(
  t: Thread,
  mm: number,
  wholeMask: boolean,
  clears: readonly string[] = [],
  only: Link | null = null,
): void {
  const { kernel, cpu } = t;
  if (only) kernel.ranged.add(only.id);
  const extent = { mm, only };
  const request = asked(extent);
  const { flush: by } = kernel.setting;
  const others = kernel.others(cpu);
  const stale = others.map((o) => `stale_${mm}_${o} = 1`);
  const begin = (e: Emitter): void => {
    e.nextGen();
    e.emit(OP.FR, cpu, [e.names.mm(MM_NAMES[mm]!), ...range(e, extent), 12, wholeMask ? 1 : 0]);
  };
  const local = kernel.emptied(cpu, mm, only);
  const name = MM_NAMES[mm]!;
  const what = only ? `${name} where ${only.name} was` : name;
  if (by === 'invlpgb') {
    const pending = requests(kernel, 'ib', cpu);
    t.step({
      text: `flushes ${what} by INVLPGB`,
      set: [...local, ...pending.map((p) => `${p} = ${request}`), ...clears],
      ops: (e) => {
        begin(e);
        e.emit(OP.BCAST, cpu, [e.names.mm(name)]);
      },
    });
    t.step({
      text: 'TLBSYNC: all CPUs have done it',
      when: kernel.broken('no-tlbsync') ? '' : all(...pending.map((p) => `${p} == 0`)),
      ops: (e) => {
        if (!kernel.broken('no-tlbsync')) e.emit(OP.TLBSYNC, cpu, []);
        e.emit(OP.FD, cpu, []);
      },
    });
    return;
  }
  if (by === 'hypercall') {
    const remote = others.flatMap((o) => kernel.emptied(o, mm, only));
    t.step({
      text: `flushes ${what} by hypercall: all caches are empty, nobody was interrupted`,
      set: [...local, ...remote, ...clears],
      ops: (e, read) => {
        begin(e);
        for (const o of kernel.cpuIds)
          if (read(`mask_${mm}_${o}`) === 1) e.emit(OP.IOTLB, o, [e.names.mm(name)]);
        e.emit(OP.FD, cpu, []);
      },
    });
    return;
  }
  const sent = requests(kernel, 'fl', cpu);
  const last = others.at(-1);
  const skip = kernel.broken('skip-target') ? last : undefined;
  const targets = others.map((o) => (o === skip ? '0' : isSent(kernel, o, mm, wholeMask)));
  const noted = (o: number): string | false =>
    by === 'kvm' && kernel.model.has(`out_${o}`) && `out_${o} == 1`;
  t.step({
    text: `flushes ${what}${wholeMask ? ' (tables freed)' : ''}: ${by === 'kvm' ? 'interrupts the vCPUs that run, leaves a note to the others' : 'sends the interrupts'}`,
    set: [
      ...stale,
      ...others.flatMap((o, i) => {
        const out = noted(o);
        const to = targets[i]!;
        if (!out) return [`${sent[i]} = (${to} ? ${request} : 0)`];
        const note = kernel.broken('pv-flush-forgets-entry')
          ? []
          : [`note_${o} = (${all(to, out)} ? 1 : note_${o})`];
        return [...note, `${sent[i]} = (${all(to, `out_${o} == 0`)} ? ${request} : 0)`];
      }),
      ...clears,
    ],
    ops: (e, read) => {
      begin(e);
      const to = others.filter((o, i) => targets[i] !== '0' && holds(kernel, read, o, mm, wholeMask));
      const forgets = kernel.broken('pv-flush-forgets-entry');
      for (const o of to) {
        if (!forgets && noted(o) && read(`out_${o}`) === 1) e.emit(OP.IOTLB, o, [e.names.mm(name)]);
      }
      const ipis = to.filter((o) => !(noted(o) && read(`out_${o}`) === 1));
      if (ipis.length === 0) return;
      const mask = [cpu, ...ipis].reduce((bits, o) => bits + 2 ** o, 0);
      e.emit(OP.FMULTI, cpu, [mask, e.names.mm(name), ...range(e, extent), e.gen, 1]);
      for (const o of ipis) e.emit(OP.IS, cpu, [o, FUNC.flush_tlb_func, e.csd(`fl ${cpu} ${o}`)]);
    },
  });
  t.step(
    {
      text: 'empties its own caches',
      when: all(`mm_${cpu} == ${mm}`),
      set: local,
      ops: (e) => invalidates(e, cpu, extent, REASON.local),
    },
    { text: 'has another mm loaded: nothing to do here', when: `mm_${cpu} != ${mm}` },
  );
  t.step({
    text: 'the flush returns: all have answered',
    when: kernel.broken('no-wait') ? '' : all(...sent.map((s) => `${s} == 0`)),
    ops: (e) => e.emit(OP.FD, cpu, []),
  });
}

function holds(
  kernel: Kernel,
  read: (name: string) => number,
  cpu: number,
  mm: number,
  wholeMask: boolean,
): boolean {
  if (read(`mask_${mm}_${cpu}`) !== 1) return false;
  if (wholeMask) return !(kernel.broken('lazy-skips-freed-tables') && read(`lazy_${cpu}`) === 1);
  return read(`lazy_${cpu}`) === 0 && read(`mm_${cpu}`) === mm;
}

function invalidates(e: Emitter, cpu: number, extent: Extent, reason: number): void {
  e.emit(OP.INV, cpu, [0, e.names.mm(MM_NAMES[extent.mm]!), ...range(e, extent), e.gen]);
  e.emit(OP.TLBF, cpu, [-1, reason]);
}

/** tlb_remove_table_sync_one(): an interrupt to every other CPU, waited for. */
export function syncIpi(t: Thread): void {
  const { kernel, cpu } = t;
  if (kernel.broken('sync-ipi-left-out')) return;
  const sent = requests(kernel, 'sy', cpu);
  t.step({
    text: 'tlb_remove_table_sync_one(): interrupts all CPUs',
    set: sent.map((s) => `${s} = 1`),
    ops: (e) => {
      e.emit(OP.SYNC1, cpu, [1]);
      for (const o of kernel.others(cpu)) {
        e.emit(OP.IS, cpu, [o, FUNC.tlb_remove_table_smp_sync, e.csd(`sy ${cpu} ${o}`)]);
      }
    },
  });
  t.step({
    text: 'all have answered',
    when: all(...sent.map((s) => `${s} == 0`)),
    ops: (e) => e.emit(OP.SYNC1, cpu, [0]),
  });
}

/** The interrupt handlers of a CPU, and what INVLPGB does to it. Last: every thread has told whom it asks. */
export function handlers(kernel: Kernel, cpu: number): void {
  const { model } = kernel;
  const open = all(`irq_${cpu} == 0`, running(kernel, cpu));
  const actor = `irq ${cpu}`;
  const exits = (e: Emitter, key: string, func: number): void =>
    e.emit(OP.IX, cpu, [NAN, func, e.answered(key)]);
  for (const from of kernel.others(cpu)) {
    const [fl, sy, ib] = ['fl', 'sy', 'ib'].map((kind) => `${kind}_${from}_${cpu}`);
    for (const extent of extents(kernel)) {
      const { mm, only } = extent;
      const name = MM_NAMES[mm]!;
      if (model.has(fl!)) {
        const key = `fl ${from} ${cpu}`;
        const enters = (e: Emitter): void => e.emit(OP.IE, cpu, [NAN, FUNC.flush_tlb_func, e.csd(key)]);
        const request = all(`${fl} == ${asked(extent)}`, open);
        model.command({
          actor,
          cpu,
          at: -1,
          guard: all(request, `mm_${cpu} == ${mm}`, `lazy_${cpu} == 0`),
          set: [...kernel.emptied(cpu, mm, only), `${fl} = 0`],
          text: `answers CPU ${from}: its caches are empty`,
          ops: (e) => {
            enters(e);
            invalidates(e, cpu, extent, REASON.remote);
            exits(e, key, FUNC.flush_tlb_func);
          },
        });
        model.command({
          actor,
          cpu,
          at: -1,
          guard: all(request, `mm_${cpu} == ${mm}`, `lazy_${cpu} == 1`),
          set: [`mm_${cpu} = 0`, `lazy_${cpu} = 0`, `${fl} = 0`],
          text: `answers CPU ${from}: lazy, it leaves ${name} for init_mm`,
          ops: (e) => {
            enters(e);
            invalidates(e, cpu, { mm, only: null }, REASON.taskSwitch);
            e.emit(OP.CR3, cpu, [0]);
            e.emit(OP.LZ, cpu, [e.names.mm(name), 0]);
            exits(e, key, FUNC.flush_tlb_func);
          },
        });
        model.command({
          actor,
          cpu,
          at: -1,
          guard: all(request, `mm_${cpu} != ${mm}`),
          set: [`mask_${mm}_${cpu} = 0`, `${fl} = 0`],
          text: `answers CPU ${from}: ${name} is not loaded here`,
          ops: (e) => {
            enters(e);
            e.emit(OP.INV, cpu, [0, e.names.mm(name), 0, FLUSH_ALL, e.gen]);
            exits(e, key, FUNC.flush_tlb_func);
          },
        });
      }
      if (model.has(ib!)) {
        model.command({
          actor,
          cpu,
          at: -1,
          guard: `${ib} == ${asked(extent)}`,
          set: [...kernel.emptied(cpu, mm, only), `${ib} = 0`],
          text: `INVLPGB of CPU ${from} takes effect`,
          ops: null,
        });
      }
    }
    if (!model.has(sy!)) continue;
    model.command({
      actor,
      cpu,
      at: -1,
      guard: all(`${sy} == 1`, open),
      set: [`${sy} = 0`],
      text: `answers CPU ${from}'s sync`,
      ops: (e) => {
        e.emit(OP.IE, cpu, [NAN, FUNC.tlb_remove_table_smp_sync, e.csd(`sy ${from} ${cpu}`)]);
        exits(e, `sy ${from} ${cpu}`, FUNC.tlb_remove_table_smp_sync);
      },
    });
  }
}

/** The hypervisor takes the vCPU away, once, and gives it back: a note left meanwhile empties its caches first. */
export function vcpu(kernel: Kernel, cpu: number): void {
  const { model } = kernel;
  const out = model.variable(`out_${cpu}`, 0, cpu);
  const note = model.variable(`note_${cpu}`, 0, cpu);
  const actor = `hypervisor ${cpu}`;
  const base = { actor, cpu, at: -1, ops: null };
  model.command({
    ...base,
    guard: `${out} == 0 && ${note} == 0`,
    set: [`${out} = 1`],
    text: 'the hypervisor takes the vCPU away',
  });
  const emptied = Array.from({ length: MM_NAMES.length - 1 }, (_, m) => kernel.emptied(cpu, m + 1)).flat();
  model.command({
    ...base,
    guard: `${out} == 1 && ${note} == 1`,
    set: [...emptied, `${out} = 0`, `${note} = 2`],
    text: 'the vCPU comes back: the hypervisor has flushed it',
  });
  model.command({
    ...base,
    guard: `${out} == 1 && ${note} == 0`,
    set: [`${out} = 0`, `${note} = 2`],
    text: 'the vCPU comes back',
  });
}
