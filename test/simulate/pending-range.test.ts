import { expect, test } from 'vitest';
import { PendingRange } from '../../src/simulate/pending-range.js';

const TABLES = 0x04;
const PTES = 0x10;

test('pages widen it to their ends and are flushed one by one', () => {
  const range = new PendingRange();
  range.page(0x5000);
  range.page(0x2000);
  expect(range).toMatchObject({ start: 0x2000, end: 0x6000, shift: 12, flags: PTES });
});

test('tables of one level are flushed by what each maps; of two levels, or with pages, page by page', () => {
  const range = new PendingRange();
  range.table(0x20_0000, 21);
  range.table(0x40_0000, 21);
  expect(range).toMatchObject({ shift: 21, flags: TABLES });
  range.table(0x4000_0000, 30);
  expect(range.shift).toBe(12);
  range.flushed();
  range.page(0x5000);
  range.table(0x20_0000, 21);
  expect(range).toMatchObject({ shift: 12, flags: TABLES | PTES });
});

test('the folded top level is flushed page by page', () => {
  const range = new PendingRange();
  range.table(0x20_0000, 21);
  range.folded(0x1000);
  expect(range).toMatchObject({ start: 0x1000, shift: 12, flags: TABLES });
});

test('flushed it is as at first', () => {
  const range = new PendingRange();
  range.page(0x5000);
  range.table(0x20_0000, 21);
  range.flushed();
  expect(range).toEqual(new PendingRange());
  expect(range.start).toBeGreaterThan(range.end);
});
