import {
  again,
  by,
  change,
  freed,
  insertAfter,
  insertBefore,
  moveAfter,
  moveBefore,
  type Step,
  step,
  without,
} from '../support/story.js';
import type { NearCase } from './cases.js';
import { BATCH, of, singleRcu, singleSync } from './paths.js';
import { among, expedited, framePfn, irq, RUNNING, rcu, softirq, task, write } from './steps.js';

/** Batches, tables alone, callbacks and grace periods. */

const semi = (odd: readonly Step[]): string =>
  write([
    ...RUNNING,
    ...singleSync(1),
    ...rcu({ n: 2 }),
    ...odd,
    ...singleSync(4),
    ...rcu({ n: 5 }),
    ...singleSync(6),
  ]);

export const CALLBACKS: readonly NearCase[] = [
  // callbacks
  { name: 'batch of four', text: of(rcu({ n: 3, tables: 4 })) },
  {
    name: 'batch of four, one left behind',
    text: of(without(rcu({ n: 3, tables: 4 }), 'free2')),
    wrong: BATCH,
  },
  {
    name: 'batch of four, one released twice',
    text: of(again(rcu({ n: 3, tables: 4 }), 'free2')),
    wrong: BATCH,
  },
  {
    name: 'batch of four, its own page left behind',
    text: of(without(rcu({ n: 3, tables: 4 }), 'batch-free')),
    wrong: ['I08'],
  },
  { name: 'batch of four in another order', text: of(moveAfter(rcu({ n: 3, tables: 4 }), 'free0', 'free3')) },
  {
    name: 'released before its callback',
    text: of(moveBefore(rcu({ n: 3 }), 'free0', 'frame-free')),
    wrong: BATCH,
  },
  {
    name: 'callback says one table less',
    text: of(change(rcu({ n: 3, tables: 4 }), 'callback', 'nr=4', 'nr=3')),
    wrong: [...BATCH, 'I39'],
  },
  {
    name: 'queued before the flush',
    text: of(moveBefore(rcu({ n: 3 }), 'enqueue', 'request')),
    wrong: ['I09'],
  },
  {
    name: 'queued within the flush',
    text: of(moveBefore(rcu({ n: 3 }), 'enqueue', 'flushed')),
    wrong: ['I09'],
  },
  {
    name: 'queued twice',
    text: of(insertAfter(rcu({ n: 3 }), 'frame-free', ...rcu({ n: 3 }).filter((s) => s.label === 'enqueue'))),
    wrong: ['I11'],
  },
  {
    name: 'callback twice',
    text: of([
      ...rcu({ n: 3 }),
      ...rcu({ n: 3 }).filter((s) => s.label === 'callback' || s.label === 'called'),
    ]),
    wrong: ['I38', 'I12'],
  },
  {
    name: 'an interrupt releases other pages in the callback',
    text: of(insertBefore(rcu({ n: 3, tables: 4 }), 'free1', step('other', irq(0), freed(framePfn(70))))),
  },
  {
    name: 'callback on another CPU',
    text: of(
      ['callback', 'free0', 'batch-free', 'called'].reduce((s, l) => by(s, l, softirq(1)), rcu({ n: 3 })),
    ),
  },
  { name: 'table alone', text: write([...among(rcu, singleRcu(3)), ...singleRcu(6), ...rcu({ n: 7 })]) },
  {
    name: 'table alone, queued before its flush',
    text: write([
      ...RUNNING,
      ...singleRcu(1),
      ...rcu({ n: 2 }),
      ...moveBefore(singleRcu(3), 'enqueue', 'request'),
      ...singleRcu(4),
      ...rcu({ n: 5 }),
    ]),
    wrong: ['I07', 'I09'],
  },
  {
    name: 'table alone, released by its task',
    text: write([
      ...RUNNING,
      ...singleRcu(1),
      ...rcu({ n: 2 }),
      ...by(moveBefore(singleRcu(3), 'free0', 'finished'), 'free0', task(0)),
      ...singleRcu(4),
      ...rcu({ n: 5 }),
    ]),
    wrong: ['I04', 'I07', 'I12', 'I38'],
  },
  { name: 'table alone in a PV guest', text: semi(singleSync(3)) },
  {
    name: 'table alone in a PV guest, return of the flush not shown',
    text: semi(without(singleSync(3), 'flushed')),
  },
  {
    name: 'table alone in a PV guest, not all CPUs asked',
    text: semi(singleSync(3).filter((s) => !s.label.startsWith('sync'))),
    wrong: ['I07'],
  },
  {
    name: 'table alone in a PV guest, released before the answer',
    text: semi(moveBefore(singleSync(3), 'free0', 'sync-out2')),
    wrong: ['I07'],
    // By less than the shortest IPI takes.
    undecided: /clock error|lost/,
  },
  // grace periods
  {
    name: 'callback without a grace period',
    text: of(without(rcu({ n: 3 }), 'gp-start', 'gp-end')),
    wrong: ['I36'],
    kernel: '6.12',
  },
  {
    name: 'callback within its grace period',
    text: of(moveAfter(rcu({ n: 3 }), 'gp-end', 'called')),
    wrong: ['I36'],
    kernel: '6.12',
  },
  {
    name: 'expedited grace period, 7.3',
    text: of(
      [...insertAfter(without(rcu({ n: 3 }), 'gp-end'), 'gp-start', ...expedited(3))].filter(
        (s) => s.label !== 'gp-start',
      ),
    ),
    kernel: '7.3',
  },
  {
    name: 'expedited grace period, 6.12',
    text: of(insertBefore(without(rcu({ n: 3 }), 'gp-start', 'gp-end'), 'callback', ...expedited(3))),
    wrong: ['I36'],
    kernel: '6.12',
  },
  {
    name: 'expedited grace period, release not known',
    text: of(insertBefore(without(rcu({ n: 3 }), 'gp-start', 'gp-end'), 'callback', ...expedited(3))).replace(
      /info=0x\w+ /g,
      '',
    ),
    wrong: ['I36'],
    undecided: /expedited|release|grace/,
  },
];
