import { all } from '../command.js';
import { downgradeWay, lockWay, readLockWay, readUnlockWay, unlockWay } from '../locks.js';
import { unlocked } from '../rcu.js';
import { leaves, locksWalked, unlocksWalked } from '../walk-steps.js';
import type { Verb } from './verb.js';
import { Nonsense, type Section, type StepWriter } from './writer.js';

/** Locks that are spinlocks by their name, as in litmus tests. */
const SPIN = /^(?:ptl|pte|pmd|pud|spin|pgd)/;
const NAME = /^[a-z][a-z0-9_]*$/;

/** `ptl:T0` is the split lock of a table, any other name is free. */
function lockName(w: StepWriter, name: string): string {
  const ptl = /^ptl:(.+)$/.exec(name);
  if (ptl) return `ptl_${w.entry(ptl[1]!).table}`;
  if (NAME.test(name) && !name.startsWith('ptl')) return name;
  throw new Nonsense(`${name} is no name of a lock: small letters, digits and _; ptl:T0 is that of a table`);
}

const isSpin = (name: string): boolean => SPIN.test(name);
/** Dropping one spinlock leaves preemption off where another is held. */
const spins = (w: StepWriter, name: string): { spin: boolean } => ({
  spin: isSpin(name) && w.open.filter((s) => s.kind === 'walked-lock' || isSpin(s.name)).length <= 1,
});
/** rcu_read_lock() and preemption off count as one for grace periods. */
const leavesRcu = (w: StepWriter, other: Section['kind']): string[] =>
  w.open.some((s) => s.kind === other) ? [] : unlocked(w.kernel, w.t.cpu);

/** The walk that rested on a section ends with it. */
function endsWalk(
  w: StepWriter,
  section: Section,
): { set: string[]; ops: ReturnType<typeof leaves> | undefined } {
  const { walk } = w;
  if (walk?.under !== section) return { set: [], ops: undefined };
  w.walk = null;
  return { set: [`${w.t.own('reg')} = 0`], ops: leaves(w.t, walk.kind, walk.links) };
}

function closesPlain(
  w: StepWriter,
  name: string,
  way: ReturnType<typeof unlockWay>,
  kind: Section['kind'],
): void {
  const ended = endsWalk(w, w.closes(name, kind));
  w.step({
    ...way,
    set: [...(way.set ?? []), ...ended.set],
    ops: (e, read) => {
      ended.ops?.(e, read);
      way.ops?.(e, read);
    },
  });
}

/** Goes on only while the entry is set (1) or none (0). */
const ifEntry = (name: string, is: 0 | 1, what: string): Verb => ({
  name,
  args: 'ENTRY',
  what,
  source: 'include/linux/pgtable.h pmd_none()',
  write: (w, [entry]) => {
    const link = w.entry(entry!);
    const words = ['none', 'set'];
    w.step(
      { text: `the entry of ${link.name} is ${words[is]}`, when: `ent_${link.id} == ${is}` },
      {
        text: `the entry of ${link.name} is ${words[1 - is]}`,
        when: `ent_${link.id} == ${1 - is}`,
        to: w.out,
      },
    );
  },
});

export const LOCK_VERBS: readonly Verb[] = [
  {
    name: 'lock',
    args: 'LOCK',
    what: 'takes a lock alone; ptl:T0 is the split lock of T0’s table, ptl that of the table walked to, which lies in its struct page',
    source: 'include/linux/mmap_lock.h; include/linux/mm.h pte_lockptr()',
    write: (w, [name]) => {
      if (name === 'ptl') {
        const { links, kind } = w.walked();
        w.opens('ptl', 'walked-lock');
        locksWalked(w.t, links, kind, w.who);
        return;
      }
      const lock = lockName(w, name!);
      w.opens(lock, 'lock');
      w.step(lockWay(w.t, lock, { spin: isSpin(lock) }));
    },
  },
  {
    name: 'unlock',
    args: 'LOCK',
    what: 'drops it; what found nothing to do since then goes on here',
    source: 'include/linux/mmap_lock.h mmap_write_unlock(); kernel/locking/spinlock.c',
    write: (w, [name]) => {
      if (name === 'ptl') {
        w.closes('ptl', 'walked-lock');
        unlocksWalked(w.t, w.walked().links);
        return;
      }
      const lock = lockName(w, name!);
      closesPlain(w, lock, unlockWay(w.t, lock, spins(w, lock)), 'lock');
    },
  },
  {
    name: 'hand-over',
    args: 'LOCK ENTRY',
    what: 'drops it, and with it the last hold on what was mapped by the entry: who takes the lock next may free that',
    source: 'mm/mremap.c move_ptes(); commit eb66ae030829',
    write: (w, [name, entry]) => {
      const lock = lockName(w, name!);
      const link = w.entry(entry!);
      const way = unlockWay(w.t, lock, { ...spins(w, lock), gone: link });
      closesPlain(w, lock, way, 'lock');
    },
  },
  {
    name: 'read-lock',
    args: 'LOCK',
    what: 'takes it together with other readers',
    source: 'include/linux/mmap_lock.h mmap_read_lock()',
    write: (w, [name]) => {
      const lock = lockName(w, name!);
      w.opens(lock, 'read-lock');
      w.step(readLockWay(w.t, lock));
    },
  },
  {
    name: 'read-unlock',
    args: 'LOCK',
    what: 'drops it',
    source: 'include/linux/mmap_lock.h mmap_read_unlock()',
    write: (w, [name]) => {
      const lock = lockName(w, name!);
      closesPlain(w, lock, readUnlockWay(w.t, lock), 'read-lock');
    },
  },
  {
    name: 'downgrade',
    args: 'LOCK',
    what: 'keeps it for reading only',
    source: 'include/linux/mmap_lock.h mmap_write_downgrade()',
    write: (w, [name]) => {
      const lock = lockName(w, name!);
      const at = w.open.findIndex((s) => s.name === lock && s.kind === 'lock');
      const held = w.open[at];
      if (!held) throw new Nonsense(`${lock} is not held`);
      if (held.awaited) throw new Nonsense(`a step before this goes on where ${lock} is dropped`);
      if (w.walk?.under === held) throw new Nonsense('a walk rests on it');
      w.open[at] = { ...held, kind: 'read-lock' };
      w.step(downgradeWay(w.t, lock, []));
    },
  },
  {
    name: 'irq-off',
    args: '',
    what: 'interrupts off on this CPU: no request is answered, no quiescent state reported',
    source: 'mm/gup.c gup_fast(); kernel/rcu/tree.c since 4.20',
    write: (w) => {
      w.opens('irq', 'irq');
      w.step({ text: 'interrupts off', set: [`irq_${w.t.cpu} = 1`] });
    },
  },
  {
    name: 'irq-on',
    args: '',
    what: 'interrupts on',
    source: 'mm/gup.c gup_fast()',
    write: (w) => {
      const ended = endsWalk(w, w.closes('irq', 'irq'));
      w.step({ text: 'interrupts on', set: [`irq_${w.t.cpu} = 0`, ...ended.set], ops: ended.ops });
    },
  },
  {
    name: 'rcu-read-lock',
    args: '',
    what: 'begins a section that grace periods wait for',
    source: 'include/linux/rcupdate.h; mm/pgtable-generic.c ___pte_offset_map()',
    write: (w) => {
      w.opens('rcu', 'rcu');
      w.step({ text: 'rcu_read_lock()', set: [`rcu_${w.t.cpu} = 1`] });
    },
  },
  {
    name: 'rcu-read-unlock',
    args: '',
    what: 'ends it',
    source: 'include/linux/rcupdate.h; include/linux/pgtable.h pte_unmap()',
    write: (w) => {
      const ended = endsWalk(w, w.closes('rcu', 'rcu'));
      w.step({
        text: 'rcu_read_unlock()',
        set: [...leavesRcu(w, 'preempt'), ...ended.set],
        ops: ended.ops,
      });
    },
  },
  {
    name: 'preempt-off',
    args: '',
    what: 'preemption off: a reader of RCU since 4.20 that answers interrupts',
    source: 'Documentation/RCU/Design/Requirements, Scheduling-Clock Interrupts and RCU',
    write: (w) => {
      w.opens('preempt', 'preempt');
      w.step({ text: 'preemption off', set: [`rcu_${w.t.cpu} = 1`, `${w.t.own('spin')} = 1`] });
    },
  },
  {
    name: 'preempt-on',
    args: '',
    what: 'preemption on',
    source: 'Documentation/RCU/Design/Requirements',
    write: (w) => {
      const ended = endsWalk(w, w.closes('preempt', 'preempt'));
      w.step({
        text: 'preemption on',
        set: [...leavesRcu(w, 'rcu'), `${w.t.own('spin')} = 0`, ...ended.set],
        ops: ended.ops,
      });
    },
  },
  {
    name: 'need',
    args: 'LOCK',
    what: 'what follows is only correct under this lock: the invariants are told so',
    source: 'Documentation/mm/process_addrs.rst; commit 8d3c106e19e8',
    write: (w, [name]) => {
      w.needs.push(lockName(w, name!));
    },
  },
  ifEntry('if-linked', 1, 'goes on only while the entry is set; else where the innermost section ends'),
  ifEntry('if-none', 0, 'goes on only while the entry is none'),
  {
    name: 'if-page',
    args: 'ENTRY',
    what: 'goes on only while the entry leads to its table and that maps its page',
    source: 'mm/memory.c zap_pte_range()',
    write: (w, [entry]) => {
      const { id, table, name } = w.paged(entry!);
      w.step(
        { text: `finds the page through ${name}`, when: all(`ent_${id} == 1`, `leaf_${table} == 1`) },
        { text: `finds no page through ${name}`, when: `(ent_${id} == 0 || leaf_${table} == 0)`, to: w.out },
      );
    },
  },
];
