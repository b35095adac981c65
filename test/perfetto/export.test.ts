import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportTracks, type ViewerFormat } from '../../src/perfetto/export.js';
import type { Result } from '../../src/result/types.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

interface Entry {
  readonly ph: string;
  readonly name: string;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly id: number;
  readonly args: Record<string, string | number>;
}

const drawn = async (path: string, to: ViewerFormat): Promise<{ bytes: Buffer; result: Result }> => {
  const parts: Buffer[] = [];
  const { result } = await exportTracks({ paths: [path], to, write: (b) => parts.push(Buffer.from(b)) });
  return { bytes: Buffer.concat(parts), result };
};

let bad = '';
let chrome: Entry[] = [];
let result: Result;
let proto: Buffer;
beforeAll(async () => {
  bad = write(folder(), 'bad.txt', withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));
  const json = await drawn(bad, 'chrome');
  result = json.result;
  chrome = JSON.parse(json.bytes.toString()).traceEvents;
  proto = (await drawn(bad, 'perfetto')).bytes;
});

const trackNames = (): Map<number, string> =>
  new Map(chrome.filter((e) => e.ph === 'M').map((e) => [e.tid, String(e.args.name)]));

describe('the tracks of a replay', () => {
  it('are CPUs, mms, page tables and grace periods', () => {
    const names = [...trackNames().values()].join('\n');
    expect(names).toMatch(/^CPUs: CPU \d+: IPI handlers$/m);
    expect(names).toMatch(/^CPUs: CPU \d+: callbacks$/m);
    expect(names).toMatch(/^mms: mm 0xffff[0-9a-f]{12}: task \d+: flushes$/m);
    expect(names).toMatch(/^page tables: PTE table pfn 0x[0-9a-f]+$/m);
    expect(names).toMatch(/^RCU grace periods$/m);
  });

  it('hold what the text of the recording shows: handlers, callbacks, call_rcu', () => {
    const lines = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
    const count = (pattern: RegExp): number => lines.filter((l) => pattern.test(l)).length;
    const named = (name: string, ph: string): number =>
      chrome.filter((e) => e.ph === ph && trackNames().get(e.tid)?.endsWith(name)).length;
    expect(named(': call_rcu', 'i')).toBeGreaterThan(0);
    expect(named(': call_rcu', 'i')).toBeLessThanOrEqual(count(/call_rcu/));
    const handlers = named(': IPI handlers', 'X');
    expect(handlers).toBeGreaterThan(0);
    expect(handlers).toBeLessThanOrEqual(count(/csd_function_entry|call_function/));
    // Each that ended before the return of who waited says so.
    expect(named(': IPI handlers', 'i')).toBe(handlers);
    for (const e of chrome.filter((x) => x.ph === 'X')) expect(e.dur).toBeGreaterThanOrEqual(0);
  });

  it('join IPI, handler and return, call_rcu and callback, in this order', () => {
    const ends = chrome.filter((e) => e.ph === 'f');
    expect(ends.length).toBeGreaterThan(0);
    const starts = new Map(chrome.filter((e) => e.ph === 's').map((e) => [e.id, e]));
    const kinds = new Set<string>();
    for (const end of ends) {
      const start = starts.get(end.id)!;
      expect(start.ts).toBeLessThanOrEqual(end.ts);
      const of = (e: Entry): string => trackNames().get(e.tid)!.split(': ').at(-1)!;
      kinds.add(`${of(start)} → ${of(end)}`);
    }
    expect([...kinds].sort()).toEqual([
      'IPI handlers → IPIs sent',
      'IPIs sent → IPI handlers',
      'call_rcu → callbacks',
    ]);
  });

  it('count the tables that wait for RCU as the report does', () => {
    const values = chrome.filter((e) => e.ph === 'C').map((e) => Number(e.args.value));
    expect(Math.max(...values)).toBe(result.deferred.peakTables);
  });

  it('show every finding, at its last event', () => {
    const findings = result.invariants
      .flatMap((i) => i.findings.map((f) => ({ i, f })))
      .filter(({ f }) => f.events.length > 0);
    expect(findings.length).toBeGreaterThan(0);
    const shown = chrome.filter((e) => e.ph === 'i' && trackNames().get(e.tid) === 'findings');
    expect(shown.map((e) => [e.name, e.args.message])).toEqual(
      findings.map(({ i, f }) => [`${i.id} ${i.name}`, f.message]),
    );
    const last = BigInt(findings[0]!.f.events.at(-1)!.tsNs);
    expect(shown[0]!.ts).toBeCloseTo(Number(last / 1000n) + Number(last % 1000n) / 1000, 3);
  });
});

describe('the protobuf form', () => {
  const protoc = spawnSync('protoc', ['--version']).status === 0;
  it.skipIf(!protoc)('decodes by the published schema, and holds the same as the JSON', () => {
    const run = spawnSync(
      'protoc',
      ['--decode', 'Trace', '-I', join(ROOT, 'test/perfetto'), 'trace-event.proto'],
      { input: proto, maxBuffer: 1 << 28 },
    );
    expect(run.stderr.toString()).toBe('');
    const text = run.stdout.toString();
    // A field that the schema does not have is printed as its number.
    expect(text).not.toMatch(/^\s*\d+[:{ ]/m);
    const count = (pattern: RegExp): number => [...text.matchAll(pattern)].length;
    const json = (ph: string): number => chrome.filter((e) => e.ph === ph).length;
    expect(count(/type: TYPE_SLICE_BEGIN/g)).toBe(json('X'));
    expect(count(/type: TYPE_SLICE_END/g)).toBe(json('X'));
    expect(count(/type: TYPE_INSTANT/g)).toBe(json('i'));
    expect(count(/type: TYPE_COUNTER/g)).toBe(json('C'));
    expect(count(/flow_ids: /g)).toBe(json('s') + json('f'));
    expect(count(/track_descriptor \{/g)).toBe(json('M') + 1);
    const stamps = [...text.matchAll(/timestamp: (\d+)/g)].map((m) => BigInt(m[1]!));
    const low = BigInt(result.timeline.firstNs);
    const high = BigInt(result.timeline.lastNs);
    for (const t of stamps) expect(t >= low && t <= high).toBe(true);
  });

  it('is the same bytes each time', async () => {
    expect((await drawn(bad, 'perfetto')).bytes.equals(proto)).toBe(true);
  });
});

it('pttrace convert --to writes them', async () => {
  const { status, stdout } = await runCommand([
    'convert',
    fixture('6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz'),
    '--to',
    'chrome',
  ]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout).traceEvents.length).toBeGreaterThan(50);
});
