import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { LINE } from '../../../src/parsers/input/dialect.js';
import { behindNuls } from '../../../src/parsers/input/nul-bytes.js';
import { PERF_SCRIPT } from '../../../src/parsers/perf/perf-script.js';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { bytes, fixture } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const line = (n: number, body = 'rcu_read_lock: (__rcu_read_lock+0x0/0x10)'): string =>
  `          ptwork-1195    [001] d.h1.    38.69264${n}: ${body}\n`;
const NUL = '\0';
const buffer = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('behindNuls', () => {
  test.each([
    ['', 0],
    ['text', 0],
    ['\0\0text', 2],
    ['\0\0', -1],
    ['te\0xt', -1],
    ['\0text\0', -1],
  ])('%j', (text, at) => expect(behindNuls(buffer(text), 0, text.length)).toBe(at));
});

describe('lines with NUL bytes', () => {
  const cases: [string, string, { event: number; skipped: number; lost: number }][] = [
    ['none', line(1) + line(2), { event: 2, skipped: 0, lost: 0 }],
    [
      'in a name',
      line(1) + line(2).replace('rcu_re', 'rcu\0\0\0') + line(3),
      { event: 2, skipped: 1, lost: 1 },
    ],
    ['over a newline', line(1) + line(2).replace('\n', NUL) + line(3), { event: 1, skipped: 1, lost: 1 }],
    ['before a whole line', line(1) + NUL.repeat(5000) + line(2), { event: 2, skipped: 0, lost: 1 }],
    ['at the end', line(1) + NUL.repeat(300), { event: 1, skipped: 1, lost: 1 }],
    [
      'over lines that follow each other',
      line(1) + `\0\n`.repeat(3) + line(2),
      { event: 2, skipped: 3, lost: 1 },
    ],
  ];
  test.each(cases)('%s', (_, text, want) => {
    for (const size of CHUNKS) {
      const run = scanChunks(FTRACE, bytes(text), size);
      const lost = run.rows.filter((row) => row.includes(' reserved lost -1 ')).length;
      expect({ event: run.counts[LINE.event], skipped: run.counts[LINE.skipped], lost }, `${size}`).toEqual(
        want,
      );
      expect(run.counts.reduce((a, b) => a + b)).toBe(run.lines);
    }
  });

  test('of perf script too', () => {
    const perf = '  ptwork  1195 [001]    38.692642: tlb:tlb_flush: pages:-1 reason:x (3)\n';
    const run = scanChunks(PERF_SCRIPT, bytes(perf + perf.replace('tlb_fl', 'tlb\0\0l') + perf), 64);
    expect([run.counts[LINE.event], run.counts[LINE.skipped]]).toEqual([2, 1]);
  });
});

/** The same line lost and said to be lost, and overwritten: what is decided must be the same. */
describe('a damaged line counts as a lost one', () => {
  const lines = Buffer.from(fixture('record/debian-7.3.4/readers-reclaim.txt.gz'))
    .toString('latin1')
    .split('\n');
  const decided = async (changed: readonly string[]): Promise<string[]> => {
    const input = Readable.from([Buffer.from(changed.join('\n'), 'latin1')]);
    const { invariants } = await analyse({ paths: ['-'], stdin: input });
    return invariants.map((rule) => `${rule.id} ${rule.verdict} ${JSON.stringify(rule.instances)}`);
  };
  const events = lines.flatMap((text, i) => (/\[\d{3}\] .*\d: \w+: \(/.test(text) ? [i] : []));

  test.each([0.13, 0.37, 0.58, 0.91])('at %d of the recording', async (share) => {
    const at = events[Math.floor(share * events.length)]!;
    const lost = lines.with(at, lines[at]!.replace(/\[\d{3}\] .*$/, '['));
    const named = lines.with(at, lines[at]!.replace(/: (\w\w)\w\w\w/, ': $1\0\0\xff'));
    const bare = lines.with(at, lines[at]!.replace(/: (\w\w)\w/, ': $1\x07'));
    const want = await decided(lost);
    expect(await decided(named)).toEqual(want);
    expect(await decided(bare)).toEqual(want);
    expect(want).not.toEqual(await decided(lines));
  });
});
