import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/**
 * Counts of one recording from its raw lines, by nothing that pttrace has: a line is cut by one expression, and what
 * stands between a task's `tlb_gather_mmu` and its `tlb_finish_mmu_ret` is counted by its name. Gathers that an end
 * of the recording cuts are left out. Only for recordings of kprobes, whose lines name all of this.
 */
export function rawCounts(path) {
  const text = gunzipSync(readFileSync(path)).toString('latin1');
  const open = new Map();
  const sum = { gathers: 0, flushes: 0, flushIpis: 0, syncIpis: 0, batchCalls: 0, singleCalls: 0 };
  for (const line of text.split('\n')) {
    const m = /-(\d+) +\[\d+\] .*? \d+\.\d+: (\w+): (.*)$/.exec(line);
    if (m === null) continue;
    const [, task, event, rest] = m;
    if (/^tlb_gather_mmu(_fullmm)?$/.test(event)) {
      open.set(task, { flushes: 0, flushIpis: 0, syncIpis: 0, batchCalls: 0, singleCalls: 0 });
      continue;
    }
    const gather = open.get(task);
    if (gather === undefined) continue;
    if (event === 'flush_tlb_mm_range') gather.flushes++;
    else if (event === 'csd_queue_cpu' && /func=flush_tlb_func\b/.test(rest)) gather.flushIpis++;
    else if (event === 'csd_queue_cpu' && /func=tlb_remove_table_smp_sync\b/.test(rest)) gather.syncIpis++;
    else if (event === 'call_rcu' && /func=tlb_remove_table_rcu\b/.test(rest)) gather.batchCalls++;
    else if (event === 'call_rcu' && /func=__tlb_remove_table_one_rcu\b/.test(rest)) gather.singleCalls++;
    else if (event === 'tlb_finish_mmu_ret') {
      open.delete(task);
      sum.gathers++;
      for (const [name, n] of Object.entries(gather)) sum[name] += n;
    }
  }
  return sum;
}
