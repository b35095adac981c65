import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  histBounds,
  histIndex,
  histLabel,
  type LhistShape,
  lhistLabel,
  PRINT_FAMILIES,
  PRINT_RULES,
  printFamily,
} from '../../../src/latency/histogram/bpftrace-labels.js';
import {
  bucketCounts,
  histCounts,
  lhistCounts,
  printHistMap,
  printHistRows,
  printLhistMap,
  printLhistRows,
} from '../../../src/latency/histogram/bpftrace-print.js';
import { Distribution } from '../../../src/latency/histogram/distribution.js';

interface PrintedMap {
  name: string;
  kind: 'hist' | 'lhist';
  shape?: LhistShape;
  keys: { key: string | number | null; values: [value: number, times: number][] }[];
  text: string;
}

const fixtures = new URL('../../../fixtures/bpftrace-hist/', import.meta.url);

function* repeated(values: [number, number][]): Generator<number> {
  for (const [value, times] of values) for (let i = 0; i < times; i++) yield value;
}

describe('what bpftrace printed', () => {
  const versions = readdirSync(fixtures, { withFileTypes: true }).filter((d) => d.isDirectory());
  test.each(versions.map((d) => d.name))('%s: the same bytes from the same values', (version) => {
    const family = printFamily(version)!;
    const text = gunzipSync(readFileSync(new URL(`${version}/printed.jsonl.gz`, fixtures))).toString();
    const maps = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as PrintedMap);
    let blocks = 0;
    for (const map of maps) {
      blocks += map.keys.length;
      const key = (k: string | number | null) => (k === null ? null : String(k));
      const ours =
        map.kind === 'hist'
          ? printHistMap(
              map.name,
              map.keys.map((k) => ({ key: key(k.key), counts: histCounts(repeated(k.values), 0, family) })),
              { family },
            )
          : printLhistMap(
              map.name,
              map.shape!,
              map.keys.map((k) => ({ key: key(k.key), counts: lhistCounts(repeated(k.values), map.shape!) })),
              { family },
            );
      expect(ours).toBe(map.text);
    }
    expect(blocks).toBeGreaterThanOrEqual(200);
  });
});

describe('families', () => {
  test('versions map to families', () => {
    expect(
      [
        'v0.8.0',
        '0.9.4',
        '0.10.0',
        '0.17.0',
        '0.19.1',
        '0.20.0',
        '0.21.3',
        '0.22.1',
        '0.23.5',
        '0.24.0',
        '0.26.1',
        '1.0.0',
      ].map(printFamily),
    ).toEqual(['0.9', '0.9', '0.10', '0.10', '0.10', '0.20', '0.21', '0.21', '0.23', '0.24', '0.24', '0.24']);
    expect(printFamily('latest')).toBeNull();
  });

  test.each([
    ['0.9', '[0, 1] [512, 1k) [1k, 2k)', '@n: \n'],
    ['0.10', '(..., 0) [0] [1] [512, 1K) [1K, 2K)', '@n: \n'],
    ['0.21', '(..., 0) [0] [1] [512, 1K) [1K, 2K)', '@n: \n'],
    ['0.23', '(..., 0) [0] [1] [512, 1K) [1K, 2K)', '@n:\n'],
    ['0.24', '(..., 0) [0] [1] [512, 1K) [1K, 2K)', '@n:\n'],
  ] as const)('%s: labels and heading', (family, labels, heading) => {
    const counts = histCounts([-5, 0, 1, 600, 1024], 0, family);
    const text = printHistMap('@n', [{ key: null, counts }], { family });
    expect(text.startsWith(heading)).toBe(true);
    const rows = text.split('\n').filter((l) => / [1-9]\d* \|/.test(l));
    expect(rows.map((l) => l.slice(0, 16).trim()).join(' ')).toBe(labels);
  });

  test('durations of a trace print as if bpftrace had counted them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1 }),
        fc.constantFrom(...PRINT_FAMILIES),
        (values, family) => {
          const ours = bucketCounts(Distribution.of(values).powerOfTwoBuckets(), family);
          expect(printHistRows(ours, { family })).toBe(
            printHistRows(histCounts(values, 0, family), { family }),
          );
        },
      ),
    );
  });

  test('values beyond 2^32', () => {
    const label = (v: bigint, family: '0.10' | '0.20') =>
      histLabel(histIndex(v, 0, PRINT_RULES[family]), 0, PRINT_RULES[family]);
    expect(label(2n ** 33n, '0.10')).toBe('[2G, 4G)');
    expect(label(2n ** 33n, '0.20')).toBe('[8G, 16G)');
    expect(label(2n ** 50n, '0.20')).toBe('[1P, 2P)');
    expect(label(2n ** 62n, '0.20')).toBe('[4E, 8E)');
    expect(histLabel(51, 0, PRINT_RULES['0.10'])).toBe('[512T, 1024T)');
  });

  test('hist(x, bits): suffixes go by the octave', () => {
    const rules = PRINT_RULES['0.24'];
    const label = (v: number, bits: number) => histLabel(histIndex(v, bits, rules), bits, rules);
    expect([label(3, 2), label(8, 2), label(9, 2), label(100, 2)]).toEqual([
      '[3]',
      '[8, 10)',
      '[8, 10)',
      '[96, 112)',
    ]);
    expect([label(7000, 3), label(8000, 3), label(8192, 3)]).toEqual([
      '[6656, 7168)',
      '[7680, 8K)',
      '[8K, 9K)',
    ]);
  });

  test('every value lies in the bounds of its bucket', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: -5, max: 70 }), fc.maxSafeInteger()),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(...PRINT_FAMILIES),
        (v, bits, family) => {
          const rules = PRINT_RULES[family];
          const b = rules.bits ? bits : 0;
          const { low, high } = histBounds(histIndex(v, b, rules), b, rules);
          const clamped = rules.log2Bits === 32 ? Math.min(v, 2 ** 32 - 1) : v;
          expect(clamped < high).toBe(true);
          expect((rules.zeroAndOneTogether ? Math.max(0, clamped) : clamped) >= low).toBe(true);
        },
      ),
    );
  });

  test('lhist labels by family', () => {
    const shape = { min: 0, max: 10240, step: 1000 };
    expect(lhistLabel(1, shape, PRINT_RULES['0.20'])).toBe('[0, 1000)');
    const kilo = { min: 512, max: 1536, step: 512 };
    expect(lhistLabel(1, kilo, PRINT_RULES['0.20'])).toBe('[512, 1K)');
    expect(lhistLabel(1, kilo, PRINT_RULES['0.21'])).toBe('[512, 1024)');
    const one = { min: 0, max: 10, step: 1 };
    expect(lhistLabel(6, one, PRINT_RULES['0.23'])).toBe('[5, 6)');
    expect(lhistLabel(6, one, PRINT_RULES['0.24'])).toBe('[5]');
    expect(lhistLabel(11, one, PRINT_RULES['0.24'])).toBe('[10, ...)');
  });
});

describe('rows', () => {
  test('nothing counted, nothing printed', () => {
    expect(printHistRows([0, 0, 0])).toBe('');
    expect(printLhistRows([0, 0], { min: 0, max: 10, step: 10 })).toBe('');
    expect(printHistMap('@n', [{ key: 'a', counts: [] }])).toBe('@n[a]:\n\n');
  });

  test('counts are looked at through a 32-bit int', () => {
    expect(printHistRows([0, 2 ** 31])).toBe('');
    expect(printHistRows([0, 2 ** 31, 4]).split('\n')[0]).toMatch(/^\[1\] {13} {7}4 \|@{52}\|$/);
  });

  test('div divides the counts; from 0.24 on also the bars', () => {
    const rows = (family: '0.23' | '0.24') => printHistRows([0, 10, 19], { family, div: 10 }).split('\n');
    expect(rows('0.23')[0]).toMatch(/ 1 \|@{27} /);
    expect(rows('0.24')[0]).toMatch(/ 1 \|@{52}\|/);
  });
});
