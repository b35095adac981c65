// Inputs of n lines or so that keep as much open as they can: a machine that walks all that is open at each line is quadratic.
import { closeSync, openSync, writeSync } from 'node:fs';

export const COMMANDS = {
  replay: (file) => ['replay', file],
  validate: (file) => ['validate', file],
  info: (file) => ['info', file],
  hist: (file) => ['hist', file, '--by', 'comm'],
  show: (file) => ['show', file, '--line', '500'],
  convert: (file) => ['convert', file, '--to', 'csv', '-o', `${file}.csv`],
  breakdown: (file) => ['breakdown', file],
  readers: (file) => ['readers', file],
  'what-if': (file) => ['replay', file, '--what-if', 'C'],
};
const ALL = ['replay', 'info', 'hist', 'show', 'convert', 'breakdown', 'readers'];

const hex = (n) => `0x${n.toString(16)}`;
/** Kernel addresses of the i-th mm, table (struct page and its direct map), head. */
const mm = (i) => `0xffff8881${(0x1000000 + i * 64).toString(16).padStart(8, '0')}`;
const pfn = (i) => 0x10000 + i;
const page = (i) => `0xffffea${(pfn(i) * 64).toString(16).padStart(10, '0')}`;
const head = (i) => `0xffff88${(pfn(i) * 4096).toString(16).padStart(10, '0')}`;

/** One line; `where`: task, CPU, context column. Stamps are 1 us apart. */
const line = (at, text, { pid = 7, cpu = 0, flags = '.....', comm = 'w' } = {}) =>
  `  ${comm}-${pid} [${String(cpu).padStart(3, '0')}] ${flags} ${Math.floor(at / 1e6) + 1}.${String(at % 1e6).padStart(6, '0')}: ${text}\n`;
const mark = (at, text, where) => line(at, `tracing_mark_write: pttrace: ${text}`, where);
const probe = (at, name, args, where) => line(at, `${name}: (${name}+0x0/0x10) ${args}`, where);
const gather = (tlb, of) => `tlb=${tlb} mm=${of}`;

const FLUSH = (of, freed) =>
  `mm=${of} start=0x0 end=0xffffffffffffffff stride_shift=12 freed_tables=${freed}`;

/** `lines(i, n)`: the i-th part, joined; `first`, `last` frame them. */
export const MIXES = [
  {
    name: 'sections',
    what: 'reader sections of as many tasks, none ends',
    commands: ALL,
    lines: (i) => probe(i, '__rcu_read_lock', '', { pid: i + 1, cpu: i % 4 }),
  },
  {
    name: 'named-sections',
    what: 'sections on as many tables, then the tables are freed',
    commands: ['replay', 'readers'],
    lines: (i, n) =>
      i < n / 2
        ? mark(i, `RB kind=rcu pfn=${hex(pfn(i))}`, { pid: (i % 5000) + 1, cpu: i % 4 })
        : line(i, `mm_page_free: page=${page(i - n / 2)} pfn=${hex(pfn(i - n / 2))} order=0`, { cpu: 1 }),
  },
  {
    name: 'own-section',
    what: 'sections on one table, the table read and given away',
    lines: (i, n) =>
      i < n / 3
        ? mark(i, `RB kind=rcu pfn=0x99`, { pid: i + 1, cpu: i % 4 })
        : i % 2
          ? mark(i, 'DR kind=rcu pfn=0x99', { pid: (i % 1000) + 1, cpu: i % 4 })
          : mark(i, `RE kind=rcu pfn=0x99`, { pid: i - Math.floor(n / 3) + 1, cpu: i % 4 }),
  },
  {
    name: 'interrupts',
    what: 'sections in interrupts of 4,096 CPUs, none ends',
    lines: (i) =>
      i % 3 === 0
        ? line(i, 'sched_waking: comm=a pid=1', { cpu: (i * 7) % 4096 })
        : mark(i, `RB kind=rcu pfn=${hex(pfn(i))}`, { pid: 9, cpu: i % 4096, flags: 'd.h1.' }),
  },
  {
    name: 'cpus',
    what: 'flushes and readers of 4,096 CPUs in turn',
    lines: (i) => {
      const where = { pid: (i % 9000) + 1, cpu: Math.floor(i / 4) % 4096 };
      if (i % 4 === 0) return probe(i, 'flush_tlb_mm_range', FLUSH(mm(i % 64), 1), where);
      if (i % 4 === 1) return probe(i, '__rcu_read_lock', '', where);
      if (i % 4 === 2) return probe(i, '__rcu_read_unlock', '', where);
      return line(i, 'rcu_grace_period: rcu_preempt 4 start', where);
    },
  },
  {
    name: 'loss',
    what: 'a loss told on one of 4,096 CPUs at every other line',
    lines: (i) =>
      i % 2 === 0
        ? probe(i, 'flush_tlb_mm_range', FLUSH(mm(i % 64), 1), { pid: i + 1, cpu: i % 4096 })
        : `CPU:${i % 4096} [LOST ${i % 100} EVENTS]\n`,
  },
  {
    name: 'tasks',
    what: 'as many tasks, each in a system call and a flush, none returns',
    commands: ['replay', 'hist', 'breakdown'],
    lines: (i) =>
      i % 2 === 0
        ? line(i, 'sys_munmap(addr: 7f0000000000, len: 1000)', { pid: i + 1, cpu: i % 4 })
        : probe(i, 'flush_tlb_mm_range', FLUSH(mm(i), 1), { pid: i, cpu: i % 4 }),
  },
  {
    name: 'tables',
    what: 'one gather with all tables, each freed within it',
    lines: (i, n) =>
      i < n / 2
        ? probe(i, 'pte_free_tlb', `${gather(head(1), mm(1))} page=${page(i)}`)
        : line(i, `mm_page_free: page=${page(n - 1 - i)} pfn=${hex(pfn(n - 1 - i))} order=0`),
    first: (n) => probe(0, 'tlb_gather_mmu', gather(head(1), mm(1))).replaceAll('\0', `${n}`),
  },
  {
    name: 'pending',
    what: 'one gather whose tables no flush covers',
    lines: (i) =>
      i % 3 === 0
        ? probe(i, 'pte_free_tlb', `${gather(head(1), mm(1))} page=${page(i)}`)
        : i % 3 === 1
          ? probe(i, 'flush_tlb_mm_range', FLUSH(mm(1), 0))
          : line(i, 'flush_tlb_mm_range_ret: (tlb_flush+0x1/0x10 <- flush_tlb_mm_range)'),
    first: () => probe(0, 'tlb_gather_mmu', gather(head(1), mm(1))),
  },
  {
    name: 'sync',
    what: 'one gather, flushed, and a broadcast at each table',
    lines: (i) =>
      i % 4 === 0
        ? probe(i, 'pte_free_tlb', `${gather(head(1), mm(1))} page=${page(i)}`)
        : i % 4 === 1
          ? probe(i, 'flush_tlb_mm_range', FLUSH(mm(1), 1))
          : i % 4 === 2
            ? line(i, 'flush_tlb_mm_range_ret: (tlb_flush+0x1/0x10 <- flush_tlb_mm_range)')
            : line(i, `csd_queue_cpu: cpu=1 callsite=a func=tlb_remove_table_smp_sync csd=${head(i)}`),
    first: () => probe(0, 'tlb_gather_mmu', gather(head(1), mm(1))),
  },
  {
    name: 'heads',
    what: 'call_rcu() without a callback, in reverse',
    lines: (i, n) =>
      i < n * 0.6
        ? probe(i, 'call_rcu', `head=${head(i)} func=tlb_remove_table_rcu`, { cpu: i % 2 })
        : probe(
            i,
            'tlb_remove_table_rcu',
            `head=${head(Math.floor(n * 0.6) - (i - Math.floor(n * 0.6)) * 2)}`,
            {
              cpu: i % 2,
              flags: '..s1.',
            },
          ),
  },
  {
    name: 'fifo',
    what: 'a backlog of call_rcu() on one CPU, worked off in order',
    lines: (i, n) => {
      const k = Math.floor(i / 2);
      const backlog = Math.floor(n / 4);
      return i % 2 === 0 || k < backlog
        ? probe(i, 'call_rcu', `head=${head(i)} func=tlb_remove_table_rcu`)
        : probe(i, 'tlb_remove_table_rcu', `head=${head((k - backlog) * 2)}`, { flags: '..s1.' });
    },
  },
  {
    name: 'callbacks',
    what: 'callbacks and their tracepoints without call_rcu()',
    lines: (i) =>
      i % 2 === 0
        ? line(i, `rcu_invoke_callback: rcu_preempt rhp=${head(i)} func=__tlb_remove_table_one_rcu`, {
            flags: '..s1.',
          })
        : probe(i, 'call_rcu', `head=${head(i)} func=__tlb_remove_table_one_rcu`),
  },
  {
    name: 'mms',
    what: 'as many mms, each flushed once',
    commands: ['replay', 'breakdown'],
    lines: (i) =>
      i % 2 === 0
        ? probe(i, 'flush_tlb_mm_range', FLUSH(mm(i), 1))
        : probe(i, 'flush_tlb_func', `info=${head(1)} mm=${mm(i - 1)} start=0x0 end=0x1000 new_tlb_gen=2`, {
            flags: 'd..1.',
          }),
  },
  {
    name: 'ipis',
    what: 'IPIs without a handler, all of one flush',
    commands: ['replay', 'breakdown'],
    lines: (i) =>
      i % 2 === 0
        ? line(i, `csd_queue_cpu: cpu=${(i / 2) % 4096} callsite=a func=flush_tlb_func csd=${head(i)}`)
        : probe(i, 'flush_tlb_func', `info=${head(1)} mm=${mm(1)} start=0x0 end=0x1000 new_tlb_gen=2`, {
            cpu: (i * 13) % 4096,
            flags: 'd.h1.',
          }),
    first: () =>
      `${probe(0, 'flush_tlb_mm_range', FLUSH(mm(1), 1))}${probe(0, 'native_flush_tlb_multi', `cpumask=0xff mm=${mm(1)} new_tlb_gen=2`)}`,
  },
  {
    name: 'names',
    what: 'as many names of tasks and events',
    commands: ALL,
    lines: (i) => line(i, `event${i}: x=1`, { comm: `task${i}`, pid: i + 1 }),
  },
  {
    name: 'reuse',
    what: 'the same pages as tables again and again, of mms that are gone',
    lines: (i) =>
      i % 4 === 0
        ? line(
            i,
            `mm_page_alloc: page=${page(i % 999)} pfn=${hex(pfn(i % 999))} order=9 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE`,
          )
        : i % 4 === 1
          ? probe(i, 'pmd_install', `mm=${mm(i)} pmd=${head(i)} page=${page(i % 999)}`)
          : i % 4 === 2
            ? probe(i, 'pte_free_tlb', `${gather(head(i), mm(i))} page=${page(i % 999)}`)
            : line(i, `mm_page_free: page=${page(i % 999)} pfn=${hex(pfn(i % 999))} order=9`),
  },
  {
    name: 'huge',
    what: 'as many huge pages held, every other one split and released page by page',
    lines: (i) => {
      const [k, at] = [Math.floor(i / 4), i % 4];
      const first = 0x200000 + k * 512;
      const what = `page=${page(k)} pfn=${hex(first + at)} order=`;
      return at === 0
        ? line(i, `mm_page_alloc: ${what}9 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE`)
        : line(
            i,
            k % 2 === 0
              ? `mm_page_free: ${what}0`
              : `mm_page_alloc: page=${page(i)} pfn=${hex(i)} order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE`,
          );
    },
  },
  {
    name: 'walks',
    what: 'lookups of as many tables whose sections do not end, then unlinked',
    commands: ['replay', 'readers'],
    lines: (i, n) => {
      if (i >= n / 2) return probe(i, 'pte_free_tlb', `${gather(head(1), mm(1))} page=${page(i - n / 2)}`);
      const k = Math.floor(i / 3);
      const where = { pid: k + 1, cpu: k % 4 };
      if (i % 3 === 0) return probe(i, '__pte_offset_map', `pmd=${head(k)} addr=0x7f0000000000`, where);
      if (i % 3 === 1) return probe(i, '__rcu_read_lock', '', where);
      return line(i, `__pte_offset_map_ret: (a+0x1/0x10 <- __pte_offset_map) ret=${head(k)}`, where);
    },
  },
  {
    name: 'gups',
    what: 'GUP-fast brackets of as many tasks, none ends, tables unlinked below them',
    commands: ['replay', 'readers'],
    lines: (i) =>
      i % 2 === 0
        ? probe(i, 'gup_fast_fallback', `start=${hex(0x100000000000 + i * 4096)} nr_pages=1 flags=0x3`, {
            pid: i + 1,
            cpu: i % 4,
          })
        : probe(i, 'pte_free_tlb', `${gather(head(1), mm(1))} page=${page(i)}`),
  },
  {
    name: 'facts',
    what: 'markers: tables linked, walked, locked, never undone',
    lines: (i) => {
      const where = { pid: (i % 5000) + 1, cpu: i % 64 };
      if (i % 5 === 0)
        return mark(i, `LINK mm=${mm(i % 50)} addr=${hex(i * 4096)} pfn=${hex(pfn(i))} level=1`, where);
      if (i % 5 === 1) return mark(i, `HW mm=${mm((i - 1) % 50)} addr=${hex((i - 1) * 4096)}`, where);
      if (i % 5 === 2) return mark(i, `LK lock=l${i}`, where);
      if (i % 5 === 3) return mark(i, `GONE mm=${mm(i % 50)} addr=${hex((i - 3) * 4096)}`, where);
      return mark(i, `UN lock=l${i - 2}`, { ...where, pid: ((i - 2) % 5000) + 2 });
    },
  },
];

/** Writes a mix of n parts; returns the file. */
export function writeMix(mix, n, file) {
  const fd = openSync(file, 'w');
  let text = `# tracer: nop\n#\n${mix.first?.(n) ?? ''}`;
  for (let i = 0; i < n; i++) {
    text += mix.lines(i, n);
    if (text.length < 1 << 16) continue;
    writeSync(fd, text);
    text = '';
  }
  writeSync(fd, text);
  closeSync(fd);
  return file;
}
