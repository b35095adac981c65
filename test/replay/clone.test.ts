import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Op } from '../../src/kernel/ops.js';
import { newPipeline, runPipeline } from '../../src/read/pipeline.js';
import type { Hooks } from '../../src/replay/hooks.js';
import { step } from '../../src/replay/machine.js';
import { cloneState, type MachineState, newState } from '../../src/replay/state/machine-state.js';
import { RESERVED } from '../../src/timeline/events.js';
import { replayFixtures } from './damage/fixtures.js';

/** Writes down every call: its name, and the plain values of what it is told. */
function recorder(log: string[]): Hooks {
  const plain = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    const entries = Object.entries(value as Record<string, unknown>);
    return `{${entries.map(([k, v]) => (typeof v === 'object' ? k : `${k}=${v}`)).join()}}`;
  };
  const calls = (prefix: string): unknown =>
    new Proxy(
      {},
      {
        get: (_, name) =>
          name === 'mech' || name === 'walks'
            ? calls(`${name}.`)
            : (...args: unknown[]) => log.push(`${prefix}${String(name)}(${args.map(plain).join('; ')})`),
      },
    );
  return calls('') as Hooks;
}

/** Every operation of a recording, in order, as `visit(op, index)`. */
async function operations(lines: readonly string[], visit: (op: Op, index: number) => void): Promise<void> {
  const op = new Op();
  let n = 0;
  const stdin = Readable.from([Buffer.from(`${lines.join('\n')}\n`)]);
  await runPipeline(newPipeline(), { paths: ['-'], stdin }, (decoder) => ({
    boundary: () => {},
    batch: (batch) => {
      for (let row = 0; row < batch.length; row++) {
        if (batch.event[row]! > RESERVED.bufferStart && decoder.decode(batch, row, op)) visit(op, n++);
      }
    },
  }));
}

describe('cloneState', () => {
  it.each(replayFixtures().filter((f) => /mt-munmap|slowpath/.test(f.name)))(
    '$name: a copy taken midway goes the same way',
    async ({ lines }) => {
      let total = 0;
      await operations(lines, () => total++);
      for (const part of [0.3, 0.7]) {
        const state = newState();
        let copy: MachineState | null = null;
        const logs: [string[], string[]] = [[], []];
        const [first, second] = [recorder(logs[0]), recorder(logs[1])];
        await operations(lines, (op, i) => {
          if (i === Math.floor(total * part)) {
            copy = cloneState(state);
            logs[0].length = 0;
          }
          step(state, op, first);
          if (copy) step(copy, op, second);
        });
        expect(logs[0].length).toBeGreaterThan(100);
        expect(logs[1]).toEqual(logs[0]);
        expect(copy).toEqual(state);
      }
    },
  );

  it('a copy is independent of the original', async () => {
    const [fixture] = replayFixtures();
    const state = newState();
    let copy: MachineState | null = null;
    let seq = 0;
    let tables = 0;
    await operations(fixture!.lines, (op, i) => {
      if (i === 500) {
        copy = cloneState(state);
        seq = copy.seq;
        tables = copy.tables.size;
      }
      step(state, op, recorder([]));
    });
    expect(copy!.seq).toBe(seq);
    expect(copy!.tables.size).toBe(tables);
    expect(state.seq).toBeGreaterThan(seq);
    for (const [key, table] of copy!.tables) expect(table).not.toBe(state.tables.get(key));
  });

  it('keeps what is shared shared: a head and its tables point to each other', async () => {
    const fixture = replayFixtures().find((f) => f.name.includes('lab-y/mt-munmap'))!;
    const state = newState();
    await operations(fixture.lines, (op) => step(state, op, recorder([])));
    const copy = cloneState(state);
    const held = [...copy.tables.values()].filter((t) => t.head);
    expect(held.length).toBeGreaterThan(0);
    expect(held.some((t) => t.head!.tables.includes(t))).toBe(true);
  });
});
