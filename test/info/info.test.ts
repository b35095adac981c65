import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { info } from '../../src/info/info.js';
import { TraceError } from '../../src/parsers/input/trace-error.js';
import { LOST, munmapRcu, print, singleRcu, without } from '../replay/support/story.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-info-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function of(text: string) {
  const path = join(folder, 'file.txt');
  writeFileSync(path, text);
  return (await info({ paths: [path] })).files[0]!;
}

describe('info of a trace', () => {
  const steps = [1, 2, 3].flatMap(munmapRcu);

  it('counts events by name and symbol, most frequent first, return addresses merged', async () => {
    const file = await of(print(steps));
    const counted = new Map(file.events.map((e) => [`${e.kind} ${e.event} ${e.symbol}`, e.count]));
    expect(counted.get('tracepoint mm_page_free ')).toBe(9);
    expect(counted.get('probe pte_free_tlb ___pte_free_tlb')).toBe(3);
    expect(counted.get('retprobe flush_tlb_mm_range_ret flush_tlb_mm_range')).toBe(3);
    expect(counted.get('syscall-enter munmap ')).toBe(3);
    expect(file.events.reduce((n, e) => n + e.count, 0)).toBe(steps.length);
    const counts = file.events.map((e) => e.count);
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
    const spanS = Number(file.timeline!.spanNs) / 1e9;
    expect(file.events[0]!.perSecond).toBeCloseTo(file.events[0]!.count / spanS, 6);
  });

  it('merges the callers of a return probe', async () => {
    const file = await of(print([...steps, ...singleRcu(4), ...singleRcu(5)]));
    const returns = file.events.filter((e) => e.symbol === 'flush_tlb_mm_range' && e.kind === 'retprobe');
    expect(returns.map((e) => e.count)).toEqual([5]);
  });

  it('says what was read: format, lines, CPUs, loss, kernels', async () => {
    const file = await of(print([...steps, LOST(1, 4)]));
    expect(file.input).toMatchObject({
      format: 'ftrace',
      lines: { event: steps.length, lost: 1, header: 12, skipped: 0 },
    });
    expect(file.timeline).toMatchObject({
      cpus: [0, 1],
      lost: [{ cpu: 1, count: 4, intervals: 1 }],
      unit: 'ns',
    });
    expect(file.variants).toContain('C');
    expect(file.variants).not.toContain('A0');
    expect([file.histograms, file.triggers]).toEqual([[], []]);
  });

  it('says which invariants its probes can decide, and names the missing ones', async () => {
    const can = (file: Awaited<ReturnType<typeof of>>, id: string) => file.decides.find((d) => d.id === id)!;
    const full = await of(print(steps));
    for (const id of ['I01', 'I04', 'I09', 'I11', 'I24', 'I36', 'I38', 'I49'])
      expect(can(full, id).can, id).toBe('yes');
    expect(can(full, 'I05')).toMatchObject({ can: 'no' });
    const poor = await of(print([1, 2].flatMap((n) => without(munmapRcu(n), 'enqueue', 'enqueue-traced'))));
    expect(can(poor, 'I09')).toMatchObject({ can: 'no', missing: ['a kprobe on call_rcu (head, func)'] });
    expect(can(poor, 'I01').can).toBe('yes');
  });
});

describe('info of other files', () => {
  it('finds a printed histogram in prose', async () => {
    const file = await of(
      [
        'Hi, on my machine I see this:',
        '',
        '@usecs[munmap]:',
        '[4, 8)                12 |@@@@@@@@@@@@@@@@@@                                  |',
        '[8, 16)               34 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|',
        '',
        'Thanks',
        '',
      ].join('\n'),
    );
    expect(file.histograms).toHaveLength(1);
    expect(file.histograms[0]).toMatchObject({ line: 3, count: 46 });
    expect(file.timeline).toBeNull();
    expect(file.input.lines.total).toBe(7);
  });

  it('refuses a file that holds nothing known', async () => {
    await expect(of('once upon a time\nthere was a file\n')).rejects.toThrow(TraceError);
  });

  it('takes several files, each by itself', async () => {
    const paths = [1, 2].map((n) => {
      const path = join(folder, `${n}.txt`);
      writeFileSync(path, print(munmapRcu(n)));
      return path;
    });
    const { files } = await info({ paths });
    expect(files.map((f) => f.input.path)).toEqual(paths);
    expect(files[1]!.timeline!.events).toBe(munmapRcu(2).length);
  });
});

describe('info of printed tables', () => {
  it('maps of bpftrace, as text and as JSON', async () => {
    const text = await of(
      'Attaching 3 probes...\n\n@calls: 12\n@by[sh, 3]: -4\n@st[x]: count 2, average 15, total 30\n@new: { .count = 2, .average = 15, .total = 30 }\n',
    );
    expect(text.input).toMatchObject({ format: 'bpftrace-maps', lines: { total: 6, header: 4 } });
    expect(text.maps.map((m) => [m.name, m.key, m.line, m.value ?? m.stats])).toEqual([
      ['@calls', null, 3, 12],
      ['@by', 'sh, 3', 4, -4],
      ['@st', 'x', 5, { count: 2, average: 15, total: 30 }],
      ['@new', null, 6, { count: 2, average: 15, total: 30 }],
    ]);
    const json = await of(
      '{"type": "map", "data": {"@c": {"y z": 2}}}\n{"type": "map", "data": {"@t": 7}}\n{"type": "stats", "data": {\n  "@s": {"count": 1, "average": 2, "total": 2}}\n}\n',
    );
    expect(json.maps.map((m) => [m.name, m.key, m.line, m.value ?? m.stats?.total])).toEqual([
      ['@c', 'y z', 1, 2],
      ['@t', null, 2, 7],
      ['@s', null, 3, 2],
    ]);
  });

  it('a report with a trace and a histogram in it: both', async () => {
    const steps = [1, 2].flatMap(munmapRcu);
    const file = await of(
      `${print(steps)}\nThis took:\n\n@ns[munmap]:\n[4K, 8K)    3 |@@@|\n[8K, 16K)   3 |@@@|\n`,
    );
    expect(file.timeline!.events).toBe(steps.length);
    expect(file.histograms).toMatchObject([{ title: 'This took:', count: 6 }]);
    expect(file.input.lines.skipped).toBe(0);
  });

  it('the probe to add stands there as the kernel takes it', async () => {
    const poor = await of(print([1, 2].flatMap((n) => without(munmapRcu(n), 'enqueue', 'enqueue-traced'))));
    const missing = poor.missingProbes.find((m) => m.probe === 'a kprobe on call_rcu (head, func)')!;
    expect(missing.add).toEqual(['p:pttrace/call_rcu call_rcu head=%di:x64 func=%si:symbol']);
    expect(missing.decides).toContain('I09');
    const least = await of(print(munmapRcu(1).slice(0, 2)));
    expect(least.missingProbes.length).toBeGreaterThan(poor.missingProbes.length);
    for (const m of [...poor.missingProbes, ...least.missingProbes])
      for (const line of m.add) expect(line).toMatch(/^(?:[pr]:pttrace\/\w+ \w+(?: \S+)*|\w+:[\w*]+)$/);
  });
});
