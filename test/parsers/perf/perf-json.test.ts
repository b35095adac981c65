import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PERF_JSON } from '../../../src/parsers/perf/perf-json.js';
import { bytes, cutEverywhere, fixture, golden, runDialect, text } from '../support/run-dialect.js';

const FIXTURE = 'perf-json/6.12.117-lab-y/perf.json';

test('the fixture', async () => {
  const input = fixture(FIXTURE);
  const run = runDialect(PERF_JSON, input);
  const { samples } = JSON.parse(text(input)) as {
    samples: { timestamp: number; pid: number; tid: number; cpu: number; comm: string }[];
  };
  expect(run.rows.map((r) => [Number(r.ts), r.tgid, r.pid, r.cpu, r.comm])).toEqual(
    samples.map((s) => [s.timestamp, s.pid, s.tid, s.cpu, s.comm]),
  );
  expect(run.counts).toMatchObject({ skipped: 0, foreign: 0, event: samples.length });
  await expect(golden(run)).toMatchFileSnapshot('../golden/perf-json.txt');
  expect(PERF_JSON.score(input)).toBeGreaterThan(0.9);
});

test('cut at every byte', () => {
  const input = fixture(FIXTURE);
  cutEverywhere(PERF_JSON, input.subarray(0, 3000));
});

test('a cut file says so, keys that are not carried on are named', () => {
  const whole = text(fixture(FIXTURE));
  const cut = runDialect(PERF_JSON, bytes(whole.slice(0, whole.indexOf('"comm"') + 12)));
  expect(cut.notes.map((n) => n.code)).toContain('json-cut');
  const more = runDialect(PERF_JSON, bytes(whole.replace('"comm"', '"ret": "0x0",\n\t\t\t"comm"')));
  expect(more.notes.find((n) => n.code === 'json-fields')?.message).toContain('ret');
});

test('any task name, escaped or not', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 15 }).filter((s) => !/[\n\r\ud800-\udfff]/.test(s)),
      (comm) => {
        const json =
          '{\n\t"linux-perf-json-version": 1,\n\t"samples": [\n\t\t{\n\t\t\t"timestamp": 1700000000123456789,\n' +
          `\t\t\t"tid": 7,\n\t\t\t"comm": ${JSON.stringify(comm)}\n\t\t}\n\t]\n}\n`;
        const [row] = runDialect(PERF_JSON, bytes(json)).rows;
        expect(row).toMatchObject({ comm, pid: 7, tgid: -1, cpu: -1, ts: '1700000000123456789' });
      },
    ),
  );
});

test('brackets without end are bounded', () => {
  const deep = `{\n\t"linux-perf-json-version": 1,\n${'[\n'.repeat(10_000)}`;
  const run = runDialect(PERF_JSON, bytes(deep));
  expect(run.counts.skipped).toBeGreaterThan(9000);
});
