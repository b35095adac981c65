import { expect, it } from 'vitest';
import { PAGE_BUNDLE } from '../../src/kernel/free-paths.js';
import { PageSlots } from '../../src/simulate/page-slots.js';

it('has room for a bundle, for 509 more with each further page, and for a bundle again once it is emptied', () => {
  const slots = new PageSlots();
  let held = 0;
  for (; slots.hasRoom; held++) slots.page(held);
  expect(held).toBe(PAGE_BUNDLE);
  slots.grow(0x1000);
  for (; slots.hasRoom; held++) slots.table(held);
  expect([held, slots.pages.length, slots.tables]).toEqual([PAGE_BUNDLE + 509, held, 509]);
  slots.empty();
  for (held = 0; slots.hasRoom; held++) slots.page(held);
  expect([held, slots.tables]).toEqual([PAGE_BUNDLE, 0]);
  expect(slots.further).toEqual([0x1000]);
});

it('grows up to what one gather may hold', () => {
  const slots = new PageSlots();
  let grown = 0;
  for (; slots.mayGrow && grown < 1000; grown++) slots.grow(grown);
  expect(grown).toBeGreaterThan(1);
  expect(grown).toBeLessThan(1000);
});
