import { describe, expect, it } from 'vitest';
import { OP, Op } from '../../src/kernel/ops.js';
import { newTask } from '../../src/replay/state/contexts.js';
import { newState } from '../../src/replay/state/machine-state.js';
import { newTable } from '../../src/replay/state/table-life.js';
import { subjectMm } from '../../src/replay/subject.js';

const [TASK_MM, TABLE_MM] = [1000, 2000];

function subject(kind: number, over: Partial<Op> = {}): number {
  const state = newState();
  const task = newTask(7);
  task.mm = TASK_MM;
  state.tasks.set(7, task);
  const zero = newTask(0);
  zero.mm = 555;
  state.tasks.set(0, zero);
  const table = newTable(42, 1, TABLE_MM);
  state.tables.set(42, table);
  const head = { tables: [table] } as never;
  state.headsByAddr.set(60, head);
  state.headsByRhp.set(61, head);
  state.headsByAddr.set(62, { tables: [] } as never);
  return subjectMm(state, Object.assign(new Op(), { kind, pid: 7, a0: 11, a1: 12 }, over));
}

describe('the mm an operation is about', () => {
  it.each(['GB', 'GE', 'FMMU', 'TR', 'APP', 'PVOP', 'FMULTI', 'INV'] as const)(
    '%s says it second',
    (kind) => {
      expect(subject(OP[kind])).toBe(12);
    },
  );

  it.each(['UL', 'PUB', 'PTEA', 'PMDA', 'FR', 'DEFER', 'EXITMM'] as const)('%s says it first', (kind) => {
    expect(subject(OP[kind])).toBe(11);
  });

  it.each(['FREE', 'ALLOC'] as const)('%s: that of the table, else of the task', (kind) => {
    expect(subject(OP[kind], { a0: 42 })).toBe(TABLE_MM);
    expect(subject(OP[kind], { a0: 43 })).toBe(TASK_MM);
  });

  it('a callback: that of its first table', () => {
    expect(subject(OP.CB, { a0: 60 })).toBe(TABLE_MM);
    expect(subject(OP.RI, { a0: 61 })).toBe(TABLE_MM);
    expect(subject(OP.CB, { a0: 61 })).toBeNaN();
    expect(subject(OP.RI, { a0: 60 })).toBeNaN();
    expect(subject(OP.CB, { a0: 62 })).toBeNaN();
  });

  it('anything else: that of the task, which the idle task and unknown ones do not have', () => {
    expect(subject(OP.SE)).toBe(TASK_MM);
    for (const pid of [0, -1, 8]) expect(subject(OP.SE, { pid }), `${pid}`).toBeNaN();
  });
});
