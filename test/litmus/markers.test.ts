import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { verdictOf } from './support/verdict.js';

const FIXTURE = new URL('../../fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz', import.meta.url);
const lines = gunzipSync(readFileSync(FIXTURE)).toString().split('\n');

/** A munmap of the recording whose flush interrupts other CPUs: where its table is handed over, and whom it tells. */
interface Munmap {
  readonly at: number;
  readonly mm: string;
  readonly page: string;
  readonly prefix: string;
  readonly target: number;
  readonly flushed: number;
}

function munmaps(): Munmap[] {
  const found: Munmap[] = [];
  lines.forEach((line, at) => {
    const tr = / pte_free_tlb: .* mm=(0x[0-9a-f]+) page=(0x[0-9a-f]+)/.exec(line);
    if (!tr) return;
    const prefix = line.slice(0, line.indexOf(' pte_free_tlb:'));
    const who = /^\s*\S+-\d+/.exec(line)![0];
    const flushed = lines.findIndex(
      (l, i) => i > at && l.startsWith(who) && l.includes(' flush_tlb_mm_range_ret:'),
    );
    if (flushed < 0) return;
    const sent = lines.slice(at, flushed).find((l) => l.startsWith(who) && l.includes(' csd_queue_cpu:'));
    const target = / cpu=(\d+) /.exec(sent ?? '')?.[1];
    if (target !== undefined)
      found.push({ at, mm: tr[1]!, page: tr[2]!, prefix, target: Number(target), flushed });
  });
  return found;
}

/** The recording with two facts added: what the table maps, and that another CPU walks it. */
function annotated(m: Munmap, keep: (line: string, index: number) => boolean): string {
  const mark = (text: string): string => `${m.prefix} tracing_mark_write: pttrace: ${text}`;
  const facts = [
    mark(`LINK mm=${m.mm} addr=0x7f0000000000 page=${m.page} level=1`),
    mark(`HW mm=${m.mm} addr=0x7f0000000000 cpu=${m.target}`),
  ];
  const before = lines.slice(0, m.at).filter(keep);
  const after = lines.slice(m.at).filter((l, i) => keep(l, i + m.at));
  return [...before, ...facts, ...after].join('\n');
}

describe('facts in a recording of a real kernel', () => {
  const all = munmaps();
  it('the recording has munmaps that interrupt other CPUs', () => {
    expect(all.length).toBeGreaterThan(0);
  });

  it('a CPU that walked the table is told, and nothing is violated', async () => {
    for (const m of all.filter((_, i) => i % Math.ceil(all.length / 6) === 0)) {
      const verdicts = await verdictOf(annotated(m, () => true));
      expect([...verdicts].filter(([, v]) => v === 'violated')).toEqual([]);
    }
  });

  it('without its flush the violation is found, by the rule on walk caches', async () => {
    let found = 0;
    for (const m of all.filter((_, i) => i % Math.ceil(all.length / 6) === 0)) {
      const cpu = `[${String(m.target).padStart(3, '0')}]`;
      const gone = (line: string, i: number): boolean =>
        !(
          i >= m.at &&
          i <= m.flushed &&
          line.includes(cpu) &&
          /flush_tlb_func:|tlb_flush:|csd_function_/.test(line)
        );
      const verdicts = await verdictOf(annotated(m, gone));
      expect(['violated', 'unknown']).toContain(verdicts.get('I09'));
      if (verdicts.get('I09') === 'violated') found++;
    }
    expect(found).toBeGreaterThan(0);
  });
});
