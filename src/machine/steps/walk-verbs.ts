import { OP } from '../../kernel/ops.js';
import { all } from '../command.js';
import type { Way } from '../thread.js';
import { derefs, installs, looks, rechecks } from '../walk-steps.js';
import type { Verb } from './verb.js';
import { Nonsense } from './writer.js';

/** Steps of software that walks the tables. */
export const WALK_VERBS: readonly Verb[] = [
  {
    name: 'walk',
    args: '[ENTRY]',
    what: 'reads the entry, of any table without ENTRY, and keeps where it leads; none: goes where the innermost section ends. It rests on interrupts off, else RCU, else preemption off, else a lock, and ends with that',
    source: 'mm/gup.c gup_fast_pmd_range(); mm/pgtable-generic.c ___pte_offset_map()',
    write: (w, [entry]) => {
      if (w.walk) throw new Nonsense('a walk is going on already');
      const links = entry === undefined ? w.kernel.links.filter((l) => l.mm === w.mm) : [w.entry(entry)];
      const rests = w.protection();
      looks(w.t, links, rests.kind, w.out, rests.lock);
      w.walk = { links, ...rests };
    },
  },
  {
    name: 'read',
    args: '',
    what: 'reads the table that the walk has reached',
    source: 'mm/gup.c gup_fast_pte_range()',
    write: (w) => {
      const { links, kind } = w.walked();
      derefs(w.t, links, kind, w.who);
    },
  },
  {
    name: 'recheck',
    args: '',
    what: 'reads the entry again: changed, it goes where the innermost section ends',
    source: 'mm/pgtable-generic.c pte_offset_map_lock(), pmd_same()',
    write: (w) => rechecks(w.t, w.walked().links, w.out),
  },
  {
    name: 'set-entry',
    args: '',
    what: 'sets an entry of the table: it must be linked',
    source: 'mm/memory.c set_pte_range()',
    write: (w) => installs(w.t, w.walked().links),
  },
  {
    name: 'pin',
    args: 'recheck|blind',
    what: 'keeps what it found through the table; recheck: only if the entry, read again after that, is the same',
    source: 'mm/gup.c gup_fast_pte_range(); commit 70cbc3cc78a9',
    write: (w, [how]) => {
      if (how !== 'recheck' && how !== 'blind') throw new Nonsense(`recheck or blind, not ${how}`);
      const { links } = w.walked();
      const { t, kernel } = w;
      const reg = t.own('reg');
      t.step(
        ...links.flatMap((link): Way[] => {
          const name = kernel.name(link);
          const mine = `${reg} == ${link.id + 1}`;
          const pins: NonNullable<Way['ops']> = (e) =>
            e.emit(OP.PIN, t.cpu, [e.names.page(name), how === 'recheck' ? 1 : 0]);
          const bad = kernel.model.wrong(
            'pin',
            `${w.who} keeps what it found through ${name}, which was unlinked before`,
          );
          return [
            {
              text: `keeps what it found through ${name}`,
              when: all(mine, `ent_${link.id} == 1`),
              ops: pins,
            },
            how === 'recheck'
              ? {
                  text: `lets go of what it found through ${name}: the entry has changed`,
                  when: all(mine, `ent_${link.id} == 0`),
                }
              : {
                  text: `keeps what it found through ${name}, which is unlinked`,
                  when: all(mine, `ent_${link.id} == 0`),
                  set: [`bad = ${bad}`],
                  ops: pins,
                },
          ];
        }),
      );
    },
  },
];
