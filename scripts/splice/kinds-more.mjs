// More shapes to splice: a CPU of the mask that is not asked, a table released by nobody's leave, and what changes a
// recording without changing what its kernel did. As in kinds.mjs, nothing here uses the code it tries.
import { field, is, parse, splice } from './reading.mjs';

const isTable = (e) => is(e, 'pte_free_tlb', 'tlb_remove_table', 'native_tlb_remove_table');
const within = 120;

/** A flush of freed tables whose requests to two CPUs or more are shown, with all that one of them did for it. */
const notAsked = {
  name: 'one CPU of the mask not asked',
  expect: ['I23', 'I24', 'I02', 'I03'],
  places: (events) => {
    const out = [];
    let freed = new Map();
    events.forEach((e, i) => {
      if (is(e, 'flush_tlb_mm_range')) freed = new Map(freed).set(e.pid, field(e, 'freed_tables') === '1');
      if (!is(e, 'native_flush_tlb_multi') || !freed.get(e.pid)) return;
      const asked = [];
      let done = -1;
      for (let k = i + 1; k < Math.min(events.length, i + within) && done < 0; k++) {
        const f = events[k];
        if (f?.pid === e.pid && is(f, 'csd_queue_cpu')) asked.push({ k, cpu: Number(field(f, 'cpu')) });
        if (f?.pid === e.pid && is(f, 'flush_tlb_mm_range_ret', 'r_flush_tlb_mm_range')) done = k;
      }
      if (asked.length < 2 || done < 0) return;
      const { cpu } = asked[0];
      const drop = new Set([asked[0].k]);
      for (let k = asked[0].k; k < done; k++) {
        const f = events[k];
        if (f && Number(f.cpu) === cpu && /h/.test(f.flags) && !is(f, 'sched_switch')) drop.add(k);
      }
      out.push({ at: i, drop });
    });
    return out;
  },
  broken: (lines, { drop }) => lines.filter((_, i) => !drop.has(i)),
  // Which CPUs were sent an IPI is said twice.
  correct: (lines) => lines.filter((l) => !/: ipi_send/.test(l)),
};

/** A table that a callback releases, released by the task right behind its call_rcu() instead. */
const early = {
  name: 'released without waiting for the callback',
  expect: ['I03', 'I04', 'I05', 'I06', 'I08', 'I09', 'I12', 'I36', 'I38'],
  places: (events) => {
    const queued = new Map();
    const out = [];
    events.forEach((e, i) => {
      if (is(e, 'call_rcu')) queued.set(field(e, 'head'), i);
      if (!is(e, 'tlb_remove_table_rcu') || !queued.has(field(e, 'head'))) return;
      const free = events.findIndex(
        (f, k) => k > i && k < i + 40 && f?.cpu === e.cpu && is(f, 'mm_page_free'),
      );
      if (free >= 0) out.push({ at: queued.get(field(e, 'head')), free });
      queued.delete(field(e, 'head'));
    });
    return out;
  },
  broken: (lines, { at, free }) => {
    const [enqueue, release] = [lines[at], lines[free]];
    const moved =
      enqueue.slice(0, enqueue.indexOf(': call_rcu')) + release.slice(release.indexOf(': mm_page_free'));
    return splice(splice(lines, free, 1), at + 1, 0, moved);
  },
  correct: (lines) => lines,
};

const sample = (events, wanted, gap = 40) => {
  const out = [];
  let last = -gap;
  events.forEach((e, i) => {
    if (i - last < gap || i + 1 >= events.length || !wanted(e, i)) return;
    last = i;
    out.push({ at: i });
  });
  return out;
};

const unseenReturn = {
  name: 'a return that is not shown',
  places: (events) => sample(events, (e) => is(e, 'flush_tlb_mm_range_ret', 'r_flush_tlb_mm_range')),
  correct: (lines, { at }) => splice(lines, at, 1),
};

const glued = {
  name: 'two events on one line',
  places: (events) =>
    sample(
      events,
      (e, i) => is(e, 'rcu_utilization') && is(events[i + 1], 'mm_page_free', 'call_rcu', 'tlb_flush'),
    ),
  correct: (lines, { at }) =>
    splice(lines, at, 2, lines[at].replace(/: rcu_utilization: .*/, ': rcu_utilization: ') + lines[at + 1]),
};

const twice = {
  name: 'two probes on one function',
  places: (events) => sample(events, isTable, 200),
  correct: (lines) =>
    lines.flatMap((l) =>
      /: (?:p_)?(?:call_rcu|pte_free_tlb|tlb_finish_mmu|flush_tlb_mm_range)(?:_0)?: /.test(l)
        ? [l, l.replace(/: (\w+): \(/, ': my_$1: (')]
        : [l],
    ),
};

/** One CPU's clock 10 µs ahead, less than an IPI takes: the lines stand where their stamps put them. */
const ahead = {
  name: 'one clock ahead by 10 us',
  places: (events) => sample(events, (e) => is(e, 'csd_function_entry'), 400),
  correct: (lines, { at }) => {
    const { cpu } = parse(lines[at]);
    return lines
      .map((l, i) => {
        const [, on, stamp] = /\[(\d+)\] \S+ +(\d+\.\d+): /.exec(l);
        if (on !== cpu) return { l, ts: Number(stamp), i };
        const ts = (Number(stamp) + 0.00001).toFixed(stamp.length - stamp.indexOf('.') - 1);
        return { l: l.replace(` ${stamp}: `, ` ${ts}: `), ts: Number(ts), i };
      })
      .sort((a, b) => a.ts - b.ts || a.i - b.i)
      .map(({ l }) => l);
  },
};

const hole = {
  name: 'events lost',
  places: (events) => sample(events, isTable, 100),
  correct: (lines, { at }) => {
    const { cpu } = parse(lines[at]);
    let left = 8;
    const kept = lines.filter((l, i) => i < at || left === 0 || parse(l)?.cpu !== cpu || left-- === 0);
    const next = kept.findIndex((l, i) => i >= at && parse(l)?.cpu === cpu);
    return next < 0 ? lines : splice(kept, next, 0, `CPU:${Number(cpu)} [LOST 8 EVENTS]`);
  },
};

export const MORE_KINDS = [notAsked, early, unseenReturn, glued, twice, ahead, hole];
