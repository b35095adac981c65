import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { CONVERT_FORMATS, type ConvertFormat, convert } from '../../src/convert/convert.js';

const open = (text: string) => ({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
async function written(text: string, to: ConvertFormat) {
  let out = '';
  const { inputs } = await convert({
    ...open(text),
    to,
    write: (b) => (out += Buffer.from(b).toString('latin1')),
  });
  return { out, report: inputs[0]!.report };
}
const EVENT = (us: number): string =>
  `             a-1     [000] .....    11.${String(us).padStart(6, '0')}: tlb_flush: pages:1 reason:local mm shootdown (1)\n`;
const FACT = '# pttrace: probe p:pttrace/call_rcu call_rcu head=%di:x64 func=%si:symbol\n';
const HEAD = '# tracer: nop\n#\n';

describe('what is read can be written', () => {
  test.each([
    [
      'a stamp beyond 64 bits',
      '  a-1     [000] .....  9223372036854775.974000: tlb_flush: pages:1 reason:x (1)\n',
      'beyond 64 bits',
    ],
    ['no name', '  a-1     [000] .....    11.000001: : x\n', 'without a name'],
  ])('%s is refused at its line, and nothing else is lost', async (_name, bad, why) => {
    for (const text of [HEAD + bad + EVENT(1) + EVENT(2), HEAD + EVENT(1) + bad + EVENT(2)]) {
      const { report } = await written(text, 'jsonl');
      expect([report.lines.event, report.lines.skipped]).toEqual([2, 1]);
      expect(report.skips[0]!.reason).toContain(why);
      const run = await analyse(open(text));
      expect([run.timeline.firstNs, run.timeline.lastNs]).toEqual(['11000001000', '11000002000']);
    }
  });

  test('a stamp that overflows a double', async () => {
    const bad = `    init    3127   2 0 00000000 00000009 [${'a'.repeat(400)}] 17.961ms (+0.001ms): __pte_alloc <-copy_page_range\n`;
    const good =
      '    init    3127   2 0 00000000 00000009 [09ec6789] 17.961ms (+0.001ms): __pte_alloc <-copy_page_range\n';
    const { report } = await written(good + bad + good, 'jsonl');
    expect([report.lines.event, report.lines.total]).toEqual([2, 3]);
  });

  test('facts of a recording survive wherever they stand: the verdicts are the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('event', 'fact', 'quoted'), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(...CONVERT_FORMATS),
        async (parts, to) => {
          let us = 1;
          const text =
            HEAD +
            EVENT(0) +
            parts.map((p) => (p === 'event' ? EVENT(us++) : p === 'fact' ? FACT : `> ${FACT}`)).join('');
          const { out } = await written(text, to);
          const before = await analyse(open(text));
          const after = await analyse(open(out));
          expect(after.timeline.events).toBe(before.timeline.events);
          expect(after.invariants).toEqual(before.invariants);
        },
      ),
      { numRuns: 40 },
    );
  });
});
