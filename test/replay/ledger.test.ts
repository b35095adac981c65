import { describe, expect, it } from 'vitest';
import { ALL_VARIANTS, maskOf } from '../../src/kernel/variants.js';
import { Ledger } from '../../src/replay/ledger.js';
import { KNOWN, type Violation } from '../../src/replay/tally.js';

const violation = (over: Partial<Violation> = {}): Violation => ({
  message: 'm',
  known: KNOWN.observed,
  events: [{ ref: 7, role: 'free' }],
  ...over,
});
const passes = (ledger: Ledger, id: number) => [...ledger.tally(id).pass].reduce((a, b) => a + b, 0);

describe('Ledger', () => {
  it('counts passes by how they are known, and takes one back', () => {
    const ledger = new Ledger();
    ledger.pass(9, KNOWN.observed);
    ledger.pass(9, KNOWN.inferred);
    ledger.revoke(9, KNOWN.inferred);
    ledger.revoke(9, KNOWN.inferred);
    expect([...ledger.tally(9).pass]).toEqual([1, 0, 0, 0, 0]);
  });

  it('takes passes back that rest on what was not seen, when it may have been there', () => {
    const ledger = new Ledger();
    for (const at of [10, 20, 30]) {
      ledger.now = at;
      ledger.passUnseen(40, KNOWN.absence, at);
      ledger.passUnseen(37, KNOWN.inferred, at);
    }
    ledger.pass(40, KNOWN.absence);
    ledger.seenAfterAll(37, 10, 'why');
    expect([passes(ledger, 37), ledger.tally(37).unknown]).toEqual([1, 2]);
    ledger.lost(20, 'lost');
    expect([passes(ledger, 40), ledger.tally(40).unknown]).toEqual([3, 1]);
    expect([...ledger.tally(40).unknowns]).toEqual([['lost', { count: 1, example: 30 }]]);
    ledger.blind('blind');
    expect([passes(ledger, 40), ledger.tally(40).unknown]).toEqual([1, 3]);
    expect(passes(ledger, 37)).toBe(0);
    ledger.hidden = true;
    ledger.passUnseen(40, KNOWN.absence, 1);
    ledger.blind('blind');
    expect([passes(ledger, 40), ledger.tally(40).unknown]).toEqual([1, 3]);
  });

  it('doubts what rests on lines whose order is not known, but not what is certain all the same', () => {
    const ledger = new Ledger();
    const on = (ref: number, certain: boolean) =>
      violation({ message: `${ref}`, certain, events: [{ ref, role: 'free' }] });
    for (const one of [on(7, false), on(8, false), on(7, true)]) ledger.violated(2, one);
    ledger.unordered((lines) => lines.includes(7), 'why');
    const { violated, violations, unknowns } = ledger.tally(2);
    expect([violated, violations.map((v) => [v.message, v.certain])]).toEqual([
      2,
      [
        ['8', false],
        ['7', true],
      ],
    ]);
    expect([...unknowns]).toEqual([['why', { count: 1, example: 7 }]]);
  });

  it('keeps the first violations and counts all', () => {
    const ledger = new Ledger(2);
    for (let i = 0; i < 5; i++) ledger.violated(1, violation({ message: `${i}` }));
    expect(ledger.tally(1).violated).toBe(5);
    expect(ledger.tally(1).violations.map((c) => c.message)).toEqual(['0', '1']);
  });

  it('groups unknowns by reason, with the first example', () => {
    const ledger = new Ledger();
    ledger.unknown(2, 'why', 10);
    ledger.unknown(2, 'why', 20);
    ledger.unknown(2, 'other', -1);
    expect([...ledger.tally(2).unknowns]).toEqual([
      ['why', { count: 2, example: 10 }],
      ['other', { count: 1, example: -1 }],
    ]);
  });

  it('counts what is outside the filter and judges none of it', () => {
    const ledger = new Ledger();
    ledger.hidden = true;
    ledger.pass(1, KNOWN.observed);
    ledger.violated(1, violation());
    ledger.masked(1, maskOf('C'), maskOf('D'), KNOWN.observed, violation);
    ledger.hidden = false;
    ledger.resolve(maskOf('C'));
    expect(ledger.tally(1)).toMatchObject({ violated: 0, unknown: 0, outside: 3 });
    expect(passes(ledger, 1)).toBe(0);
  });

  it.each([
    ['violated under every candidate', maskOf('A2', 'B'), { violated: 2, pass: 0, unknown: 0 }],
    ['passing under every candidate', maskOf('C'), { violated: 0, pass: 2, unknown: 0 }],
    ['violated under some only', maskOf('A2', 'C'), { violated: 0, pass: 0, unknown: 2 }],
    ['a candidate the rule says nothing of', maskOf('C', 'F'), { violated: 0, pass: 0, unknown: 2 }],
    ['all kernels', ALL_VARIANTS, { violated: 0, pass: 0, unknown: 2 }],
    ['no kernel at all', 0, { violated: 0, pass: 0, unknown: 2 }],
  ])('settles a rule that differs between kernels: %s', (_, candidates, want) => {
    const ledger = new Ledger();
    for (let i = 0; i < 2; i++)
      ledger.masked(7, maskOf('A2', 'B'), maskOf('C', 'D'), KNOWN.observed, violation);
    ledger.resolve(candidates);
    const { violated, unknown } = ledger.tally(7);
    expect({ violated, pass: passes(ledger, 7), unknown }).toEqual(want);
    expect(ledger.tally(7).violations.length).toBe(want.violated);
  });

  it('resolves once: a second time changes nothing', () => {
    const ledger = new Ledger();
    ledger.masked(7, maskOf('C'), maskOf('D'), KNOWN.observed, violation);
    ledger.resolve(maskOf('C'));
    ledger.resolve(maskOf('D'));
    expect(ledger.tally(7).violated).toBe(1);
    expect(passes(ledger, 7)).toBe(0);
  });

  it('without some CPUs, keeps only the violations that need none of them', () => {
    const ledger = new Ledger();
    ledger.violated(38, violation({ assumesAllCpus: true }));
    ledger.violated(38, violation({ message: 'sure' }));
    ledger.blind('only 1 of 4 CPUs');
    expect(ledger.tally(38)).toMatchObject({ violated: 1, unknown: 1 });
    expect(ledger.tally(38).violations.map((c) => c.message)).toEqual(['sure']);
    expect(ledger.tally(38).unknowns.get('only 1 of 4 CPUs')).toEqual({ count: 1, example: 7 });
  });

  it('a loss that began before a violation was found makes it unknown, unless it rests on the quoted lines alone', () => {
    const ledger = new Ledger();
    const found = (at: number, over: Partial<Violation> = {}) => {
      ledger.now = at;
      ledger.violated(12, violation({ events: [{ ref: at, role: 'x' }], ...over }));
    };
    found(50);
    found(150, { assumesAllCpus: true });
    found(160);
    found(170, { certain: true });
    ledger.now = 180;
    ledger.lost(100, 'lost');
    expect(ledger.tally(12)).toMatchObject({ violated: 2, unknown: 2 });
    expect(ledger.tally(12).violations.map((c) => c.events[0]!.ref)).toEqual([50, 170]);
    expect(ledger.tally(12).unknowns.get('lost')).toMatchObject({ count: 2 });
    // Nothing is taken back twice.
    ledger.lost(100, 'lost');
    expect(ledger.tally(12)).toMatchObject({ violated: 2, unknown: 2 });
  });

  it('takes back every violation in doubt, also those whose witnesses are not kept', () => {
    for (const doubt of [(l: Ledger) => l.blind('some CPUs'), (l: Ledger) => l.lost(0, 'lost')]) {
      const ledger = new Ledger(3);
      for (let i = 1; i <= 20; i++) {
        ledger.now = i;
        ledger.violated(11, violation({ assumesAllCpus: i % 2 === 0, certain: i % 2 === 1 }));
      }
      doubt(ledger);
      expect(ledger.tally(11)).toMatchObject({ violated: 10, unknown: 10 });
      expect(ledger.tally(11).violations.every((c) => !c.assumesAllCpus)).toBe(true);
    }
  });

  it('takes back instances that depend on the variant, too', () => {
    const ledger = new Ledger(1);
    for (let i = 1; i <= 4; i++) {
      ledger.now = i * 10;
      ledger.masked(7, maskOf('A2'), maskOf('C'), KNOWN.absence, violation);
    }
    ledger.lost(25, 'lost');
    ledger.resolve(maskOf('A2'));
    expect(ledger.tally(7)).toMatchObject({ violated: 2, unknown: 2 });
  });

  it('counts however many there are, in bounded memory: joined in time, never too few taken back', () => {
    const ledger = new Ledger();
    const n = 50_000;
    for (let i = 1; i <= n; i++) {
      ledger.now = i;
      ledger.violated(11, violation());
    }
    ledger.lost(n / 2, 'lost');
    const { violated, unknown } = ledger.tally(11);
    expect(violated + unknown).toBe(n);
    expect(unknown).toBeGreaterThanOrEqual(n / 2);
    expect(unknown).toBeLessThan(n * 0.51);
    ledger.lost(-1, 'lost');
    expect(ledger.tally(11)).toMatchObject({ violated: 0, unknown: n });
  });

  it('knows whether a moment lies in a gap that was told of later', () => {
    const ledger = new Ledger();
    ledger.now = 200;
    ledger.lost(100, 'lost');
    expect([50, 100, 101, 199, 200, 201].map((at) => ledger.gapAround(at))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
    ledger.now = 400;
    ledger.lost(390, 'lost');
    expect([50, 150, 250, 395].map((at) => ledger.gapAround(at))).toEqual([false, true, false, true]);
  });

  it('many losses: the oldest are joined, so that a gap may only grow', () => {
    const ledger = new Ledger();
    for (let i = 1; i <= 10_000; i++) {
      ledger.now = i * 10;
      ledger.lost(i * 10 - 2, 'lost');
    }
    expect(ledger.gapAround(99_999)).toBe(true);
    expect(ledger.gapAround(99_995)).toBe(false);
    expect(ledger.gapAround(15)).toBe(true);
  });
});
