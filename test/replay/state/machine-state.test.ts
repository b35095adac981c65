import { describe, expect, it } from 'vitest';
import { newCpu, newTask } from '../../../src/replay/state/contexts.js';
import { newState } from '../../../src/replay/state/machine-state.js';
import { newMech, newMechPage } from '../../../src/replay/state/mech.js';
import { LIFE, newTable } from '../../../src/replay/state/table-life.js';

// What nothing has been seen of: no place (-1), no stamp and no owner (NaN), no step (0), nothing held.

const nothing = (object: object, except: readonly string[]): void => {
  for (const [key, value] of Object.entries(object)) {
    if (except.includes(key)) continue;
    if (/Ref$|^ref$|Cpu$|^emptied$|^ptlFreed$/.test(key)) expect(value, key).toBe(-1);
    else if (/Seq$|^seq$/.test(key) && !/^last/.test(key)) expect(value, key).toBe(0);
    else if (/Ts$/.test(key) && key !== 'lastTs') expect(value, key).toBeNaN();
    else if (typeof value === 'boolean') expect(value, key).toBe(false);
    else if (Array.isArray(value)) expect(value, key).toEqual([]);
    else if (value instanceof Map) expect(value.size, key).toBe(0);
  }
};

describe('nothing seen yet', () => {
  it('a machine', () => {
    const state = newState();
    nothing(state, ['gp', 'mech', 'walks']);
    expect(state.freedTables).toBe(0);
    expect(state.gp).toEqual({
      starts: 0,
      opening: false,
      seq: Number.NaN,
      startRef: -1,
      ended: 0,
      endedRef: -1,
      endedTs: Number.NaN,
      unshownEnd: 0,
      expedited: { starts: 0, running: false, ended: 0 },
    });
    nothing(state.walks, []);
    expect(state.walks.lookups).toBe(0);
  });

  it('a table', () => {
    const table = newTable(5, 2, 77);
    nothing(table, []);
    expect(table).toMatchObject({ key: 5, level: 2, mm: 77, life: LIFE.unseen, installer: Number.NaN });
    for (const key of ['flush', 'begun', 'leafFlush', 'sync', 'head'] as const) expect(table[key]).toBeNull();
  });

  it('a task', () => {
    const task = newTask(9);
    nothing(task, []);
    expect(task).toMatchObject({ key: 9, mm: Number.NaN, lastKind: 0, syscall: -1, exitSyscall: -1 });
    for (const key of ['gather', 'flush', 'sync', 'enqueue'] as const) expect(task[key]).toBeNull();
  });

  it('a CPU', () => {
    const cpu = newCpu(3);
    nothing(cpu, []);
    expect(cpu).toMatchObject({
      id: 3,
      handler: null,
      callback: null,
      callbackTask: Number.NaN,
      lastSeq: -1,
      lastTs: Number.NEGATIVE_INFINITY,
    });
  });

  it('facts and the pages they are about', () => {
    const mech = newMech();
    nothing(mech, ['sync', 'gp']);
    expect([mech.sync, mech.gp, mech.pgds]).toEqual([{ seq: 0, ref: -1 }, { seq: 0, ref: -1 }, 0]);
    const page = newMechPage(4);
    nothing(page, ['ul']);
    expect(page).toMatchObject({
      key: 4,
      level: 0,
      sharers: 0,
      ul: { seq: 0, ref: -1 },
      depositedOn: Number.NaN,
      readsOver: 0,
    });
  });
});
