import { FUNC, OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Emitter, HARDIRQ, TASK } from './emitter.js';
import { FLUSH_ALL, REASON } from './flush-reasons.js';
import { type Empties, type Extent, type Kernel, type Link, MM_NAMES } from './kernel.js';
import { LOADED } from './switch-in.js';
import type { Thread } from './thread.js';

/** Bytes that one entry stands for. */
const ENTRY_BYTES = 0x20_0000;

/** Number of what is asked: value of a request. */
export function asked(kernel: Kernel, { mm, only, empties }: Extent): number {
  const known = kernel.extents.findIndex((e) => e.mm === mm && e.only === only && e.empties === empties);
  return known >= 0 ? known + 1 : kernel.extents.push({ mm, only, empties });
}

/** Assignments that do on a CPU what is asked. */
export const emptied = (kernel: Kernel, cpu: number, { mm, only, empties }: Extent): string[] =>
  empties === 'nothing' ? [] : kernel.emptied(cpu, mm, only, empties === 'translations');

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

/** should_flush_tlb(): a CPU in the middle of a switch counts as one that has the mm. */
function shouldFlush(kernel: Kernel, cpu: number, mm: number): string {
  const ld = `ld_${cpu}`;
  if (!kernel.model.has(ld)) return `mm_${cpu} == ${mm}`;
  return kernel.broken('flush-ignores-switching')
    ? `${ld} == ${LOADED.mm}`
    : `(${ld} == ${LOADED.mm} || ${ld} == ${LOADED.switching})`;
}

/** Whom native_flush_tlb_multi() interrupts. */
function isSent(kernel: Kernel, cpu: number, mm: number, wholeMask: boolean): string {
  const inMask = `mask_${mm}_${cpu} == 1`;
  if (wholeMask) return all(inMask, kernel.broken('lazy-skips-freed-tables') && `lazy_${cpu} == 0`);
  return all(inMask, `lazy_${cpu} == 0`, shouldFlush(kernel, cpu, mm));
}

/** A flush that a thread begins, and what each way of carrying it out has to do. */
interface Flush {
  readonly mm: number;
  /** freed_tables: lazy CPUs are flushed too. */
  readonly wholeMask: boolean;
  readonly extent: Extent;
  /** Value of a request for it. */
  readonly request: number;
  /** What it is over, in words. */
  readonly what: string;
  /** Assignments that empty the sender's own caches. */
  readonly local: readonly string[];
  /** Assignments that go with the first step. */
  readonly clears: readonly string[];
  readonly raises: boolean;
  /** What the probe on its entry shows. */
  readonly begin: (e: Emitter) => void;
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
  empties: Empties = 'all',
): void {
  const { kernel, cpu } = t;
  const extent = { mm, only, empties };
  const name = MM_NAMES[mm]!;
  const raises = !kernel.broken('generation-not-raised');
  const f: Flush = {
    mm,
    wholeMask,
    extent,
    request: asked(kernel, extent),
    what: only ? `${name} where ${only.name} was` : name,
    local: emptied(kernel, cpu, extent),
    clears,
    raises,
    begin: (e) => {
      if (raises) e.nextGen(cpu);
      e.emit(OP.FR, cpu, [e.names.mm(name), ...range(e, extent), 12, wholeMask ? 1 : 0]);
    },
  };
  const { flush: by } = kernel.setting;
  if (by === 'invlpgb') byInvlpgb(t, f);
  else if (by === 'hypercall') byHypercall(t, f);
  else byInterrupts(t, f);
}

function byInvlpgb(t: Thread, f: Flush): void {
  const { kernel, cpu } = t;
  const pending = requests(kernel, 'ib', cpu);
  t.step({
    text: `flushes ${f.what} by INVLPGB`,
    set: [...f.local, ...pending.map((p) => `${p} = ${f.request}`), ...f.clears],
    ops: (e) => {
      f.begin(e);
      e.emit(OP.BCAST, cpu, [e.names.mm(MM_NAMES[f.mm]!)]);
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
}

function byHypercall(t: Thread, f: Flush): void {
  const { kernel, cpu } = t;
  const remote = kernel.others(cpu).flatMap((o) => emptied(kernel, o, f.extent));
  t.step({
    text: `flushes ${f.what} by hypercall: all caches are empty, nobody was interrupted`,
    set: [...f.local, ...remote, ...f.clears],
    ops: (e, read) => {
      f.begin(e);
      for (const o of kernel.cpuIds)
        if (read(`mask_${f.mm}_${o}`) === 1) e.emit(OP.IOTLB, o, [e.names.mm(MM_NAMES[f.mm]!)]);
      e.emit(OP.FD, cpu, []);
    },
  });
}

/** Interrupts; in a KVM guest a note instead to each vCPU that is away. */
function byInterrupts(t: Thread, f: Flush): void {
  const { kernel, cpu } = t;
  const sent = requests(kernel, 'fl', cpu);
  t.either('skip-target', (skips) => {
    sendInterrupts(t, f, sent, skips);
  });
  t.step(
    {
      text: 'empties its own caches',
      when: all(`mm_${cpu} == ${f.mm}`),
      set: f.local,
      ops: (e) => invalidates(e, cpu, f.extent, REASON.local, cpu),
    },
    { text: 'has another mm loaded: nothing to do here', when: `mm_${cpu} != ${f.mm}` },
  );
  t.step({
    text: 'the flush returns: all have answered',
    when: kernel.broken('no-wait') ? '' : all(...sent.map((s) => `${s} == 0`)),
    ops: (e) => e.emit(OP.FD, cpu, []),
  });
}

/** `skips`: the last CPU is left out. */
function sendInterrupts(t: Thread, f: Flush, sent: readonly string[], skips: boolean): void {
  const { kernel, cpu } = t;
  const { mm, wholeMask } = f;
  const { flush: by } = kernel.setting;
  const others = kernel.others(cpu);
  const skip = skips ? others.at(-1) : undefined;
  const targets = others.map((o) => (o === skip ? '0' : isSent(kernel, o, mm, wholeMask)));
  const noted = (o: number): string | false =>
    by === 'kvm' && kernel.model.has(`out_${o}`) && `out_${o} == 1`;
  const forgets = kernel.broken('pv-flush-forgets-entry');
  const stale = f.raises ? others.map((o) => `stale_${mm}_${o} = 1`) : [];
  t.step({
    text: `flushes ${f.what}${wholeMask ? ' (tables freed)' : ''}: ${by === 'kvm' ? 'interrupts the vCPUs that run, leaves a note to the others' : 'sends the interrupts'}`,
    set: [
      ...stale,
      ...others.flatMap((o, i) => {
        const out = noted(o);
        const to = targets[i]!;
        if (!out) return [`${sent[i]} = (${to} ? ${f.request} : 0)`];
        const note = forgets ? [] : [`note_${o} = (${all(to, out)} ? 1 : note_${o})`];
        return [...note, `${sent[i]} = (${all(to, `out_${o} == 0`)} ? ${f.request} : 0)`];
      }),
      ...f.clears,
    ],
    ops: (e, read) => {
      f.begin(e);
      const to = others.filter((o, i) => targets[i] !== '0' && holds(kernel, read, o, mm, wholeMask));
      const away = (o: number): boolean => noted(o) !== false && read(`out_${o}`) === 1;
      const name = e.names.mm(MM_NAMES[mm]!);
      if (!forgets) for (const o of to.filter(away)) e.emit(OP.IOTLB, o, [name]);
      // The probe prints mm_cpumask, in a KVM guest without the vCPUs that are away; who of them is sent is another thing.
      const masked = others.filter((o) => read(`mask_${mm}_${o}`) === 1 && !away(o));
      if (masked.length === 0) return;
      const own = read(`mask_${mm}_${cpu}`) === 1 ? [cpu] : [];
      const mask = [...own, ...masked].reduce((bits, o) => bits + 2 ** o, 0);
      e.emit(OP.FMULTI, cpu, [mask, name, ...range(e, f.extent), e.genOf(cpu), 1]);
      for (const o of to) {
        if (!away(o)) e.emit(OP.IS, cpu, [o, FUNC.flush_tlb_func, e.csd(`fl ${cpu} ${o}`)]);
      }
    },
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
  if (read(`lazy_${cpu}`) !== 0) return false;
  if (!kernel.model.has(`ld_${cpu}`)) return read(`mm_${cpu}`) === mm;
  const loaded = read(`ld_${cpu}`);
  return loaded === LOADED.mm || (loaded === LOADED.switching && !kernel.broken('flush-ignores-switching'));
}

/** `from`: whose flush it is. */
export function invalidates(e: Emitter, cpu: number, extent: Extent, reason: number, from: number): void {
  const flags = from === cpu ? TASK : HARDIRQ;
  if (extent.empties === 'nothing') return;
  const leaf = extent.empties === 'translations' ? [1] : [];
  e.emit(
    OP.INV,
    cpu,
    [0, e.names.mm(MM_NAMES[extent.mm]!), ...range(e, extent), e.genOf(from), ...leaf],
    flags,
  );
  e.emit(OP.TLBF, cpu, [-1, reason], flags);
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
