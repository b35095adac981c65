import { FUNC, OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Emitter, HARDIRQ } from './emitter.js';
import { FLUSH_ALL, REASON } from './flush-reasons.js';
import { type Extent, type Kernel, MM_NAMES } from './kernel.js';
import { asked, emptied, invalidates } from './shootdown.js';

const NAN = Number.NaN;
const running = (kernel: Kernel, cpu: number): string | false =>
  kernel.model.has(`out_${cpu}`) && `out_${cpu} == 0`;

/**
 * The interrupt handlers of a CPU, and what INVLPGB does to it. Last: every thread has told whom it asks. `senders`: CPUs
 * that ask anybody.
 */
export function handlers(kernel: Kernel, cpu: number, senders: readonly number[] = kernel.others(cpu)): void {
  const { model } = kernel;
  for (const from of senders) {
    for (const extent of kernel.extents) {
      if (model.has(`fl_${from}_${cpu}`)) flushHandler(kernel, cpu, from, extent);
      if (model.has(`ib_${from}_${cpu}`)) broadcastArrives(kernel, cpu, from, extent);
    }
    if (model.has(`sy_${from}_${cpu}`)) syncHandler(kernel, cpu, from);
  }
}

/** When the handlers of a CPU can run: interrupts are on, and it is not taken away. */
const open = (kernel: Kernel, cpu: number): string => all(`irq_${cpu} == 0`, running(kernel, cpu));

const exits = (e: Emitter, cpu: number, key: string, func: number): void =>
  e.emit(OP.IX, cpu, [NAN, func, e.answered(key)], HARDIRQ);

/** flush_tlb_func(): with the mm loaded, lazy on it, or with another one. */
function flushHandler(kernel: Kernel, cpu: number, from: number, extent: Extent): void {
  const { model } = kernel;
  const { mm } = extent;
  const name = MM_NAMES[mm]!;
  const fl = `fl_${from}_${cpu}`;
  const key = `fl ${from} ${cpu}`;
  const enters = (e: Emitter): void => e.emit(OP.IE, cpu, [NAN, FUNC.flush_tlb_func, e.csd(key)], HARDIRQ);
  const request = all(`${fl} == ${asked(kernel, extent)}`, open(kernel, cpu));
  const base = { actor: `irq ${cpu}`, cpu, at: -1 };
  model.command({
    ...base,
    guard: all(request, `mm_${cpu} == ${mm}`, `lazy_${cpu} == 0`),
    set: [...emptied(kernel, cpu, extent), `${fl} = 0`],
    text: `answers CPU ${from}: its caches are empty`,
    ops: (e) => {
      enters(e);
      invalidates(e, cpu, extent, REASON.remote, from);
      exits(e, cpu, key, FUNC.flush_tlb_func);
    },
  });
  model.command({
    ...base,
    guard: all(request, `mm_${cpu} == ${mm}`, `lazy_${cpu} == 1`),
    set: [`mm_${cpu} = 0`, `lazy_${cpu} = 0`, `${fl} = 0`],
    text: `answers CPU ${from}: lazy, it leaves ${name} for init_mm`,
    ops: (e) => {
      enters(e);
      invalidates(e, cpu, { mm, only: null, empties: 'all' }, REASON.taskSwitch, from);
      e.emit(OP.CR3, cpu, [0], HARDIRQ);
      e.emit(OP.LZ, cpu, [e.names.mm(name), 0], HARDIRQ);
      exits(e, cpu, key, FUNC.flush_tlb_func);
    },
  });
  model.command({
    ...base,
    guard: all(request, `mm_${cpu} != ${mm}`),
    set: [`mask_${mm}_${cpu} = 0`, `${fl} = 0`],
    text: `answers CPU ${from}: ${name} is not loaded here`,
    ops: (e) => {
      enters(e);
      e.emit(OP.INV, cpu, [0, e.names.mm(name), 0, FLUSH_ALL, e.genOf(from)], HARDIRQ);
      exits(e, cpu, key, FUNC.flush_tlb_func);
    },
  });
}

/** No interrupt: the CPU obeys at any time. */
function broadcastArrives(kernel: Kernel, cpu: number, from: number, extent: Extent): void {
  const ib = `ib_${from}_${cpu}`;
  kernel.model.command({
    actor: `irq ${cpu}`,
    cpu,
    at: -1,
    guard: `${ib} == ${asked(kernel, extent)}`,
    set: [...emptied(kernel, cpu, extent), `${ib} = 0`],
    text: `INVLPGB of CPU ${from} takes effect`,
    ops: null,
  });
}

/** tlb_remove_table_smp_sync(): that it ran is all it does. */
function syncHandler(kernel: Kernel, cpu: number, from: number): void {
  const sy = `sy_${from}_${cpu}`;
  const key = `sy ${from} ${cpu}`;
  kernel.model.command({
    actor: `irq ${cpu}`,
    cpu,
    at: -1,
    guard: all(`${sy} == 1`, open(kernel, cpu)),
    set: [`${sy} = 0`],
    text: `answers CPU ${from}'s sync`,
    ops: (e) => {
      e.emit(OP.IE, cpu, [NAN, FUNC.tlb_remove_table_smp_sync, e.csd(key)], HARDIRQ);
      exits(e, cpu, key, FUNC.tlb_remove_table_smp_sync);
    },
  });
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
