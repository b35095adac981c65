import { expect, it } from 'vitest';
import { byTopic, RULE_TOPICS, topicOf } from '../../src/explain/rule-topics.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';

it('every rule is about one topic', () => {
  const listed = RULE_TOPICS.flatMap((t) => t.rules);
  expect(new Set(listed).size).toBe(listed.length);
  expect([...listed].sort()).toEqual(CATALOGUE.map((r) => r.id).sort());
});

it('ids by topic, none lost; one that nobody placed is told too', () => {
  const groups = byTopic(['I40', 'I01', 'I05', 'I99']);
  expect(groups).toEqual([
    { noun: 'frees of page tables', ids: ['I01'] },
    { noun: 'readers', ids: ['I40', 'I05'] },
    { noun: 'other rules', ids: ['I99'] },
  ]);
  expect(topicOf('I24')).toBe('TLB flushes');
});
