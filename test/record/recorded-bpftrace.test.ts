import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import type { Result } from '../../src/result/types.js';
import { converted } from '../convert/support.js';
import { FIXTURES } from './support/kernels.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-bpftrace-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Cut from a recording of the bpftrace script at level readers, without a filter (fixtures/record/README.md). */
const RECORDING = join(FIXTURES, 'debian-7.3.4/bpftrace-reclaim.txt.gz');
/** Tables that were reclaimed, and walkers inside one at its unlink. */
const TABLES = 4;
const WALKERS = 1;
const text = gunzipSync(readFileSync(RECORDING)).toString('latin1');

let count = 0;
async function replay(content: string): Promise<Result> {
  const path = join(dir, `${count++}.txt`);
  writeFileSync(path, content, 'latin1');
  return analyse({ paths: [path] });
}
const of = (r: Result, id: string) => r.invariants.find((i) => i.id === id)!;

describe('a recording of the bpftrace script at level readers', () => {
  it('decides what whole tables and per-CPU state show, and who was in a table', async () => {
    const r = await analyse({ paths: [RECORDING] });
    expect(r.invariants.filter((i) => i.verdict === 'violated')).toEqual([]);
    expect(r.inputs[0]!.lines).toMatchObject({ skipped: 0, foreign: 0 });
    expect(r.bases.how).toBe('recorded');
    for (const id of ['I05', 'I17', 'I26']) expect([id, of(r, id).verdict]).toEqual([id, 'pass']);
    expect(of(r, 'I17').instances.pass).toBe(TABLES);
    expect(r.readers!.inside.atUnlink.walkers).toBe(WALKERS);
    expect(r.readers!.inside.atFree).toEqual({ walkers: 0, gupFast: 0 });
    const notes = new Map(r.inputs[0]!.notes.map((n) => [n.code, n.message]));
    expect(notes.get('filtered-probes')).toMatch(/left out the task bpftrace: readers in it are not shown$/);
    expect(notes.get('waker-left-out')).toContain('perf_event_wakeup()');
    expect(notes.get('silent-loss')).toMatch(/^bpftrace lost none of its lines, but /);
    // Lines come in the order of time.
    expect(notes.has('sorted')).toBe(false);
  });

  it('has nothing to do with bpftrace in its hot probes', () => {
    const hot = /^\d+ \d+ \d+ \d+ bpftrace (?:__rcu_read_(?:un)?lock|_*pte_offset_map\w*|gup_fast\w*) /m;
    expect(text).not.toMatch(hot);
    expect(text).toMatch(/^\d+ \d+ \d+ \d+ bpftrace (?:sched_switch|mm_page_alloc) /m);
  });

  it('shows a table that was taken for empty and is not', async () => {
    const at = text.search(/ wk-reclaim ___pte_free_tlb [^\n]*set=0\n/);
    const wrong = `${text.slice(0, at)}${text.slice(at).replace('set=0', 'set=1')}`;
    // In the excerpt no process ends: that tables are not handed over by free_pgd_range() there is not known of its probe.
    const excerpt = of(await replay(wrong), 'I17');
    expect(excerpt).toMatchObject({ verdict: 'unknown', instances: { violated: 0, pass: TABLES - 1 } });
    expect(excerpt.reason).toContain('free_pgd_range');
    const first = text.search(/^\d/m);
    const line = '100200000001 0 1 1 init free_pgd_range tlb=0xffffd1c780000000 addr=0x1000 end=0x2000\n';
    const whole = `${wrong.slice(0, first)}${line}${wrong.slice(first)}`;
    expect(of(await replay(whole), 'I17')).toMatchObject({
      verdict: 'violated',
      instances: { violated: 1, pass: TABLES - 1 },
    });
  });

  it('decides I05 only while nothing is lost: said of one capture, and of no other', async () => {
    const said = '# pttrace: losses none\n';
    expect(text).toContain(said);
    const unsaid = await replay(text.replace(said, ''));
    expect(of(unsaid, 'I05')).toMatchObject({ verdict: 'unknown', instances: { pass: 0 } });
    expect(unsaid.inputs[0]!.notes.find((n) => n.code === 'silent-loss')!.message).toContain(
      'standard error',
    );
    const twice = await replay(text + text.replace(said, ''));
    expect(of(twice, 'I05').verdict).toBe('unknown');
  });

  it.each(['jsonl', 'csv'] as const)('says the same as %s', async (to) => {
    const { bytes } = await converted([RECORDING], to);
    const own = await analyse({ paths: [RECORDING] });
    const path = join(dir, `out.${to}`);
    writeFileSync(path, bytes);
    const r = await analyse({ paths: [path] });
    const verdicts = (result: Result) => result.invariants.map((i) => [i.id, i.verdict, i.instances]);
    expect(verdicts(r)).toEqual(verdicts(own));
  });
});
