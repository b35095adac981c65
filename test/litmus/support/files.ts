import { readdirSync, readFileSync } from 'node:fs';
import { parseLitmus } from '../../../src/litmus/parse.js';
import type { LitmusOrder, LitmusTest } from '../../../src/litmus/test.js';

const DIR = new URL('../../../fixtures/litmus/', import.meta.url);

/** The tests that come with the tool, by id. */
export function ownTests(): LitmusTest[] {
  return readdirSync(DIR)
    .filter((name) => name.endsWith('.litmus'))
    .sort()
    .map((name) => parseLitmus(readFileSync(new URL(name, DIR), 'utf8'), name));
}

export const ownOrders = (): [LitmusTest, LitmusOrder][] =>
  ownTests().flatMap((test) => test.orders.map((order): [LitmusTest, LitmusOrder] => [test, order]));

/** A test from text, and its one order. */
export function one(text: string): [LitmusTest, LitmusOrder] {
  const test = parseLitmus(text);
  return [test, test.orders[0]!];
}
