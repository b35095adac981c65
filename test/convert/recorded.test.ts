import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { CONVERT_FORMATS } from '../../src/convert/convert.js';
import { scanInput } from '../../src/parsers/input/open-input.js';
import { RecordingFacts } from '../../src/parsers/input/recording-facts.js';
import { newPipeline } from '../../src/read/pipeline.js';
import type { Result } from '../../src/result/types.js';
import { ROOT } from '../support/built.js';
import { converted, timelineOf } from './support.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-recorded-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GOOD = join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz');

const SAID = [
  'kernel Linux 6.12.117 x86_64',
  'probe p:pttrace_17/call_rcu call_rcu head=%di:x64 func=%si:symbol',
  'base vmemmap 0xffffea0000000000',
  'note odd a "quoted", thing',
];

test.each(CONVERT_FORMATS)('what a recording says of itself is carried on in %s', async (to) => {
  const from = join(dir, 'from');
  const out = join(dir, 'out');
  const trace = gunzipSync(readFileSync(GOOD));
  writeFileSync(from, Buffer.concat([Buffer.from(SAID.map((f) => `# pttrace: ${f}\n`).join('')), trace]));
  writeFileSync(out, (await converted([from], to)).bytes);
  const facts = new RecordingFacts();
  const { report } = await scanInput(out, { input: 0, context: newPipeline(), sink: () => {}, facts });
  // That only the head of the capture is in the file is said on, too.
  expect(facts.all.slice(0, -1)).toEqual(SAID);
  expect(facts.all.at(-1)).toMatch(/^note cut-file the header counts \d+ entries, \d+ are here/);
  expect(facts.vmemmap).toBe('0xffffea0000000000');
  expect(report.notes.map((n) => n.code)).toContain('odd');
  expect(report.lines).toMatchObject({ skipped: 0, foreign: 0 });
});

test.each(CONVERT_FORMATS)('two inputs are two captures in one %s', async (to) => {
  const out = join(dir, 'two');
  writeFileSync(out, (await converted([GOOD, GOOD], to)).bytes);
  const one = (await timelineOf(GOOD)).rows;
  expect((await timelineOf(out)).rows).toEqual([...one, 'fact 2 cpu -1 ', ...one]);
});

/** Rows no dialect's fixture has: what the forms must carry, or say that they cannot. */
const ODD = [
  '{"tsNs":"1000","event":"e","comm":"a","args":"x"}',
  '{"tsNs":"2000","event":"e","comm":"b","cpu":1,"args":"caf\\u00e9 \\ud83d\\ude00"}',
  '{"tsNs":"3000","event":"e","comm":"??","commHex":"ff41fe","pid":7,"args":"?","argsHex":"80ff20c3"}',
  '{"tsNs":"4000","event":"f","kind":"span","stamp":"start","durNs":217.5,"symbol":"f","cpu":0,"pid":1,"comm":"c","args":""}',
  '{"tsNs":"5000","event":"f","kind":"span","stamp":"end","symbol":"f","cpu":0,"pid":1,"comm":"c","args":"ret=0x0"}',
  '{"mark":"lost","count":5}',
  '{"tsNs":"6000","event":"e","cpu":2,"pid":1,"comm":"c","args":"two\\nlines"}',
  '{"tsNs":"7000","event":"p","kind":"probe","cpu":2,"pid":1,"comm":"c","args":"a=1"}',
  '{"tsNs":"8000","event":"r","kind":"retprobe","cpu":2,"pid":1,"comm":"c","flags":"dNh2.","args":"a=1"}',
  '{"tsNs":"9000","event":"e","cpu":2,"pid":1,"comm":" blank ","flags":193,"args":" b "}',
];

test.each(CONVERT_FORMATS)('odd rows in %s', async (to) => {
  const from = join(dir, 'odd.jsonl');
  const out = join(dir, 'odd.out');
  writeFileSync(from, `${ODD.join('\n')}\n`);
  const want = await timelineOf(from);
  expect(want.rows.length).toBe(ODD.length);
  const { bytes, unsaid } = await converted([from], to);
  writeFileSync(out, bytes);
  const got = await timelineOf(out);
  if (to !== 'ftrace') {
    expect(got.rows).toEqual(want.rows);
    expect([...unsaid]).toEqual([]);
    return;
  }
  // Unknown CPU and pid, bytes, losses and probes without a symbol are said; the rest is told.
  expect(Object.fromEntries(unsaid)).toEqual({
    'durations of calls (span): written as calls and returns': 2,
    'arguments with line breaks, or blanks around them': 1,
    'task names with blanks around them, or that hold what follows one': 1,
  });
  const differ = got.rows.flatMap((row, i) => (row === want.rows[i] ? [] : [i]));
  expect(differ).toEqual([3, 4, 6, 9]);
});

test('per-CPU files become the one timeline that a replay makes of them', async () => {
  const lines = gunzipSync(readFileSync(GOOD)).toString('latin1').split('\n');
  const paths = [0, 1, 2, 3].map((cpu) => {
    const path = join(dir, `cpu${cpu}`);
    writeFileSync(
      path,
      lines
        .filter((l) => l.includes(`[00${cpu}] `))
        .map((l) => `${l}\n`)
        .join(''),
      'latin1',
    );
    return path;
  });
  const out = join(dir, 'merged');
  writeFileSync(out, (await converted(paths, 'jsonl')).bytes);
  const got = await analyse({ paths: [out] });
  const want = await analyse({ paths });
  expect(got.timeline.events).toBe(2488);
  // How the inputs were joined is no matter of the timeline they became.
  const { joins: _, ...timeline } = want.timeline;
  expect(got.timeline).toMatchObject(timeline);
  const verdicts = (r: Result) => r.invariants.map((i) => [i.id, i.verdict, i.instances]);
  expect(verdicts(got)).toEqual(verdicts(want));
});
