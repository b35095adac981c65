import { expect, it } from 'vitest';
import { type Story, show } from '../../src/show/show.js';

const path = 'fixtures/wrong-orders/callback-leaks-one-of-four.txt.gz';
const tell = (line: number, allLives = false): Promise<Story> =>
  show({ paths: [path], subject: { line }, allLives });

it('a line of a table tells its whole life, the call_rcu and the callback included', async () => {
  // Line 21 hands the first table over.
  const story = await tell(21);
  const lines = story.events.map((e) => e.line);
  const notes = story.events.map((e) => e.note);
  expect(lines).toContain(21);
  expect(notes[0]).toBe('allocated as a PTE table');
  expect(notes.some((n) => n.startsWith('call_rcu with 1 table'))).toBe(true);
  expect(notes.some((n) => n.startsWith('callback of a batch'))).toBe(true);
  expect(notes.at(-1)).toBe('page released');
  expect(lines).toEqual([...lines].sort((a, b) => a - b));
});

it('another life of the page is another story', async () => {
  const one = await tell(21);
  const all = await tell(21, true);
  expect(all.events.length).toBeGreaterThanOrEqual(one.events.length);
  expect(one.events.length).toBeLessThanOrEqual(40);
});
