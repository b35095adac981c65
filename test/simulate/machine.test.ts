import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { VARIANTS, type Variant } from '../../src/kernel/variants.js';
import { Gather } from '../../src/machine/gather.js';
import { Kernel } from '../../src/machine/kernel.js';
import { MMU_RULES } from '../../src/machine/rules.js';
import { brokenBy, SIM_BUGS } from '../../src/simulate/bugs.js';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';

// One source of truth: a change of a variant's row, or of a step of the machine, is a change of the log.

const SLOW: PartialWorkload = { munmaps: 6, pressure: 1, seed: 21 };
const log = (parts: PartialWorkload): string => [...simulate(completeWorkload(parts))].join('');
/** Without the header. */
const body = (text: string): string => text.slice(text.lastIndexOf('#'));

afterEach(() => {
  vi.restoreAllMocks();
});

/** With another row for the variant, while it lasts. */
function withRow<T>(id: string, change: Partial<Variant>, run: () => T): T {
  const i = VARIANTS.findIndex((v) => v.id === id);
  const rows = VARIANTS as Variant[];
  const old = rows[i]!;
  rows[i] = { ...old, ...change };
  try {
    return run();
  } finally {
    rows[i] = old;
  }
}

async function violated(text: string): Promise<string[]> {
  const result = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
  return result.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id);
}

/** The first of each kind of line, in the order of the log. */
function order(text: string, names: readonly string[]): string[] {
  const at = names.map((name) => [name, text.indexOf(` ${name}: `)] as const);
  return at
    .filter(([, i]) => i >= 0)
    .sort((a, b) => a[1] - b[1])
    .map(([name]) => name);
}

describe('a log follows', () => {
  it("the variant's row", () => {
    const asB = withRow('C', { singlePath: ['flush', 'sync-ipi', 'call-rcu'] }, () =>
      log({ ...SLOW, variant: 'C' }),
    );
    expect(body(asB)).toBe(body(log({ ...SLOW, variant: 'B' })));
    expect(body(asB)).not.toBe(body(log({ ...SLOW, variant: 'C' })));
  });

  it('the steps of the gather', async () => {
    const names = ['flush_tlb_mm_range', 'call_rcu'];
    const right = log({ munmaps: 1, tables: 2, variant: 'C' });
    expect(order(right, names)).toEqual(names);
    // tlb_table_flush() that forgets to invalidate first.
    vi.spyOn(Gather.prototype, 'finish').mockImplementation(function (this: Gather) {
      this.handOver();
      this.invalidate('batch-without-flush');
      this.freePages();
    });
    const wrong = log({ munmaps: 20, tables: 2, variant: 'C' });
    expect(order(wrong, names)).toEqual([...names].reverse());
    expect(await violated(wrong)).toContain('I09');
  });

  it('what may end a grace period', () => {
    const READERS: PartialWorkload = {
      munmaps: 12,
      readers: { gup: 1, rcu: 0, holdUs: 90_000, pauseUs: 1 },
      rcu: { gracePeriodMs: 1 },
      variant: 'C',
    };
    const until = (text: string): number => {
      const stamp = (what: RegExp): number => Number(/ ([0-9.]+):/.exec(what.exec(text)![0])![1]);
      return stamp(/.*rcu_preempt 101 end/) - stamp(/.*rcu_preempt 101 start/);
    };
    expect(until(log(READERS))).toBeGreaterThan(0.01);
    const { broken } = Kernel.prototype;
    vi.spyOn(Kernel.prototype, 'broken').mockImplementation(function (this: Kernel, rule: string) {
      return rule === 'gp-ignores-irqs-off' || broken.call(this, rule);
    });
    expect(until(log(READERS))).toBeLessThan(0.0011);
  });

  it('whom a flush waits for', () => {
    const { broken } = Kernel.prototype;
    vi.spyOn(Kernel.prototype, 'broken').mockImplementation(function (this: Kernel, rule: string) {
      return rule === 'no-wait' || broken.call(this, rule);
    });
    const asBroken = log({ ...SLOW, variant: 'C' });
    vi.restoreAllMocks();
    expect(body(asBroken)).toBe(
      body([...simulate(completeWorkload({ ...SLOW, variant: 'C' }), 'no-wait')].join('')),
    );
    expect(body(asBroken)).not.toBe(body(log({ ...SLOW, variant: 'C' })));
  });
});

it('each bug breaks rules that the machine has', () => {
  const known = new Set(MMU_RULES.map((r) => r.name));
  for (const bug of SIM_BUGS) {
    const { broken, sometimes } = brokenBy(bug);
    expect(broken.size + sometimes.size).toBeGreaterThan(0);
    for (const rule of [...broken, ...sometimes]) expect(known, rule).toContain(rule);
  }
  expect(brokenBy(null)).toEqual({ broken: new Set(), sometimes: new Set() });
});
