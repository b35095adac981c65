import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GateRun, runGate } from '../../src/gate/gate.js';
import { checkOrigin, formatKcidb } from '../../src/gate/kcidb.js';
import { formatKtap } from '../../src/gate/ktap.js';
import { loadPolicy } from '../../src/gate/policy-file.js';
import { publishedSchema } from '../support/schemas.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from './support/traces.js';

const GOOD = fixture('6.12.117-lab-y/mt-munmap.txt.gz');

let run: GateRun;
let broken: string;
beforeAll(async () => {
  const dir = folder();
  broken = write(dir, 'a # b.txt', withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));
  const text = join(dir, 'prose.txt');
  writeFileSync(text, 'no trace at all\n');
  run = await runGate({ traces: [GOOD, broken, text], policy: loadPolicy(null), baseline: null });
});

describe('KTAP', () => {
  it('says of every check what the gate says: ok, not ok, SKIP, ERROR', () => {
    const { report, read } = run;
    const lines = formatKtap(report, read).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['KTAP version 1', '1..3']);
    const results = lines.filter((l) => /^ {2}(not )?ok /.test(l));
    const { passed, failed, undecided, ignored } = report.summary;
    expect(results).toHaveLength(passed + failed + undecided + ignored);
    expect(results.filter((l) => /^ {2}ok \d+ [^#]+$/.test(l))).toHaveLength(passed);
    expect(results.filter((l) => /^ {2}ok \d+ [^#]+ # SKIP \S/.test(l))).toHaveLength(undecided + ignored);
    expect(results.filter((l) => l.startsWith('  not ok '))).toHaveLength(failed);
    expect(results.filter((l) => / readable # ERROR /.test(l))).toHaveLength(1);
    expect(lines.filter((l) => /^(not )?ok /.test(l)).map((l) => l.slice(0, 8))).toEqual([
      `ok 1 ${GOOD}`.slice(0, 8),
      'not ok 2',
      'not ok 3',
    ]);
  });

  it('numbers each plan without gaps, and no name begins a directive', () => {
    const text = formatKtap(run.report, run.read);
    for (const part of text.split('  KTAP version 1\n').slice(1)) {
      const n = Number(/^ {2}1\.\.(\d+)$/m.exec(part)![1]);
      expect([...part.matchAll(/^ {2}(?:not )?ok (\d+) /gm)].map((m) => Number(m[1]))).toEqual(
        Array.from({ length: n }, (_, i) => i + 1),
      );
    }
    expect(text).toContain('a %23 b.txt');
    expect(text).not.toContain('a # b.txt\n');
  });

  it('explains a failure before its result, and gives latencies in ns', () => {
    const text = formatKtap(run.report, run.read);
    expect(text).toMatch(/^ {2}# I09: .*\n(?: {2}# .*\n)+ {2}not ok \d+ I09$/m);
    expect(text).toMatch(/^ {2}# munmap: \d+ spans, p50 \d+ ns, p99 \d+ ns, max \d+ ns$/m);
  });
});

describe('KCIDB', () => {
  const parse = (build?: string) =>
    JSON.parse(formatKcidb(run.report, run.read, { origin: 'lab', build })) as {
      tests: {
        id: string;
        status: string;
        build_id: string;
        path: string;
        number?: { value: number; unit: string };
      }[];
    };

  it('keeps the published schema', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const valid = ajv.compile(publishedSchema('kcidb-5.3'));
    expect(valid(parse()), JSON.stringify(valid.errors?.slice(0, 2))).toBe(true);
  });

  it('has a test for each check, never PASS for what is undecided, ERROR for what cannot be read', () => {
    const { tests } = parse();
    const { passed, failed, undecided, ignored } = run.report.summary;
    const count = (status: string): number => tests.filter((t) => t.status === status).length;
    expect([count('PASS'), count('SKIP')]).toEqual([passed, undecided + ignored]);
    expect(count('ERROR')).toBe(1);
    expect(count('FAIL')).toBe(failed - 1);
    expect(new Set(tests.map((t) => t.id)).size).toBe(tests.length);
    for (const t of tests) expect(t.build_id).toBe('lab:unknown');
    expect(parse('lab:6.18').tests[0]!.build_id).toBe('lab:6.18');
  });

  it('gives latencies as numbers in seconds', () => {
    const { latency } = run.read[0]!.result;
    const munmap = latency.find((l) => l.name === 'munmap' && l.key === '')!;
    const said = parse().tests.find((t) => t.path === 'pttrace.latency_munmap_p99')!;
    expect(said).toMatchObject({ status: 'DONE', number: { value: munmap.quantiles!.p99 / 1e9, unit: 's' } });
  });

  it('refuses names that the schema does not know', () => {
    expect(() => checkOrigin({ origin: 'My Lab' })).toThrow('lower-case letters');
    expect(() => checkOrigin({ origin: 'lab', build: '6.18' })).toThrow('id of a build');
  });
});
