import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { formatBreakdown } from '../../cli/render/breakdown.js';
import { analyse } from '../../src/analyse/analyse.js';
import { breakdown } from '../../src/breakdown/breakdown.js';
import { phaseWords } from '../../src/breakdown/summary.js';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/replay/${name}`, import.meta.url));
const RECORDINGS = [
  '6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz',
  '6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz',
  '6.12.117-lab-y/gup-munmap.txt.gz',
].map(fixture);

const require = createRequire(import.meta.url);
const validate = new Ajv2020({ allErrors: true }).compile(require('../../src/schema/breakdown.schema.json'));

interface Row {
  readonly pid: number;
  readonly cpu: number;
  readonly ns: number;
  readonly text: string;
}

/** Raw lines by one regular expression, none of the project's parsers. */
function rowsOf(path: string): Row[] {
  const out: Row[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString('latin1').split('\n')) {
    const m = /^\s*.+-(\d+)\s+(?:\(.{7}\)\s+)?\[(\d+)\] \S+\s+(\d+)\.(\d{6}): (.*)$/.exec(line);
    if (m) {
      out.push({
        pid: Number(m[1]),
        cpu: Number(m[2]),
        ns: Number(m[3]) * 1e9 + Number(m[4]) * 1e3,
        text: m[5]!,
      });
    }
  }
  return out;
}

/** Lengths of whole munmap calls, and answers of flush IPIs by source and target, counted from the lines. */
function fromLines(rows: readonly Row[]) {
  const open = new Map<number, number>();
  const spans: number[] = [];
  const csd = new Map<string, { source: number; ns: number }>();
  const answers = new Map<string, number[]>();
  for (const r of rows) {
    if (r.text.startsWith('sys_munmap(')) open.set(r.pid, r.ns);
    else if (r.text.startsWith('sys_munmap ->')) {
      const begin = open.get(r.pid);
      if (begin !== undefined) spans.push(r.ns - begin);
      open.delete(r.pid);
    }
    const sent = /^csd_queue_cpu: cpu=(\d+) .*func=flush_tlb_func csd=(\S+)/.exec(r.text);
    if (sent) csd.set(`${sent[1]} ${sent[2]}`, { source: r.cpu, ns: r.ns });
    const done = /^csd_function_exit: func=flush_tlb_func, csd=(\S+)/.exec(r.text);
    const asked = done ? csd.get(`${r.cpu} ${done[1]}`) : undefined;
    if (done && asked) {
      csd.delete(`${r.cpu} ${done[1]}`);
      const key = `${asked.source} ${r.cpu}`;
      answers.set(key, [...(answers.get(key) ?? []), r.ns - asked.ns]);
    }
  }
  return { spans, answers };
}

const sum = (list: readonly number[]): number => list.reduce((s, v) => s + v, 0);

describe('breakdown', () => {
  test.each(RECORDINGS)(
    'phases add up to the spans of the raw lines, and IPIs to theirs: %s',
    async (path) => {
      const b = await breakdown({ paths: [path] });
      expect(validate(b), JSON.stringify(validate.errors)).toBe(true);
      const { spans, answers } = fromLines(rowsOf(path));
      expect(spans.length).toBeGreaterThan(0);
      expect([b.what, b.spans.count, b.spans.sumNs]).toEqual(['munmap', spans.length, sum(spans)]);
      expect(sum(b.phases.map((p) => p.sumNs))).toBe(b.spans.sumNs);
      expect(b.spans.maxNs).toBe(Math.max(...spans));
      // All but answers stamped before their question.
      for (const p of b.shootdown.pairs) {
        const raw = answers.get(`${p.source} ${p.target}`) ?? [];
        expect(p.count + p.early).toBe(raw.length);
        if (p.early === 0) expect([p.sumNs, p.maxNs]).toEqual([sum(raw), Math.max(...raw)]);
      }
      expect(b.shootdown.pairs.length).toBe(answers.size);
      const text = formatBreakdown(b, true);
      expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    },
  );

  test('phases of a munmap whose answer is known, line by line', async () => {
    const at = (us: number, event: string, pid = 7, cpu = 0, flags = '.....'): string =>
      `           a-${pid}     [00${cpu}] ${flags}    10.${String(us).padStart(6, '0')}: ${event}`;
    const flush = 'func=flush_tlb_func';
    const lines = [
      '# tracer: nop',
      '#',
      at(0, 'sys_munmap(addr: 100000000000, len: 2000000)'),
      at(5, 'tlb_gather_mmu: (tlb_gather_mmu+0x4/0x90) tlb=0xffffc90000bcfc90 mm=0xffff88807eeb8000'),
      at(10, 'unmap_vmas: (unmap_vmas+0x4/0x100) tlb=0xffffc90000bcfc90'),
      at(30, 'free_pgtables: (free_pgtables+0x4/0x230) tlb=0xffffc90000bcfc90 mm=0xffff88807eeb8000'),
      at(
        60,
        'tlb_finish_mmu: (tlb_finish_mmu+0x4/0x160) tlb=0xffffc90000bcfc90 mm=0xffff88807eeb8000 batch=0x0 start=0x100000000000 end=0x100000001000',
      ),
      at(
        61,
        'flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1e0) mm=0xffff88807eeb8000 start=0x100000000000 end=0x100000001000 stride_shift=12 freed_tables=1',
      ),
      at(63, `csd_queue_cpu: cpu=1 callsite=on_each_cpu_cond_mask+0x40/0x70 ${flush} csd=00000000aaaaaaaa`),
      at(64, `csd_queue_cpu: cpu=2 callsite=on_each_cpu_cond_mask+0x40/0x70 ${flush} csd=00000000bbbbbbbb`),
      at(70, `csd_function_entry: ${flush}, csd=00000000aaaaaaaa`, 8, 1, 'd.h..'),
      at(72, `csd_function_exit: ${flush}, csd=00000000aaaaaaaa`, 8, 1, 'd.h..'),
      at(90, `csd_function_entry: ${flush}, csd=00000000bbbbbbbb`, 9, 2, 'd.h..'),
      at(99, `csd_function_exit: ${flush}, csd=00000000bbbbbbbb`, 9, 2, 'd.h..'),
      at(100, 'flush_tlb_mm_range_ret: (tlb_finish_mmu+0xe7/0x160 <- flush_tlb_mm_range)'),
      at(110, 'call_rcu: (call_rcu+0x4/0x10) head=0xffff888119cda000 func=tlb_remove_table_rcu+0x0/0x40'),
      at(114, 'mm_page_free: page=0000000044f05b9b pfn=0x11a2ac order=0'),
      at(
        120,
        'sched_switch: prev_comm=a prev_pid=7 prev_prio=120 prev_state=R+ ==> next_comm=b next_pid=5 next_prio=120',
      ),
      at(
        150,
        'sched_switch: prev_comm=b prev_pid=5 prev_prio=120 prev_state=S ==> next_comm=a next_pid=7 next_prio=120',
        5,
      ),
      at(157, 'sys_munmap -> 0x0'),
    ];
    const { Readable } = await import('node:stream');
    const b = await breakdown({ paths: ['-'], stdin: Readable.from([Buffer.from(`${lines.join('\n')}\n`)]) });
    const us = Object.fromEntries(b.phases.filter((p) => p.sumNs > 0).map((p) => [p.phase, p.sumNs / 1e3]));
    expect(us).toEqual({
      'before zap': 10,
      zap: 20,
      unlink: 30,
      'flush: send': 3,
      'flush: wait': 36,
      call_rcu: 4,
      free: 1 + 10 + 6 + 7,
      'off CPU': 30,
    });
    expect(b.shootdown.pairs.map((p) => [p.source, p.target, p.maxNs])).toEqual([
      [0, 1, 9000],
      [0, 2, 35_000],
    ]);
    expect(b.shootdown.waits).toMatchObject([{ pages: '1 page', targets: 2, maxNs: 36_000 }]);
    expect(b.shootdown.slowest[0]).toMatchObject({ target: 2, reachedNs: 26_000, line: 13 });
  });

  test('refused: a syscall that unmaps nothing', async () => {
    await expect(breakdown({ paths: ['-'], syscall: 'read' })).rejects.toThrow('no breakdown of read');
  });
});

test.each(RECORDINGS)('%s: a replay says the same in short', async (path) => {
  const whole = await breakdown({ paths: [path] });
  const { phases } = await analyse({ paths: [path] });
  expect(phases).toEqual({
    what: whole.what,
    count: whole.spans.count,
    censored: whole.spans.censored,
    sumNs: whole.spans.sumNs,
    phases: whole.phases.filter((p) => p.sumNs > 0).map(({ phase, sumNs }) => ({ phase, sumNs })),
  });
  expect(phases!.phases.reduce((sum, p) => sum + p.sumNs, 0)).toBe(phases!.sumNs);
  const words = phaseWords(phases!, (ns) => `${ns} ns`);
  expect(words).toContain(`of ${phases!.sumNs} ns in ${phases!.count} calls`);
  expect(words).toMatch(/^flush: wait \d/);
});
