import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bin, scaled } from '../../../src/latency/histogram/binned.js';
import { PRINT_FAMILIES, PRINT_RULES } from '../../../src/latency/histogram/bpftrace-labels.js';
import { binCounts, printHistMap } from '../../../src/latency/histogram/bpftrace-print.js';
import { labelBounds, readHistograms } from '../../../src/latency/printed/read-hist.js';

const WITHOUT = [0, ...new Array<number>(10).fill(0), 99566, 77756, 32545, 442, 69, 1, 1, 14, 14, 68];
const text = printHistMap('@ns', [{ key: 'stress-ng', counts: [0, ...WITHOUT] }], { family: '0.23' });
const counts = (bins: readonly Bin[]) => bins.map((b) => b.count);
const sum = (lines: object) => {
  const { total, ...kinds } = lines as Record<string, number>;
  return [total, Object.values(kinds).reduce((a, b) => a + b, 0)];
};

/** A mailer's wrap at 72 columns, at blanks, as it happened to the histograms of November 2024. */
function wrapped(block: string, prefix = ''): string {
  const out: string[] = [];
  for (let line of block.split('\n')) {
    while (line.length > 72) {
      const at = line.lastIndexOf(' ', 72);
      if (at < 20) break;
      out.push(prefix + line.slice(0, at + 1));
      line = line.slice(at + 1);
    }
    out.push(prefix + line);
  }
  return out.join('\n');
}

describe('labels', () => {
  test.each([
    ['[0]', 0, 1],
    ['[0, 1]', 0, 2],
    ['[512, 1k)', 512, 1024],
    ['[512T, 1024T)', 512 * 1024 ** 4, 1024 ** 5],
    ['[7680, 8K)', 7680, 8192],
    ['(..., 0)', Number.NEGATIVE_INFINITY, 0],
    ['[10, ...)', 10, Number.POSITIVE_INFINITY],
    ['[-5, 5)', -5, 5],
  ])('%s', (label, low, high) => {
    expect(labelBounds(label)).toEqual({ low, high });
  });

  test.each(['[...]', '[a, b)', '[5)', '[9, 3)', '[1, 2, 3)'])('%s is none', (label) => {
    expect(labelBounds(label)).toBeNull();
  });
});

describe('text', () => {
  test('what is printed is read back, by every family, with any number of bits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 32 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(...PRINT_FAMILIES),
        (list, bits, family) => {
          fc.pre(list.some((c) => c > 0));
          const printed = printHistMap('@x', [{ key: 'a, ]: 1', counts: list }], { family, bits });
          const found = readHistograms(printed);
          expect(sum(found.lines)[0]).toBe(sum(found.lines)[1]);
          expect(found.histograms).toHaveLength(1);
          const h = found.histograms[0]!;
          expect([h.name, h.key, h.complete, h.notes.filter((n) => !n.includes('2G'))]).toEqual([
            '@x',
            'a, ]: 1',
            true,
            [],
          ]);
          const again = binCounts(h.bins, bits, family);
          expect(printHistMap('@x', [{ key: 'a, ]: 1', counts: again }], { family, bits })).toBe(printed);
          expect(PRINT_RULES[family].bits || bits >= 0).toBe(true);
        },
      ),
    );
  });

  test.each([
    ['as printed', text],
    ['CRLF', text.replaceAll('\n', '\r\n')],
    ['wrapped', wrapped(text)],
    ['quoted', wrapped(text, '> > ')],
    ['quoted without blanks', text.replace(/^/gm, '>>')],
    ['bar-quoted', text.replace(/^(?=.)/gm, '| ')],
    ['bar-quoted and wrapped', wrapped(text, '| ')],
    ['quoted-printable', text.replaceAll('|', '=7C').replaceAll(' |', '=20|').replace(/@{20}/g, '$&=\n')],
    ['non-breaking blanks', text.replaceAll('  ', '\u00a0\u202f')],
    ['HTML', text.replace(/^/gm, '&gt; ').replaceAll('@', '&#64;')],
    ['label on a line of its own', text.replaceAll(') ', ')\n')],
    ['trailing blanks', text.replace(/$/gm, '   ')],
  ])('survives: %s', (_name, mail) => {
    const found = readHistograms(`It was measured.\n\nwithout patch:\n\n${mail}\nbye\n`);
    expect(sum(found.lines)[0]).toBe(sum(found.lines)[1]);
    expect(found.histograms).toHaveLength(1);
    const h = found.histograms[0]!;
    expect(counts(h.bins)).toEqual(WITHOUT.slice(11));
    expect([h.bins[0]!.low, h.bins.at(-1)!.high]).toEqual([1024, 1048576]);
    expect([h.key, h.complete, h.notes]).toEqual(['stress-ng', true, []]);
    expect(h.title.replace(/^>\s*/, '')).toBe('without patch:');
  });

  test('what bpftrace says around the table is no title', () => {
    const found = readHistograms(`$ bpftrace x.bt\nAttaching 3 probes...\n^C\n\n${text}`);
    expect(found.histograms[0]!.title).toBe('$ bpftrace x.bt');
  });

  test('two histograms keep their own titles', () => {
    const found = readHistograms(`without patch:\n\n${text}\nwith patch:\n\n${text}`);
    expect(found.histograms.map((h) => h.title)).toEqual(['without patch:', 'with patch:']);
  });

  test('missing rows are unknown, not 0', () => {
    const rows = text.split('\n');
    const cut = readHistograms([...rows.slice(0, 3), '[...]', ...rows.slice(6)].join('\n')).histograms[0]!;
    expect([cut.complete, cut.gaps]).toEqual([false, [{ low: 4096, high: 32768 }]]);
    const silent = readHistograms([...rows.slice(0, 3), ...rows.slice(4)].join('\n')).histograms[0]!;
    expect([silent.complete, silent.gaps]).toEqual([false, [{ low: 4096, high: 8192 }]]);
  });

  test('a bar that does not fit its count is said', () => {
    const h = readHistograms(text.replace(' 77756', ' 17756')).histograms[0]!;
    expect(h.notes).toEqual(['1 bar(s) do not fit their counts']);
  });

  test('prose, patches, tseries and broken rows are no histograms', () => {
    const found = readHistograms(
      '@@ -1,2 +3,4 @@\n[PATCH v2 6/7] x86\n[1K, 2K) apples |@@|\n@start[7]: 12\nhh:mm:ss |____|\n[2, 4\n|@@@|\n',
    );
    expect(found.histograms).toEqual([]);
    expect(found.lines).toMatchObject({ total: 7, other: 7 });
  });

  test('any text ends and accounts for every line', () => {
    const piece = fc.constantFrom(
      '[1K, 2K)',
      ' 12 ',
      '|',
      '@@@',
      '\n',
      '> ',
      '| ',
      '@x:',
      '[...]',
      '=20',
      '{"type"',
      ' ',
      'a',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const [total, kinds] = sum(readHistograms(parts.join('')).lines);
        expect(total).toBe(kinds);
      }),
    );
  });
});

describe('json', () => {
  const dir = new URL('../../../fixtures/bpftrace-hist/0.17.0/', import.meta.url);

  test('0.17: the wrong bounds of the last bucket are repaired', () => {
    const found = readHistograms(readFileSync(new URL('saturated.json.txt', dir), 'utf8'));
    expect(sum(found.lines)[0]).toBe(sum(found.lines)[1]);
    const of = (name: string) => found.histograms.filter((h) => h.name === name);
    const h = of('@h')[0]!;
    expect(h.bins[0]).toEqual({ low: Number.NEGATIVE_INFINITY, high: 0, count: 1 });
    expect(h.bins.at(-1)).toEqual({ low: 2 ** 31, high: Number.POSITIVE_INFINITY, count: 2 });
    expect(h.complete).toBe(true);
    expect(of('@k').map((k) => k.key)).toEqual(['a,1', 'b]: x,1']);
    expect(of('@l')[0]!.bins).toEqual([
      { low: 5, high: 10, count: 1 },
      { low: 10, high: Number.POSITIVE_INFINITY, count: 1 },
    ]);
    expect(of('@c')).toEqual([]);
  });

  test('objects over several lines, strings as numbers, broken objects', () => {
    const found = readHistograms(
      'WARNING: x\n{"type": "hist", "data": {\n  "@h": [\n {"min": 2, "max": 3, "count": "9007199254740993"}\n]\n}}\n{"type": "hist", "data": {"@g": [\n',
    );
    expect(found.histograms.map((h) => [h.name, h.bins[0]!.low, h.line])).toEqual([['@h', 2, 2]]);
    expect(found.lines).toMatchObject({ total: 7, json: 5, other: 2 });
  });
});

describe('bcc', () => {
  test('sections, units, linear and open rows', () => {
    const found = readHistograms(
      [
        'Tracing... Hit Ctrl-C to end.',
        "disk = 'xvda'",
        '     usecs               : count     distribution',
        '         0 -> 1          : 0        |                                        |',
        '         2 -> 3          : 15       |***                                     |',
        '         4 -> 7          : 150      |****************************************|',
        '',
        '     kbytes              : count     distribution',
        '        5          : 2        |****************************************|',
        '        9          : 1        |********************+|',
        '',
        '  Range          : Count    Distribution',
        '            -> 0 : 12     |######                                |',
        '      1024 ->    : 3      |#                                     |',
        '     usecs               : count     distribution',
        'nothing here',
      ].join('\n'),
    );
    expect(found.lines).toEqual({
      total: 16,
      heading: 3,
      row: 7,
      continuation: 0,
      json: 0,
      blank: 2,
      other: 4,
    });
    expect(found.histograms.map((h) => [h.name, h.key, h.unitNs, h.complete])).toEqual([
      ['usecs', "'xvda'", 1000, true],
      ['kbytes', null, null, false],
      ['Range', null, null, false],
    ]);
    expect(scaled(found.histograms[0]!.bins, 1000)[1]).toEqual({ low: 2000, high: 4000, count: 15 });
    expect(found.histograms[2]!.bins.map((b) => [b.low, b.high])).toEqual([
      [Number.NEGATIVE_INFINITY, 1],
      [1024, Number.POSITIVE_INFINITY],
    ]);
  });
});

describe('recordings', () => {
  const root = fileURLToPath(new URL('../../../../shared/', import.meta.url));
  const here = existsSync(join(root, 'recordings'));

  test.skipIf(!here)('every printed histogram is printed again, byte for byte (recordings absent)', () => {
    let blocks = 0;
    for (const folder of readdirSync(join(root, 'recordings'), { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      const path = join(root, 'recordings', folder.name);
      for (const file of readdirSync(path).filter((f) => f.includes('hist') && !f.includes('json'))) {
        const raw = readFileSync(join(path, file));
        const body = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString();
        for (const h of readHistograms(body).histograms) {
          if (h.source !== 'text') continue;
          blocks++;
          const again = printHistMap(h.name, [{ key: h.key, counts: binCounts(h.bins, 0, '0.10') }], {
            family: '0.10',
          });
          const at =
            body
              .split('\n')
              .slice(0, h.line - 1)
              .join('\n').length + 1;
          expect(body.slice(at, at + again.length)).toBe(again);
        }
      }
    }
    expect(blocks).toBeGreaterThan(20);
  });

  const seed = join(root, 'seed/patch-v2-6of7.txt');
  test.skipIf(!existsSync(seed))('the mail itself (absent: nothing to check)', () => {
    const found = readHistograms(readFileSync(seed, 'utf8'));
    expect(sum(found.lines)[0]).toBe(sum(found.lines)[1]);
    expect(
      found.histograms.map((h) => [h.title, h.key, h.bins.reduce((n, b) => n + b.count, 0), h.notes]),
    ).toEqual([
      ['without patch:', 'stress-ng', 210476, []],
      ['with patch:', 'stress-ng', 122496, []],
    ]);
  });
});
