import { OP } from '../kernel/ops.js';
import { FLUSH_ALL } from './flush-reasons.js';
import type { Link } from './kernel.js';
import type { Thread } from './thread.js';

/** Value of `ld_N`, what other CPUs read as the CPU's loaded_mm: another, this one, or LOADED_MM_SWITCHING. */
export const LOADED = { other: 0, mm: 1, switching: 2 } as const;

export const SWITCH_IN = {
  name: 'switch-in',
  what: 'a CPU that leaves the mm, keeps its translations by PCID, and comes back step by step: loaded_mm, tlb_gen, CR3, loaded_mm',
  source: 'arch/x86/mm/tlb.c switch_mm_irqs_off(); commits fea4e317f9e7, 83b0177a6c48',
  hardware: true,
  switches: true,
} as const;

/**
 * switch_mm_irqs_off(), with interrupts off throughout. The store of LOADED_MM_SWITCHING may wait in the store buffer
 * until after tlb_gen has been read, if no barrier orders them.
 */
export function switchesIn(t: Thread, links: readonly Link[]): void {
  const { kernel, cpu } = t;
  const mm = links[0]!.mm;
  const ld = kernel.model.variable(`ld_${cpu}`, LOADED.mm, cpu);
  const behind = t.own('behind');
  const buffered = kernel.broken('switch-without-barrier');
  t.step({
    text: 'leaves A for another process; its translations stay',
    set: [`mm_${cpu} = 0`, `${ld} = ${LOADED.other}`],
    ops: (e) => e.emit(OP.CR3, cpu, [e.names.mm('other')]),
  });
  const mask = `mask_${mm}_${cpu}`;
  t.step(
    {
      text: buffered
        ? 'comes back: LOADED_MM_SWITCHING is in its store buffer'
        : 'comes back: loaded_mm is LOADED_MM_SWITCHING',
      when: `${mask} == 1`,
      set: [`irq_${cpu} = 1`, ...(buffered ? [] : [`${ld} = ${LOADED.switching}`])],
    },
    {
      // An atomic operation: what was stored before is seen before what is read after.
      text: 'comes back: loaded_mm is LOADED_MM_SWITCHING, its bit in mm_cpumask is set again',
      when: `${mask} == 0`,
      set: [`irq_${cpu} = 1`, `${ld} = ${LOADED.switching}`, `${mask} = 1`],
    },
  );
  t.step(
    { text: 'reads tlb_gen: nothing has changed', when: `stale_${mm}_${cpu} == 0`, set: [`${behind} = 0`] },
    { text: 'reads tlb_gen: it is behind', when: `stale_${mm}_${cpu} == 1`, set: [`${behind} = 1`] },
  );
  if (buffered)
    t.step({ text: 'LOADED_MM_SWITCHING leaves the store buffer', set: [`${ld} = ${LOADED.switching}`] });
  t.step(
    {
      text: 'loads CR3, keeping the translations',
      when: `${behind} == 0`,
      set: [`mm_${cpu} = ${mm}`],
      ops: (e) => e.emit(OP.CR3, cpu, [e.names.mm('A')]),
    },
    {
      text: 'loads CR3 and flushes',
      when: `${behind} == 1`,
      set: [...kernel.emptied(cpu, mm), `mm_${cpu} = ${mm}`],
      ops: (e) => {
        e.emit(OP.CR3, cpu, [e.names.mm('A')]);
        // The flush of a switch is no flush_tlb_func(): it answers nobody's generation.
        e.emit(OP.INV, cpu, [0, e.names.mm('A'), 0, FLUSH_ALL, 0, 0]);
        e.emit(OP.TLBF, cpu, [-1, 0]);
      },
    },
  );
  t.step({ text: 'loaded_mm is A; interrupts on', set: [`${ld} = ${LOADED.mm}`, `irq_${cpu} = 0`] });
}
