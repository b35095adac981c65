import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHistTrigger, parseHistTriggers } from '../../../src/parsers/printed/hist-trigger.js';
import { bytes, corpus, hasShared, text } from '../support/run-dialect.js';

const table = (
  trigger: string,
  rows: string[],
  totals = '    Hits: 9\n    Entries: 3\n    Dropped: 1\n',
): string =>
  `# event histogram\n#\n# trigger info: ${trigger} [active]\n#\n\n${rows.join('\n')}\n\nTotals:\n${totals}`;

describe('keys and values as kernel/trace/trace_events_hist.c prints them', () => {
  test.each([
    ['hist:keys=len:vals=hitcount', '{ len:        176 } hitcount:          1', [['len', '176']], 1, {}],
    ['hist:keys=len.log2:vals=hitcount', '{ len: ~ 2^10 } hitcount:         12', [['len', '~ 2^10']], 12, {}],
    ['hist:keys=len.buckets=10:vals=hitcount', '{ len: ~ 0-9 } hitcount:  4', [['len', '~ 0-9']], 4, {}],
    [
      'hist:keys=common_pid.execname,call_site.sym:vals=hitcount,bytes_req',
      '{ common_pid: my, call_site: x  [      3112], call_site: [ffffffff8154bc62] usb_control_msg [usb] } hitcount:       5  bytes_req:         40',
      [
        ['common_pid', 'my, call_site: x  [      3112]'],
        ['call_site', '[ffffffff8154bc62] usb_control_msg [usb]'],
      ],
      5,
      { bytes_req: 40 },
    ],
    [
      'hist:keys=a:vals=hitcount,b.percent,b.graph',
      '{ a:          1 } hitcount:          2  b (%):      12.34  b:    ####                 ',
      [['a', '1']],
      2,
      { 'b (%)': 12.34 },
    ],
    [
      'hist:keys=stacktrace:vals=bytes_req',
      '{ stacktrace:\n         __kmalloc+0x10b/0x1a0\n         kmemdup+0x20/0x50\n} hitcount:          7  bytes_req:         32',
      [['stacktrace', '__kmalloc+0x10b/0x1a0\nkmemdup+0x20/0x50']],
      7,
      { bytes_req: 32 },
    ],
  ])('%s', (trigger, row, keys, hits, vals) => {
    const [t] = parseHistTriggers(table(trigger, [row]));
    expect(t!.rows).toHaveLength(1);
    expect(t!.rows[0]!.keys.map((k) => [k.name, k.value])).toEqual(keys);
    expect(t!.rows[0]!.hitcount).toBe(hits);
    expect(t!.rows[0]!.vals).toEqual(vals);
    expect([t!.hits, t!.entries, t!.dropped, t!.unread]).toEqual([9, 3, 1, []]);
  });
});

test('several tables, prose around them, a cut one', () => {
  const all = `see below:\n\n${table('hist:keys=a:vals=hitcount', ['{ a: 1 } hitcount: 2'])}\n\nand\n> ${table(
    'hist:keys=b:vals=hitcount',
    ['{ b: 3 } hitcount: 4', '.', '.', '{ b: 5 } hitcount: 6'],
    '    Hits: 8\n',
  )
    .trimEnd()
    .replace(/\n/g, '\n> ')}\n`;
  const tables = parseHistTriggers(all);
  expect(tables.map((t) => [t.keyFields, t.rows.length, t.hits, t.entries, t.unread.length])).toEqual([
    [['a'], 1, 9, 3, 0],
    [['b'], 2, 8, -1, 2],
  ]);
  expect(isHistTrigger(bytes(all))).toBe(true);
  expect(isHistTrigger(bytes('# tracer: nop\n'))).toBe(false);
  expect(parseHistTriggers('nothing here')).toEqual([]);
});

test('rows without their head, with the lines of an onmax action', () => {
  const [t] = parseHistTriggers(
    '    { next_pid:       2255 } hitcount:        239\n\tmax:         27  next_comm: x y\n\n' +
      '    { next_pid:       2256 } hitcount:       2355\n\nTotals:\n    Hits: 2594\n    Entries: 2\n    Dropped: 0\n',
  );
  expect(t!.rows.map((r) => [r.keys[0]!.value, r.hitcount, r.actions])).toEqual([
    ['2255', 239, ['max:         27  next_comm: x y']],
    ['2256', 2355, []],
  ]);
  expect([t!.trigger, t!.hits, t!.unread]).toEqual(['', 2594, []]);
});

test('generated tables come back', () => {
  const row = fc.record({ key: fc.integer(), hits: fc.nat(), sum: fc.nat() });
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const lines = rows.map(
        (r) =>
          `{ k: ${String(r.key).padStart(10)} } hitcount: ${String(r.hits).padStart(10)}  len: ${String(r.sum).padStart(10)}`,
      );
      const [t] = parseHistTriggers(table('hist:keys=k:vals=hitcount,len:sort=hitcount:size=2048', lines));
      expect(t!.rows.map((r) => [r.keys[0]!.value, r.hitcount, r.vals.len])).toEqual(
        rows.map((r) => [String(r.key), r.hits, r.sum]),
      );
    }),
  );
});

test('no prefix of a table makes it fail', () => {
  const all = table('hist:keys=a,stacktrace:vals=hitcount', [
    '{ a: 1, stacktrace:\n   f+0x1/0x2\n} hitcount: 2',
  ]);
  for (let n = 0; n <= all.length; n++)
    expect(parseHistTriggers(all.slice(0, n)).length).toBeLessThanOrEqual(1);
});

test.skipIf(!hasShared)('kernel documentation: rows and totals (skipped: no ../shared/corpus)', () => {
  const doc = text(corpus('kernel-docs/histogram.rst'));
  const tables = parseHistTriggers(doc);
  expect(tables.filter((t) => t.trigger !== '').length).toBe(doc.match(/# trigger info: /g)!.length);
  const rows = tables.reduce((n, t) => n + t.rows.length, 0);
  expect(rows).toBe(doc.match(/\} hitcount: /g)!.length);
  // Where nothing was left out with dots, the hit counts add up to the total.
  const whole = tables.filter(
    (t) => t.trigger !== '' && t.unread.length === 0 && t.hits >= 0 && t.rows.length === t.entries,
  );
  expect(whole.length).toBeGreaterThan(3);
  for (const t of whole) {
    expect(
      t.rows.reduce((n, r) => n + r.hitcount, 0),
      t.trigger,
    ).toBe(t.hits);
  }
});
