// Shapes that are spliced into recordings of correct kernels. Each kind finds its places by reading the lines itself, and
// gives for a place the lines of a broken and of a correct variant. Nothing here uses the code it tries.

import { field, is, parse, splice } from './reading.mjs';

const FULL = 'start=0x0 end=0xffffffffffffffff';
const shift = (hex, by) => `0x${(BigInt(hex) + by).toString(16)}`;

/** A finish that prints a range, and the flush that it makes next. */
function* finishes(events) {
  for (let i = 0; i < events.length; i++) {
    const e = events[i];
    if (!is(e, 'tlb_finish_mmu')) continue;
    const [start, end] = [field(e, 'start'), field(e, 'end')];
    if (!start || !end || BigInt(start) >= BigInt(end) || end.length > 14) continue;
    for (let k = i + 1; k < Math.min(events.length, i + 60); k++) {
      const f = events[k];
      if (f?.pid !== e.pid) continue;
      if (is(f, 'flush_tlb_mm_range') && field(f, 'freed_tables') === '1') yield { at: k, event: f };
      if (is(f, 'flush_tlb_mm_range', 'tlb_finish_mmu_ret', 'r_tlb_finish_mmu')) break;
    }
  }
}

const range = {
  name: 'range of the flush',
  expect: ['I02', 'I03', 'I09', 'I29'],
  places: (events) => [...finishes(events)],
  broken: (lines, { at, event }) => {
    const [start, end] = [field(event, 'start'), field(event, 'end')];
    const far = `start=${shift(start, 0x4000000000n)} end=${shift(end, 0x4000000000n)}`;
    return splice(lines, at, 1, lines[at].replace(`start=${start} end=${end}`, far));
  },
  correct: (lines, { at, event }) => {
    const [start, end] = [field(event, 'start'), field(event, 'end')];
    return splice(lines, at, 1, lines[at].replace(`start=${start} end=${end}`, FULL));
  },
};

const leak = {
  name: 'frees of a callback',
  expect: ['I12', 'I08', 'I03', 'I38'],
  places: (events) => {
    const out = [];
    const queued = new Set();
    events.forEach((e, i) => {
      if (is(e, 'call_rcu')) queued.add(field(e, 'head'));
      // Whose enqueue is before the recording is not followed.
      if (!queued.has(e && field(e, 'head'))) return;
      if (!is(e, 'tlb_remove_table_rcu') || !(Number(field(e, 'nr')) > 1)) return;
      const frees = [];
      for (let k = i + 1; k < events.length && frees.length < Number(field(e, 'nr')); k++) {
        const f = events[k];
        if (f?.cpu !== e.cpu) continue;
        if (is(f, 'tlb_remove_table_rcu_ret', 'r_tlb_remove_table_rcu')) break;
        if (is(f, 'mm_page_free')) frees.push(k);
      }
      if (frees.length === Number(field(e, 'nr'))) out.push({ at: frees[0], other: frees[1] });
    });
    return out;
  },
  broken: (lines, { at }) => splice(lines, at, 1),
  // In which order they are released is the same.
  correct: (lines, { at, other }) => {
    const body = (l) => l.slice(l.indexOf(': mm_page_free'));
    const head = (l) => l.slice(0, l.indexOf(': mm_page_free'));
    const out = [...lines];
    out[at] = head(lines[at]) + body(lines[other]);
    out[other] = head(lines[other]) + body(lines[at]);
    return out;
  },
};

const generation = {
  name: 'generation of a flush',
  expect: ['I25'],
  places: (events) => {
    const last = new Map();
    const out = [];
    events.forEach((e, i) => {
      if (is(e, 'flush_tlb_mm_range') && e.body.includes(FULL)) last.delete(field(e, 'mm'));
      if (!is(e, 'native_flush_tlb_multi')) return;
      const mm = field(e, 'mm');
      const gen = field(e, 'new_tlb_gen');
      const before = last.get(mm);
      if (before?.pid === e.pid && Number(gen) > 4) out.push({ at: i, mm, gen });
      last.set(mm, { pid: e.pid });
    });
    return out;
  },
  broken: (lines, { mm, gen }) => renumber(lines, mm, (g) => (g === Number(gen) ? g - 2 : g)),
  // Generations that no line shows are taken by flushes that interrupt nobody.
  correct: (lines, { mm, gen }) => renumber(lines, mm, (g) => (g >= Number(gen) ? g + 3 : g)),
};

const renumber = (lines, mm, to) =>
  lines.map((l) =>
    l.includes(`mm=${mm} `)
      ? l.replace(/new_tlb_gen=(0x[0-9a-f]+|\d+)/, (_, g) => `new_tlb_gen=${to(Number(g))}`)
      : l,
  );

const outside = {
  name: 'hand-over after the gather',
  expect: ['I49', 'I29'],
  places: (events) => {
    const hand = new Map();
    const out = [];
    events.forEach((e, i) => {
      if (is(e, 'pte_free_tlb', '___pte_free_tlb')) hand.set(e.pid, e);
      if (is(e, 'tlb_finish_mmu_ret', 'r_tlb_finish_mmu') && hand.has(e.pid)) {
        out.push({ at: i, hand: hand.get(e.pid), end: e });
        hand.delete(e.pid);
      }
    });
    return out;
  },
  broken: (lines, { at, hand, end }) => splice(lines, at + 1, 0, again(hand, end)),
  // Inside it, before its end, another table is one more.
  correct: (lines) => lines,
};

const again = (hand, end) =>
  hand.line
    .replace(hand.ts, end.ts)
    .replace(`[${hand.cpu}]`, `[${end.cpu}]`)
    .replace(/\b(page|table)=0x[0-9a-f]+/, '$1=0xffffea000ffff000');

const handlers = {
  name: 'handlers without requests',
  expect: ['I24', 'I02', 'I03'],
  places: (events) => {
    const out = [];
    /** Who sent the flush of this generation. */
    const senders = new Map();
    const flushOf = (e) => `${field(e, 'mm')} ${field(e, 'new_tlb_gen')}`;
    events.forEach((e, i) => {
      if (is(e, 'native_flush_tlb_multi')) senders.set(flushOf(e), e.pid);
      if (!is(e, 'flush_tlb_func') || !/h/.test(e.flags)) return;
      const sender = senders.get(flushOf(e));
      if (sender === undefined) return;
      for (let k = i + 1; k < Math.min(events.length, i + 80); k++) {
        const f = events[k];
        if (f?.cpu === e.cpu && !is(f, 'tlb_flush', 'csd_function_exit', 'call_function_exit')) return;
        if (f?.pid === sender && is(f, 'flush_tlb_mm_range_ret', 'r_flush_tlb_mm_range')) {
          late(events, e, i, k, out);
          return;
        }
      }
    });
    return out;
  },
  broken: (lines, { at, next, ts }) => {
    const moved = lines[at].replace(parse(lines[at]).ts, ts);
    return withoutRequests(splice(splice(lines, next, 0, moved), at, 1));
  },
  correct: (lines) => withoutRequests(lines),
};

/** The handler may be moved to just before the next event of its CPU, if that is well behind the return. */
function late(events, e, at, done, out) {
  const next = events.findIndex((f, k) => k > done && f?.cpu === e.cpu);
  if (next < 0) return;
  const ts = Number(events[next].ts) - 0.000002;
  if (ts < Number(events[done].ts) + 0.0001) return;
  out.push({ at, done, next, ts: ts.toFixed(e.ts.length - e.ts.indexOf('.') - 1) });
}

const withoutRequests = (lines) => lines.filter((l) => !/: csd_|: call_function|: ipi_send/.test(l));

export const KINDS = [range, leak, generation, outside, handlers];
