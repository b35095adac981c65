import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parseKeyParts } from '../../src/latency/group-keys.js';
import { parseMatch } from '../../src/latency/span-source.js';
import { type HistOptions, hist } from '../../src/measure/hist.js';
import { UsageError } from '../../src/result/usage-error.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const KPROBES = fixture('replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz');
const SLOW = fixture('replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz');
const GRAPH = fixture('function_graph/6.12.117-lab-y/abstime.txt');
const MAIL = fixture('mail/munmap-2024-11.txt');
const lines = (file: string): string[] => {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1').split('\n');
};

const require = createRequire(import.meta.url);
const validate = new Ajv2020({ allErrors: true }).compile(require('../../src/schema/hist.schema.json'));

async function valid(options: HistOptions) {
  const report = await hist(options);
  expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
  return report;
}

const ROW = /^\s*(.*)-(\d+)\s+\[(\d+)\] \S+ +(\d+)\.(\d{6}): (.*)$/;
interface Line {
  pid: string;
  cpu: string;
  us: number;
  text: string;
}
const parsed = (file: string): Line[] =>
  lines(file).flatMap((l) => {
    const m = ROW.exec(l);
    return m === null ? [] : [{ pid: m[2]!, cpu: m[3]!, us: Number(m[4]) * 1e6 + Number(m[5]), text: m[6]! }];
  });

/** The slow obvious pairing, straight from the text. */
function slowPairs(
  file: string,
  begin: (l: Line) => string | null,
  end: (l: Line) => string | null,
): number[] {
  const open = new Map<string, number>();
  const out: number[] = [];
  for (const l of parsed(file)) {
    const e = end(l);
    if (e !== null && open.has(e)) {
      out.push((l.us - open.get(e)!) * 1000);
      open.delete(e);
    }
    const b = begin(l);
    if (b !== null) open.set(b, l.us);
  }
  return out.sort((x, y) => x - y);
}

const counted = (values: readonly number[]): Map<number, number> => {
  const m = new Map<number, number>();
  for (const v of values) {
    const low = v === 0 ? 0 : 2 ** Math.floor(Math.log2(v));
    m.set(low, (m.get(low) ?? 0) + 1);
  }
  return m;
};

function agrees(report: Awaited<ReturnType<typeof hist>>, values: readonly number[]): void {
  expect(values.length).toBeGreaterThan(0);
  const g = report.groups[0]!;
  expect(g.count).toBe(values.length);
  expect(g.sum).toBe(String(values.reduce((s, v) => s + v, 0)));
  expect([g.min, g.max]).toEqual([values[0], values.at(-1)]);
  expect(new Map(g.buckets.filter((b) => b.count > 0).map((b) => [b.low, b.count]))).toEqual(counted(values));
  for (const q of g.quantiles) expect(q.value).toBe(values[Math.ceil(q.q * values.length - 1e-9) - 1]);
}

describe('hist over real recordings', () => {
  test('munmap', async () => {
    const r = await valid({ paths: [KPROBES] });
    agrees(
      r,
      slowPairs(
        KPROBES,
        (l) => (l.text.startsWith('sys_munmap(') ? l.pid : null),
        (l) => (l.text.startsWith('sys_munmap ->') ? l.pid : null),
      ),
    );
    expect(r.printed.startsWith('@ns:\n[')).toBe(true);
    expect(r.inputs[0]!.lines.skipped).toBe(0);
    expect(r.windowNs).toBeGreaterThan(0);
  });

  test('a function between its probes', async () => {
    const r = await valid({ paths: [KPROBES], source: { kind: 'func', name: 'flush_tlb_mm_range' } });
    agrees(
      r,
      slowPairs(
        KPROBES,
        (l) =>
          l.text.startsWith('flush_tlb_mm_range: (flush_tlb_mm_range+')
            ? `${l.pid}${l.pid === '0' ? l.cpu : ''}`
            : null,
        (l) => (l.text.includes('<- flush_tlb_mm_range)') ? `${l.pid}${l.pid === '0' ? l.cpu : ''}` : null),
      ),
    );
  });

  test('call_rcu to callback, and where only tracepoints show it', async () => {
    const head = (l: Line): string | null => /head=(\S+)/.exec(l.text)?.[1] ?? null;
    const r = await valid({ paths: [KPROBES], source: { kind: 'rcu', name: 'tlb_remove_table_rcu' } });
    expect(r.notes.join()).toContain('`replay` ends these delays where rcu:rcu_invoke_callback announces it');
    agrees(
      r,
      slowPairs(
        KPROBES,
        (l) => (/^call_rcu: .*func=tlb_remove_table_rcu/.test(l.text) ? head(l) : null),
        (l) => (l.text.startsWith('tlb_remove_table_rcu: (tlb_remove_table_rcu+') ? head(l) : null),
      ),
    );
    const rhp = (l: Line): string | null => /rhp=(\S+)/.exec(l.text)?.[1] ?? null;
    const slow = await valid({ paths: [SLOW], source: { kind: 'rcu', name: '__tlb_remove_table_one_rcu' } });
    agrees(
      slow,
      slowPairs(
        SLOW,
        (l) => (/^rcu_callback: .*func=__tlb_remove_table_one_rcu/.test(l.text) ? rhp(l) : null),
        (l) => (/^rcu_invoke_callback: .*func=__tlb_remove_table_one_rcu/.test(l.text) ? rhp(l) : null),
      ),
    );
    expect(slow.notes.join()).toContain('taken from the rcu tracepoints');
  });

  test('an event pair by argument: IPI queued to handled', async () => {
    const csd = (l: Line): string | null => /csd=(\S+)/.exec(l.text)?.[1] ?? null;
    const r = await valid({
      paths: [KPROBES],
      source: {
        kind: 'events',
        from: 'csd_queue_cpu',
        to: 'csd_function_entry',
        match: parseMatch('arg:csd'),
      },
    });
    agrees(
      r,
      slowPairs(
        KPROBES,
        (l) => (l.text.startsWith('csd_queue_cpu:') ? csd(l) : null),
        (l) => (l.text.startsWith('csd_function_entry:') ? csd(l) : null),
      ),
    );
  });

  test('function_graph durations, exact below the stamps’ microsecond', async () => {
    const want = lines(GRAPH)
      .flatMap((l) => {
        const m = /([\d.]+) us +\| +(?:preempt_count_add\(\);|\} \/\* preempt_count_add)/.exec(l);
        return m === null ? [] : [Math.round(Number(m[1]) * 1000)];
      })
      .sort((a, b) => a - b);
    agrees(await valid({ paths: [GRAPH], source: { kind: 'span', name: 'preempt_count_add' } }), want);
  });

  test('groups sum to the whole, and print in bpftrace’s order', async () => {
    const source = { kind: 'func', name: 'flush_tlb_mm_range' } as const;
    const whole = await valid({ paths: [KPROBES], source });
    const by = await valid({ paths: [KPROBES], source, by: parseKeyParts('arg:freed_tables,cpu') });
    expect(by.groups.length).toBeGreaterThan(1);
    expect(by.groups.reduce((s, g) => s + g.count, 0)).toBe(whole.groups[0]!.count);
    const heads = by.printed.match(/^@ns\[.*\]/gm)!;
    expect(heads.length).toBe(by.groups.filter((g) => g.count > 0).length);
    expect(heads.at(-1)).toBe(`@ns[${by.groups[0]!.key}]`);
  });

  test('us, lhist, bits, names and releases', async () => {
    const base = { paths: [KPROBES] };
    const us = await valid({ ...base, unit: 'us', shape: { kind: 'lhist', min: 0, max: 1000, step: 100 } });
    expect(us.printed).toMatch(/^@usecs:\n(?:\[.*\n)+\n$/);
    const bits = await valid({
      ...base,
      shape: { kind: 'hist', bits: 2 },
      mapName: 'munmap',
      family: '0.20',
    });
    expect(bits.printed.startsWith('@munmap: \n')).toBe(true);
    expect(bits.groups[0]!.buckets.length).toBeGreaterThan((await hist(base)).groups[0]!.buckets.length);
    await expect(hist({ ...base, shape: { kind: 'hist', bits: 2 }, family: '0.10' })).rejects.toThrow(
      UsageError,
    );
  });

  test('a filter shows a part; the parts of two CPUs sets sum to the whole', async () => {
    const all = await hist({ paths: [KPROBES] });
    const parts = await Promise.all(
      [
        [0, 1],
        [2, 3],
      ].map((cpus) => hist({ paths: [KPROBES], filter: { cpus } })),
    );
    const n = (r: Awaited<ReturnType<typeof hist>>): number => r.groups.reduce((s, g) => s + g.count, 0);
    expect(n(parts[0]!) + n(parts[1]!)).toBe(n(all));
    expect(parts[0]!.filter).toBe('CPU 0,1');
  });

  test('standard input, in any pieces, gives the same', async () => {
    const want = await hist({ paths: [KPROBES] });
    const bytes = readFileSync(KPROBES);
    for (const size of [1000, 4096, bytes.length]) {
      const chunks: Buffer[] = [];
      for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
      const got = await hist({ paths: ['-'], stdin: Readable.from(chunks) });
      expect(got.printed).toBe(want.printed);
      expect(got.groups).toEqual(want.groups);
    }
  });

  test('what is not there is said, with what is', async () => {
    const r = await valid({ paths: [KPROBES], source: { kind: 'func', name: 'no_such_function' } });
    expect(r.printed).toBe('');
    expect(r.notes.join()).toMatch(
      /nothing in this recording is function no_such_function.*flush_tlb_mm_range/,
    );
  });
});

describe('printed histograms read back', () => {
  test('both blocks of the mail, or one by its title', async () => {
    const both = await valid({ paths: [MAIL], family: '0.10' });
    expect(both.from).toBe('bins');
    expect(both.groups.map((g) => [g.title, g.count])).toEqual([
      ['without patch:', 210476],
      ['with patch:', 122496],
    ]);
    const one = await valid({ paths: [`${MAIL}#with patch`], family: '0.10', quantiles: [0.995] });
    expect(one.groups.map((g) => g.count)).toEqual([122496]);
    expect(one.groups[0]!.quantiles[0]).toMatchObject({ low: 8192, high: 16384 });
    // What the mailer wrapped is whole again.
    expect(one.printed).toContain(
      '[1K, 2K)           53921 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n',
    );
    await expect(hist({ paths: [`${MAIL}#nothing`] })).rejects.toThrow('no histogram called');
  });

  test('from standard input', async () => {
    const r = await hist({ paths: ['-'], stdin: Readable.from([readFileSync(MAIL)]) });
    expect(r.groups.length).toBe(2);
  });

  test('JSON of bpftrace, and bcc', async () => {
    const json = await valid({ paths: [fixture('bpftrace-hist/0.17.0/saturated.json.txt')] });
    expect(json.groups.length).toBeGreaterThan(0);
    const bcc =
      '     usecs               : count     distribution\n         0 -> 1          : 0        |      |\n         2 -> 3          : 15       |******|\n';
    const r = await hist({ paths: ['-'], stdin: Readable.from([Buffer.from(bcc)]) });
    expect(r.unit).toBe('us');
    expect(r.printed).toContain('[2, 4)                15 |@');
  });
});

const recordings = new URL('../../../shared/recordings/', import.meta.url);
describe.skipIf(!existsSync(recordings))('other recordings (absent: skipped)', () => {
  const at = (name: string): string => fileURLToPath(new URL(name, recordings));
  test('trace-cmd and ftrace of one kernel all give munmap spans', async () => {
    for (const file of [
      'trace-cmd-report.txt.gz',
      'trace.dat',
      'lost-trace_pipe.txt.gz',
      'mt-munmap.txt.gz',
    ]) {
      const r = await hist({ paths: [at(`6.12.117-lab-y/${file}`)], by: ['comm'] });
      expect(
        r.groups.reduce((s, g) => s + g.count, 0),
        file,
      ).toBeGreaterThan(0);
    }
  });

  test('loss is censored, tick clocks give no ns', async () => {
    const lossy = await hist({
      paths: [at('6.12.117-lab-y/lost-trace_pipe.txt.gz')],
      source: { kind: 'events', from: 'tlb_flush', to: 'tlb_flush', match: 'none' },
    });
    expect(lossy.groups.reduce((s, g) => s + g.censored.loss, 0)).toBeGreaterThan(0);
    const ticks = await hist({ paths: [at('6.12.117-lab-y/clock-x86-tsc.txt')], unit: 'us' });
    expect(ticks.unit).toBe('ticks');
    expect(ticks.notes.join()).toContain('ticks');
  });
});
