import { describe, expect, it } from 'vitest';
import { OP } from '../../../src/kernel/ops.js';
import { TaskOrder } from '../../../src/replay/doubts/task-order.js';
import { FLAG } from '../../../src/timeline/flags.js';

const at = (event: number) => ({ event, seq: event, ref: event });
const TASK = FLAG.known;

describe('switches of a CPU', () => {
  it('fit: each is from the task switched to before', () => {
    const order = new TaskOrder();
    expect(order.switches(0, 0, 7, at(0), at(1))).toBeNull();
    expect(order.switches(0, 7, 0, at(1), at(2))).toBeNull();
  });

  it('do not: from where the last event was', () => {
    const order = new TaskOrder();
    order.shows(0, 7, OP.SE, TASK, at(0));
    order.switches(0, 7, 0, at(0), at(1));
    expect(order.switches(0, 7, 0, at(2), at(3))).toBeNull();
    expect(order.switches(0, 7, 9, at(4), at(5))).toEqual({ from: at(4), shown: false });
  });

  it('what the old task does in the switch is its own, what it does behind it is another', () => {
    const after = (kind: number, flags: number) => {
      const order = new TaskOrder();
      order.switches(0, 9, 7, at(0), at(1));
      order.switches(0, 7, 0, at(1), at(2));
      order.shows(0, 7, kind, flags, at(2));
      return order.switches(0, 7, 9, at(5), at(6))?.from;
    };
    expect(after(OP.TLBF, TASK | FLAG.irqsOff)).toEqual(at(5));
    expect(after(OP.SE, TASK)).toEqual(at(2));
  });

  it('of tasks that were picked out leave the others quiet', () => {
    const order = new TaskOrder();
    for (let i = 0; i < 4; i++) {
      order.switches(0, 0, 7, at(4 * i), at(4 * i + 1));
      order.shows(0, 7, OP.SE, TASK, at(4 * i + 1));
      order.switches(0, 7, 0, at(4 * i + 2), at(4 * i + 3));
    }
    expect(order.left().map((w) => [w.from.event, w.to.event])).toEqual([
      [3, 5],
      [7, 9],
      [11, 13],
    ]);
    order.shows(0, 0, OP.CB, TASK | FLAG.softirq, at(16));
    expect(order.left()).toEqual([]);
  });

  it('a moment that moves on is not what was kept of it', () => {
    const order = new TaskOrder();
    const moving = { event: 1, seq: 1, ref: 1 };
    order.switches(0, 9, 7, moving, moving);
    order.switches(0, 7, 0, moving, moving);
    order.shows(0, 7, OP.SE, TASK, moving);
    moving.event = 8;
    expect(order.switches(0, 7, 9, moving, moving)?.from).toEqual(at(1));
  });
});
