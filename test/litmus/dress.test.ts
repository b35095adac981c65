import { describe, expect, it } from 'vitest';
import { programOf } from '../../src/litmus/program.js';
import { violatedIn } from '../../src/litmus/suite.js';
import type { LitmusOrder, LitmusTest } from '../../src/litmus/test.js';
import { toFtrace } from '../../src/litmus/to-ftrace.js';
import { inTurn } from '../replay/support/in-turn.js';
import { partOf } from '../support/part.js';
import { random } from './support/disguise.js';
import { DRESSES, dressed, type LogLine, readLog, writeLog } from './support/dress.js';
import { ownOrders, ownTests } from './support/files.js';

// The logs of the litmus suite as somebody else's kernel would have written them: no verdict may change.

const NAMES = Object.keys(DRESSES);
const SEEDS = partOf(4, 1);
const logOf = (test: LitmusTest, order: LitmusOrder): string => toFtrace(programOf(test, order));

const said = new Map<LitmusOrder, string[]>();

/** What is said of an order's own log. */
async function ownVerdict(log: string, order: LitmusOrder): Promise<string[]> {
  const known = said.get(order) ?? (await violatedIn(log, order.variants));
  said.set(order, known);
  return known;
}

async function changed(log: string, order: LitmusOrder, other: string): Promise<string> {
  const [want, got] = [await ownVerdict(log, order), await violatedIn(other, order.variants)];
  return want.join() === got.join() ? '' : `violated ${want.join() || 'none'}, then ${got.join() || 'none'}`;
}

const ORDERS = ownOrders();

describe('litmus logs of other kernels', () => {
  it.each(NAMES)('%s', async (name) => {
    const wrong: string[] = [];
    // One order in four, others in the next dress; all of them in the whole run.
    const turn = NAMES.indexOf(name);
    for (const [test, order] of ORDERS.filter((_, i) => (i + turn) % partOf(1, 4) === 0)) {
      for (let seed = 0; seed < SEEDS; seed++) {
        const log = logOf(test, order);
        const said = await changed(log, order, dressed(log, [name], seed * 977 + 13));
        if (said) wrong.push(`${test.id} ${order.name} seed ${seed}: ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('all sorts of it together', async () => {
    const wrong: string[] = [];
    for (const [test, order] of ORDERS) {
      for (let seed = 0; seed < partOf(8, 1); seed++) {
        const r = random(seed * 31 + test.id.length);
        const names = NAMES.filter(() => r() < 0.5);
        const log = logOf(test, order);
        const said = await changed(log, order, dressed(log, names, seed * 977 + 13));
        if (said) wrong.push(`${test.id} ${order.name} seed ${seed} (${names}): ${said}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('a log that goes on', () => {
  /** What the first order leaves behind changes what the second means: locks held, tables not released. */
  const LEAVES = ['L08', 'L32', 'L34'];

  it('the same process again, right or wrong: each order says what it says alone', async () => {
    const wrong: string[] = [];
    for (const test of inTurn(
      ownTests().filter((t) => !LEAVES.includes(t.id)),
      2,
      0,
    )) {
      const variants = [...new Set(test.orders.flatMap((o) => o.variants))];
      const logs = new Map(test.orders.map((order) => [order, readLog(logOf(test, order))]));
      const alone = new Map<LitmusOrder, string[]>();
      for (const [order, log] of logs) alone.set(order, await violatedIn(writeLog(log), variants));
      for (const first of test.orders) {
        for (const second of test.orders) {
          const [a, b] = [logs.get(first)!, logs.get(second)!];
          const gap = a.at(-1)!.us - b[0]!.us + 50;
          const later = b.map((line): LogLine => ({ ...line, us: line.us + gap }));
          const got = await violatedIn(writeLog([...a, ...later]), variants);
          const want = [...new Set([...alone.get(first)!, ...alone.get(second)!])].sort();
          if (want.join() !== got.join())
            wrong.push(`${test.id} ${first.name}, ${second.name}: ${want} but ${got}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('two logs of the tool in one file are two captures', async () => {
    const orders = ownOrders();
    const r = random(5);
    for (let n = 0; n < 40; n++) {
      const [[ta, oa], [tb, ob]] = [
        orders[Math.floor(r() * orders.length)]!,
        orders[Math.floor(r() * orders.length)]!,
      ];
      if (oa.variants.length > 0 && ob.variants.length > 0 && oa.variants.join() !== ob.variants.join())
        continue;
      const variants = oa.variants.length > 0 ? oa.variants : ob.variants;
      const [a, b] = [logOf(ta, oa), logOf(tb, ob)];
      const alone = [...(await violatedIn(a, variants)), ...(await violatedIn(b, variants))];
      expect(await violatedIn(a + b, variants), `${ta.id} ${oa.name} + ${tb.id} ${ob.name}`).toEqual(
        [...new Set(alone)].sort(),
      );
    }
  });
});
