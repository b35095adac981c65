import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLitmus } from '../../src/litmus/parse.js';
import { runOrder } from '../../src/litmus/run.js';
import { partOf } from '../support/part.js';

/**
 * The rules on caches and readers, written once more in the plainest way: sets of (CPU, thing) and nothing else.
 * Random programs must get the same verdict from both.
 */
function oracle(steps: readonly string[]): Set<string> {
  const broken = new Set<string>();
  const walks = new Set<string>();
  const tlb = new Set<string>();
  const readers = new Map<string, boolean>();
  const finished: string[] = [];
  let linked = true;
  let entry = true;
  let tableThere = true;
  let frameThere = true;
  for (const [at, text] of steps.entries()) {
    const [cpu, op, , ...rest] = text.split(' ');
    if (op === 'walk') {
      const through = (linked || walks.has(cpu!)) && tableThere;
      if (through) {
        walks.add(cpu!);
        if (entry && frameThere) tlb.add(cpu!);
      }
    } else if (op === 'inval') {
      tlb.delete(cpu!);
      if (rest[0] !== 'leaf') walks.delete(cpu!);
    } else if (op === 'clr') entry = false;
    else if (op === 'unlink') {
      linked = false;
      for (const key of readers.keys()) readers.set(key, true);
    } else if (op === 'ret' && tlb.size > 0 && !(linked && entry && frameThere && tableThere))
      broken.add('I29');
    else if (op === 'rd') readers.set(cpu!, !linked);
    else if (op === 'rdend') readers.delete(cpu!);
    else if (op === 'freeframe') {
      if (tlb.size > 0) broken.add('I02');
      tlb.clear();
      frameThere = false;
    } else if (op === 'freetable') {
      if (walks.size > 0) broken.add('I03');
      if (linked) broken.add('I01');
      // A section that began before the unlink and ends after the release.
      for (const [key] of readers) {
        const began = steps.findLastIndex((s, i) => i < at && s === `${key} rd T`);
        const unlinked = steps.findIndex((s) => s.includes('unlink'));
        const ends = steps.some((s, i) => i > at && s === `${key} rdend T`);
        if ((unlinked < 0 || unlinked > at || began < unlinked) && ends) broken.add('I05');
      }
      walks.clear();
      tableThere = false;
      finished.push(text);
    }
  }
  return broken;
}

/** Abstract step → litmus step. */
const written = (step: string): string => {
  const [cpu, op, , ...rest] = step.split(' ');
  const body: Record<string, string> = {
    walk: 'walk A v',
    inval: `inval A ${rest[0] ?? ''}`,
    clr: 'clr T v',
    unlink: 'unlink A v',
    ret: 'ret A v',
    rd: 'rd irqoff T',
    rdend: 'rdend T',
    freeframe: 'free F',
    freetable: 'free T',
  };
  return ` ${cpu} ${body[op!]}`;
};

/** Things happen once, walkers end what they began, and nothing happens to a table that is gone. */
function tidy(steps: readonly string[]): string[] {
  const once = new Set<string>();
  const open = new Set<string>();
  const out: string[] = [];
  let gone = false;
  for (const step of steps) {
    const [cpu, op] = step.split(' ');
    if (['clr', 'unlink', 'freeframe', 'freetable'].includes(op!)) {
      if (once.has(op!)) continue;
      once.add(op!);
    }
    if (gone && ['clr', 'unlink', 'rd'].includes(op!)) continue;
    if (op === 'rd') {
      if (open.has(cpu!)) continue;
      open.add(cpu!);
    }
    if (op === 'rdend' && !open.delete(cpu!)) continue;
    if (op === 'freetable') gone = true;
    out.push(step);
  }
  for (const cpu of open) out.push(`${cpu} rdend T`);
  return out;
}

const step = fc
  .tuple(
    fc.constantFrom('P0', 'P1', 'P2'),
    fc.constantFrom(
      'walk T',
      'walk T',
      'inval T',
      'inval T',
      'inval T leaf',
      'clr T',
      'unlink T',
      'ret T',
      'rd T',
      'rdend T',
      'freeframe T',
      'freetable T',
    ),
  )
  .map(([cpu, op]) => `${cpu} ${op}`);

const WATCHED = ['I01', 'I02', 'I03', 'I05', 'I29'];

describe('random programs', () => {
  it('get from the machine what a plain reading of the rules gives', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 14 }), (drawn) => {
        const steps = tidy(drawn);
        fc.pre(steps.length > 0);
        const test = parseLitmus(
          `litmus x\nsetup:\n P0 map A v T\n P0 set T v F\ncase: silent\n${steps.map(written).join('\n')}\n`,
        );
        const { violated } = runOrder(test, test.orders[0]!);
        expect(violated.filter((id) => WATCHED.includes(id))).toEqual([...oracle(steps)].sort());
      }),
      { numRuns: partOf(5000, 700) },
    );
  });
});
