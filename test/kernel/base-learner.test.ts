import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BaseLearner } from '../../src/kernel/base-learner.js';
import { type Bases, makeBases } from '../../src/kernel/bases.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { inTurn } from '../replay/support/in-turn.js';
import { haveRecordings, load, RECORDINGS, readText } from './support/lines.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const VMEMMAP = 0xffffea0000000000n;
const DIRECT = 0xffff888000000000n;
const low53 = (v: bigint) => Number(BigInt.asUintN(53, v));

function learn(text: string, limit = 1e9, before?: Bases) {
  const { batches, events } = load(text, { limit, size: 1024 });
  const learner = new BaseLearner({ events, funcs: new FuncTable(), ...(before && { before }) });
  for (const b of batches) learner.observe(b);
  return learner.finish();
}

/** As KASLR would have printed it: both regions moved, everything else as it was. */
function moved(text: string, vmemmap: bigint, direct: bigint): string {
  return text.replace(/ffff(?:ea|88[89a-f])[0-9a-f]{9,10}\b/g, (hex) => {
    if (hex.length !== 16) return hex;
    const v = BigInt(`0x${hex}`);
    return (v >= VMEMMAP ? v + vmemmap : v + direct).toString(16);
  });
}

const SMALL = [
  'replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz',
  'replay/6.12.117-lab-semi/ftrace-kprobes-nohash.txt.gz',
  'replay/debian-6.16.12/ftrace-kprobes-nohash.txt.gz',
  'replay/6.12.117-lab-n/gup-munmap.txt.gz',
  'replay/6.12.117-lab-y/gup-munmap.txt.gz',
  'replay/6.12.117-lab-semi/mt-munmap.txt.gz',
  'replay/debian-6.16.12/mt-munmap.txt.gz',
  'replay/debian-6.16.12/pt-reclaim-gup.txt.gz',
].map((f) => join(FIXTURES, f));
const BIG = ['6.12.117-lab-n', '6.12.117-lab-semi', '6.12.117-lab-y', 'debian-6.16.12']
  .flatMap((k) =>
    ['ftrace-kprobes.txt.gz', 'exit-mmap.txt.gz', 'mt-munmap.txt.gz', 'slowpath-failpagealloc.txt.gz'].map(
      (f) => `${k}/${f}`,
    ),
  )
  .filter((f) => !/lab-n\/mt|lab-y\/exit|6.16.12\/slow/.test(f));

describe('a capture after another', () => {
  const [v, d] = [low53(VMEMMAP), low53(DIRECT)];
  const moves = 2 ** 30;

  test.each(SMALL)('of the same boot is found in no more lines: %s', (path) => {
    const { batches, events } = load(readText(path), { limit: 1e9, size: 1024 });
    const rows = (before?: Bases) => {
      const learner = new BaseLearner({ events, funcs: new FuncTable(), ...(before && { before }) });
      let n = 0;
      for (const b of batches) {
        if (learner.done()) break;
        learner.observe(b);
        n += b.length;
      }
      return { n, found: learner.finish() };
    };
    const before = makeBases(v, d, 'the capture before');
    const again = rows(before);
    expect([again.found.vmemmap, again.found.directMap]).toEqual([v, d]);
    expect(again.n).toBeLessThanOrEqual(rows().n);
  });

  test.each(SMALL)('of another boot is learnt from what it says itself: %s', (path) => {
    const text = readText(path);
    for (const [vmemmap, directMap] of [
      [v + moves, d],
      [v, d + moves],
      [v + moves, d + moves],
      [v, Number.NaN],
    ]) {
      const bases = learn(text, 1e9, makeBases(vmemmap!, directMap!, 'the capture before'));
      expect([bases.vmemmap, bases.directMap], bases.how).toEqual([v, d]);
      expect(bases.how).not.toBe('the capture before');
    }
  });

  test('needs fewer of its lines', () => {
    const text = readText(SMALL[0]!);
    const before = makeBases(v, d, 'the capture before');
    const settles = (known?: Bases) => {
      const { batches, events } = load(text, { limit: 1e9, size: 256 });
      const learner = new BaseLearner({ events, funcs: new FuncTable(), ...(known && { before: known }) });
      return batches.findIndex((b) => {
        learner.observe(b);
        return learner.done();
      });
    };
    const alone = settles();
    expect(settles(before)).toBeGreaterThanOrEqual(0);
    expect(settles(before)).toBeLessThan(alone < 0 ? Number.POSITIVE_INFINITY : alone);
  });
});

describe('bases are inferred', () => {
  test.each(SMALL)('%s', (path) => {
    const text = readText(path);
    for (const limit of [1e9, 3000]) {
      const bases = learn(text, limit);
      expect([bases.vmemmap, bases.directMap], bases.how).toEqual([low53(VMEMMAP), low53(DIRECT)]);
      expect(bases.how).toMatch(/vmemmap from \d+ of \d+ .+; direct map from \d+ of \d+ /);
    }
  });

  test('wherever KASLR put them', () => {
    const texts = [SMALL[0]!, SMALL[5]!, SMALL[7]!].map((path) =>
      readText(path).split('\n').slice(0, 3200).join('\n'),
    );
    const pages = (max: number) => fc.integer({ min: 0, max }).map((n) => BigInt(n) * 4096n);
    fc.assert(
      fc.property(fc.constantFrom(...texts), pages(2 ** 28), pages(2 ** 28), (text, v, d) => {
        const bases = learn(moved(text, v, d));
        expect([bases.vmemmap, bases.directMap], bases.how).toEqual([low53(VMEMMAP + v), low53(DIRECT + d)]);
      }),
      { numRuns: 12 },
    );
  });

  test('perf: no tables in the callback, no flags column', () => {
    const bases = learn(readText(join(FIXTURES, 'kprobe-events/debian-6.16.12/perf-script.txt.gz')));
    expect([bases.vmemmap, bases.directMap], bases.how).toEqual([low53(VMEMMAP), low53(DIRECT)]);
  });

  test.skipIf(!haveRecordings).each(inTurn(BIG, 3, 0))('recording %s', (f) => {
    const text = readText(join(RECORDINGS, f));
    for (const limit of [1e9, 3000]) {
      const bases = learn(text, limit);
      expect([bases.vmemmap, bases.directMap], bases.how).toEqual([low53(VMEMMAP), low53(DIRECT)]);
    }
  });

  test('not from weak evidence', () => {
    const text = readText(SMALL[3]!);
    for (const limit of [50, 100, 200]) {
      const bases = learn(text, limit);
      expect(Number.isNaN(bases.vmemmap) || bases.vmemmap === low53(VMEMMAP), bases.how).toBe(true);
      expect(Number.isNaN(bases.directMap) || bases.directMap === low53(DIRECT), bases.how).toBe(true);
    }
    // Frees that have nothing to do with the tables support no base.
    let n = 0;
    const scrambled = text.replace(
      /pfn=0x[0-9a-f]+/g,
      () => `pfn=0x${(((n += 7919) * 65537) % 0xfffff).toString(16)}`,
    );
    expect(learn(scrambled).vmemmap).toBeNaN();
    expect(learn('').how).toBe('unknown');
  });
});

describe('translation', () => {
  const page = fc.integer({ min: 1, max: 2 ** 30 });
  test('round trip of both domains, and either spelling of a table', () => {
    const v = low53(VMEMMAP);
    const d = low53(DIRECT);
    const bases = makeBases(v, d, 'test');
    fc.assert(
      fc.property(page, fc.integer({ min: 0, max: 63 }), (pfn, offset) => {
        expect(bases.pageOfStructPage(v + 64 * pfn + offset)).toBe(pfn);
        expect(bases.pageOfVa(d + 4096 * pfn + offset)).toBe(pfn);
        expect(bases.pageOfVa(v + 64 * pfn)).toBe(pfn);
        expect(bases.pageOfStructPage(d + 4096 * pfn)).toBe(pfn);
      }),
    );
  });

  test('NULL is no page, unknown stays unknown', () => {
    const bases = makeBases(Number.NaN, Number.NaN, 'unknown');
    expect(bases.pageOfVa(0)).toBe(0);
    expect(bases.pageOfStructPage(0)).toBe(0);
    expect(bases.pageOfVa(Number.NaN)).toBeNaN();
    fc.assert(
      fc.property(page, page, (a, b) => {
        const s = bases.pageOfStructPage(low53(VMEMMAP) + 64 * a);
        expect(s).toBeLessThan(0);
        expect(s === bases.pageOfStructPage(low53(VMEMMAP) + 64 * b)).toBe(a === b);
        expect(s).not.toBe(bases.pageOfVa(low53(DIRECT) + 4096 * b));
      }),
    );
  });
});
