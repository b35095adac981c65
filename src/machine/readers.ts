import { OP, READER } from '../kernel/ops.js';
import { UsageError } from '../result/usage-error.js';
import { FLUSH_ALL } from './flush-reasons.js';
import { type Link, MM_NAMES } from './kernel.js';
import { readLockWay, readUnlockWay } from './locks.js';
import type { Freer } from './program.js';
import { READERS_BY_STEPS } from './programs/readers.js';
import { unlocked } from './rcu.js';
import { writeThread } from './steps/program.js';
import type { WrittenStep } from './steps/step.js';
import { SWITCH_IN, switchesIn } from './switch-in.js';
import { Label, Thread, type Way } from './thread.js';
import { walksPgdList } from './union.js';
import { derefs, installs, leaves, locksWalked, looks, rechecks, unlocksWalked } from './walk-steps.js';

/** Who walks the tables of an mm, and what protects the walk (kernel-semantics §2). */
export interface ReaderKind {
  readonly name: string;
  readonly what: string;
  /** Starts lazy: a kernel thread runs with the mm still in CR3. */
  readonly lazy?: true;
  /** Other CPUs look at its loaded_mm, step by step. */
  readonly switches?: true;
  /** The CPU's page walker takes part. */
  readonly hardware?: true;
  readonly source: string;
  readonly write: ((t: Thread, links: readonly Link[]) => void) | null;
  /** Instead of `write`: by verbs. */
  readonly steps?: readonly WrittenStep[];
}

/** get_user_pages_fast(): interrupts are off from before the first entry is read to the end. */
function gupFast(t: Thread, links: readonly Link[]): void {
  const { cpu } = t;
  const out = new Label();
  t.step({ text: 'GUP-fast: interrupts off', set: [`irq_${cpu} = 1`] });
  looks(t, links, READER.irqoff, out);
  derefs(t, links, READER.irqoff, 'GUP-fast');
  t.here(out);
  t.step({
    text: 'interrupts on',
    set: [`irq_${cpu} = 0`, `reg_${cpu} = 0`],
    ops: leaves(t, READER.irqoff, links),
  });
}

/** pte_offset_map(): rcu_read_lock() inside, mmap_lock for reading around it so that the VMA stays. */
function pteOffsetMap(t: Thread, links: readonly Link[], locked: boolean): void {
  const { kernel, cpu } = t;
  const { model } = kernel;
  const [out, end] = [new Label(), new Label()];
  t.step(readLockWay(t, 'mmap_lock'));
  model.variable('detached');
  t.step(
    { text: 'finds the VMA', when: 'detached == 0' },
    { text: 'finds no VMA', when: 'detached == 1', to: end },
  );
  t.step({ text: 'rcu_read_lock()', set: [`rcu_${cpu} = 1`] });
  looks(t, links, READER.rcu, out);
  if (!locked) derefs(t, links, READER.rcu, 'pte_offset_map()');
  else lockAndRecheck(t, links);
  t.here(out);
  t.step({
    text: 'rcu_read_unlock()',
    set: [...unlocked(kernel, cpu), `reg_${cpu} = 0`],
    ops: leaves(t, READER.rcu, links),
  });
  t.here(end);
  t.step(readUnlockWay(t, 'mmap_lock'));
}

/** pte_offset_map_lock(): the lock lies in the table's struct page; under it the entry is read again. */
function lockAndRecheck(t: Thread, links: readonly Link[]): void {
  const unlock = new Label();
  locksWalked(t, links, READER.rcu, 'pte_offset_map_lock()');
  if (!t.kernel.broken('walker-without-recheck')) rechecks(t, links, unlock);
  installs(t, links);
  t.here(unlock);
  unlocksWalked(t, links);
}

/** A kernel thread returns to the process whose mm the CPU still has, or has left meanwhile: switch_mm_irqs_off(). */
function returnsFromLazy(t: Thread, links: readonly Link[]): void {
  const { kernel, cpu } = t;
  const mm = links[0]!.mm;
  const name = MM_NAMES[mm]!;
  const back = [`lazy_${cpu} = 0`, `mask_${mm}_${cpu} = 1`, `mm_${cpu} = ${mm}`];
  const stale = kernel.broken('switch-in-without-catch-up') ? [] : kernel.emptied(cpu, mm);
  const unlazy: NonNullable<Way['ops']> = (e) => {
    e.emit(OP.CR3, cpu, [e.names.mm(name)]);
    e.emit(OP.LZ, cpu, [e.names.mm(name), 0]);
  };
  t.step(
    {
      text: `returns to ${name}: nothing has changed`,
      when: `stale_${mm}_${cpu} == 0`,
      set: back,
      ops: unlazy,
    },
    {
      text: `returns to ${name}: its generation has moved, so it flushes`,
      when: `stale_${mm}_${cpu} == 1`,
      set: [...back, ...stale],
      ops: (e, read) => {
        unlazy(e, read);
        if (kernel.broken('switch-in-without-catch-up')) return;
        // The flush of a switch is no flush_tlb_func(): it answers nobody's generation.
        e.emit(OP.INV, cpu, [0, e.names.mm(name), 0, FLUSH_ALL, 0, 0]);
        e.emit(OP.TLBF, cpu, [-1, 0]);
      },
    },
  );
}

/** Written by verbs. */
const WRITTEN_READERS: readonly ReaderKind[] = READERS_BY_STEPS.map((r) => ({ ...r, write: null }));

export const READERS: readonly ReaderKind[] = [
  {
    name: 'gup-fast',
    what: 'get_user_pages_fast(): interrupts off, no lock',
    source: 'mm/gup.c gup_fast_fallback()',
    write: gupFast,
  },
  {
    name: 'pte-offset-map',
    what: 'pte_offset_map() under rcu_read_lock() and mmap_lock for reading; no page-table lock',
    source: 'mm/pgtable-generic.c ___pte_offset_map()',
    write: (t, links) => pteOffsetMap(t, links, false),
  },
  {
    name: 'pte-offset-map-lock',
    what: 'pte_offset_map_lock(): the same, takes the page-table lock and reads the entry again under it',
    source: 'mm/pgtable-generic.c pte_offset_map_lock()',
    write: (t, links) => pteOffsetMap(t, links, true),
  },
  {
    name: 'hardware',
    what: 'the page walker of a CPU that runs the process, speculation included',
    source: 'Intel SDM vol. 3A §4.10; AMD APM vol. 2 §5.5',
    hardware: true,
    write: null,
  },
  {
    name: 'lazy',
    what: 'a kernel thread with the mm still in CR3: its page walker may speculate; later it returns to the process',
    source: 'arch/x86/mm/tlb.c enter_lazy_tlb(), switch_mm_irqs_off()',
    hardware: true,
    lazy: true,
    write: returnsFromLazy,
  },
  {
    name: 'pgd-list',
    what: 'a walk over all PGDs under pgd_lock',
    source: 'arch/x86/mm/init_64.c sync_global_pgds()',
    write: walksPgdList,
  },
  { ...SWITCH_IN, write: switchesIn },
  ...WRITTEN_READERS,
];

export function readerKind(name: string): ReaderKind {
  const kind = READERS.find((r) => r.name === name);
  if (!kind) {
    throw new UsageError(`there is no reader ${name}; known: ${READERS.map((r) => r.name).join(', ')}`);
  }
  return kind;
}

/** A thread of this kind on the CPU, over the tables of these links. */
export function reader(freer: Freer, cpu: number, kind: ReaderKind, links: readonly Link[]): void {
  const { kernel } = freer;
  if (kind.steps) {
    writeThread({ name: kind.name, mm: 1, walker: false, steps: kind.steps }, 0, cpu, freer);
    return;
  }
  if (!kind.write) {
    kernel.model.roles[cpu] = kind.name;
    return;
  }
  const t = new Thread(kernel, cpu, kind.name);
  kind.write(t, links);
  t.end();
}
