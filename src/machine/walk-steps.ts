import { OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Link, MM_NAMES } from './kernel.js';
import type { Label, Thread, Way } from './thread.js';

const NAN = Number.NaN;
/** How a table can be gone, in the order of `FREED`. */
const GONE = ['freed directly', 'freed by its RCU callback', 'used for something else'] as const;

/** The walker reads an entry: one way for each table that it may walk to, and `none` where it is cleared. */
export function looks(
  t: Thread,
  links: readonly Link[],
  kind: number,
  none: Label,
  lock: string | null = null,
): void {
  const { kernel, cpu } = t;
  const reg = t.own('reg');
  t.step(
    ...links.flatMap((link): Way[] => [
      {
        text: `reads the entry: ${kernel.name(link)}`,
        when: `ent_${link.id} == 1`,
        set: [`${reg} = ${link.id + 1}`],
        ops: (e) => {
          const page = e.names.page(kernel.name(link));
          e.emit(OP.RB, cpu, [
            kind,
            page,
            e.names.mm(MM_NAMES[link.mm]!),
            lock ? e.funcs.idOfName(lock) : NAN,
          ]);
        },
      },
      { text: `reads the entry of ${kernel.name(link)}: none`, when: `ent_${link.id} == 0`, to: none },
    ]),
  );
}

/** It reads the table that it found. */
export function derefs(t: Thread, links: readonly Link[], kind: number, who: string): void {
  each(t, links, kind, who, () => [{ text: 'reads' }]);
}

/** One step that depends on the table found; using one that is gone ends the world. */
export function each(
  t: Thread,
  links: readonly Link[],
  kind: number,
  who: string,
  ways: (link: Link) => readonly Way[],
): void {
  const { kernel, cpu } = t;
  const reg = t.own('reg');
  const steps: Way[] = [];
  for (const link of links) {
    const mine = `${reg} == ${link.id + 1}`;
    const dr: NonNullable<Way['ops']> = (e) => e.emit(OP.DR, cpu, [kind, e.names.page(kernel.name(link))]);
    for (const way of ways(link)) {
      steps.push({
        ...way,
        text: `${way.text} ${kernel.name(link)}`,
        when: all(mine, `freed_${link.table} == 0`, way.when),
        ops: (e, read) => {
          dr(e, read);
          way.ops?.(e, read);
        },
      });
    }
    steps.push(...gone(t, link, mine, kind, who, dr));
  }
  t.step(...steps);
}

function gone(
  t: Thread,
  link: Link,
  mine: string,
  kind: number,
  who: string,
  dr: NonNullable<Way['ops']>,
): Way[] {
  const { kernel } = t;
  const name = kernel.name(link);
  return GONE.map((how, i) => ({
    text: `${who} reads ${name}, which was ${how}`,
    when: all(mine, `freed_${link.table} == ${i + 1}`),
    set: [`bad = ${kernel.model.wrong(`reader ${kind}`, `${who} reads ${name}, which was ${how}`)}`],
    ops: dr,
  }));
}

/** The walker lets go of the table it has. */
export const leaves =
  (t: Thread, kind: number, links: readonly Link[]): NonNullable<Way['ops']> =>
  (e, read) => {
    const link = links.find((l) => l.id + 1 === read(`reg_${t.cpu}`));
    if (link) e.emit(OP.RE, t.cpu, [kind, e.names.page(t.kernel.name(link))]);
  };

const lockOf = (link: Link): string => `lkw_ptl_${link.table}`;
const walksTo = (t: Thread, link: Link): string => `${t.own('reg')} == ${link.id + 1}`;

/** It takes the lock that lies in the struct page of the table it has: pte_offset_map_lock(). */
export function locksWalked(t: Thread, links: readonly Link[], kind: number, who: string): void {
  const { kernel, cpu } = t;
  const { model } = kernel;
  const spin = t.own('spin');
  for (const link of links) {
    model.variable(`lk_ptl_${link.table}`);
    model.variable(`lkw_ptl_${link.table}`);
    model.variable(`ptlfree_${link.table}`);
  }
  each(t, links, kind, who, (link) => {
    const name = kernel.name(link);
    const dead = model.wrong('lock', `the split lock of ${name} is taken after it was destroyed`);
    return [
      {
        text: 'takes the lock of',
        when: all(`ptlfree_${link.table} == 0`, `${lockOf(link)} == 0`),
        set: [`${lockOf(link)} = 1`, `${spin} = 1`],
        ops: (e) => e.emit(OP.PTL, cpu, [e.names.page(name), 1]),
      },
      {
        text: 'takes the destroyed lock of',
        when: `ptlfree_${link.table} == 1`,
        set: [`bad = ${dead}`],
        ops: (e) => e.emit(OP.PTL, cpu, [e.names.page(name), 1]),
      },
    ];
  });
}

/** It reads the entry again; where that has changed it goes to `changed`. */
export function rechecks(t: Thread, links: readonly Link[], changed: Label): void {
  t.step(
    ...links.flatMap((link): Way[] => [
      {
        text: `reads the entry again: still ${t.kernel.name(link)}`,
        when: all(walksTo(t, link), `ent_${link.id} == 1`),
      },
      {
        text: 'reads the entry again: it has changed',
        when: all(walksTo(t, link), `ent_${link.id} == 0`),
        to: changed,
      },
    ]),
  );
}

/** It sets an entry of the table it has. */
export function installs(t: Thread, links: readonly Link[]): void {
  const { model } = t.kernel;
  t.step(
    ...links.flatMap((link): Way[] => {
      const name = t.kernel.name(link);
      const bad = model.wrong('install', `an entry is set in ${name} after it was unlinked`);
      return [
        {
          text: `sets an entry of ${name}`,
          when: all(walksTo(t, link), `ent_${link.id} == 1`),
          set: [`${model.variable(`used_${link.table}`)} = 1`],
          ops: setsEntry(t, link),
        },
        {
          text: `sets an entry of ${name}, which is unlinked`,
          when: all(walksTo(t, link), `ent_${link.id} == 0`),
          set: [`bad = ${bad}`],
          ops: setsEntry(t, link),
        },
      ];
    }),
  );
}

/** It drops the lock of the table it has. */
export function unlocksWalked(t: Thread, links: readonly Link[]): void {
  const spin = t.own('spin');
  t.step(
    ...links.map(
      (link): Way => ({
        text: `drops the lock of ${t.kernel.name(link)}`,
        when: walksTo(t, link),
        set: [`${lockOf(link)} = 0`, `${spin} = 0`],
      }),
    ),
  );
}

const setsEntry =
  (t: Thread, link: Link): NonNullable<Way['ops']> =>
  (e) =>
    e.emit(OP.SETE, t.cpu, [
      e.names.page(t.kernel.name(link)),
      e.names.va(`${t.kernel.va(link)}'`),
      e.names.page('new page'),
    ]);
