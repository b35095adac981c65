import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { judged } from '../support/replay.js';
import { change, munmapRcu, without } from '../support/story.js';

const PTI = 0xffffea0000000000n;
const page = (pfn: number): string => `0x${(PTI + BigInt(pfn) * 64n).toString(16)}`;
const MM = '0xffff88810a4ece40';
const TLB = 'tlb=0xffffc90000617cb0';

/** `cpu flags body` lines at 10 µs steps; `@seconds` jumps there. */
function log(lines: readonly string[]): string {
  let us = 100_000_000;
  let out = '# tracer: nop\n#\n';
  for (const line of lines) {
    if (line.startsWith('@')) {
      us = Number(line.slice(1)) * 1e6;
      continue;
    }
    if (line.startsWith('CPU:') || line.startsWith('#####')) {
      out += `${line}\n`;
      continue;
    }
    const [cpu, flags, ...body] = line.split(' ');
    us += 10;
    const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    out += `            work-7${cpu}      [00${cpu}] ${flags} ${stamp}: ${body.join(' ')}\n`;
  }
  return out;
}

async function verdict(
  id: string,
  lines: readonly string[],
  variants: string[] = [],
): Promise<[string, number, number]> {
  const result = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(log(lines))]), variants });
  const found = result.invariants.find((i) => i.id === id)!;
  return [found.verdict, found.instances.pass, found.instances.violated];
}

const fr = (ft: number): string =>
  `0 ..... flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1e0) mm=${MM} start=0x0 end=0xffffffffffffffff stride_shift=12 freed_tables=${ft}`;
const fd = '0 ..... flush_tlb_mm_range_ret: (tlb_finish_mmu+0x72/0x160 <- flush_tlb_mm_range)';
const multi = (mask: string, gen: number): string =>
  `0 ...1. native_flush_tlb_multi: (native_flush_tlb_multi+0x4/0x100) cpumask=${mask} info=0xffff88811c42d440 mm=${MM} start=0x0 end=0xffffffffffffffff new_tlb_gen=${gen}`;
const send = (cpu: number): string =>
  `0 ...2. csd_queue_cpu: cpu=${cpu} callsite=on_each_cpu_cond_mask+0x40/0x70 func=flush_tlb_func csd=ffff88811c4b1f4${cpu}`;
const ipi = (cpu: number): string[] => [
  `${cpu} d.h1. csd_function_entry: func=flush_tlb_func, csd=ffff88811c4b1f4${cpu}`,
  `${cpu} d.h1. csd_function_exit: func=flush_tlb_func, csd=ffff88811c4b1f4${cpu}`,
];
const flush = (mask: string, gen: number, cpus: readonly number[], ft = 1): string[] => [
  fr(ft),
  multi(mask, gen),
  ...cpus.map(send),
  ...cpus.flatMap(ipi),
  fd,
];

describe('I23 target-coverage', () => {
  const other = flush('0x3', 9, [1]);
  it('every CPU of the mask', async () => {
    expect(await verdict('I23', flush('0x7', 5, [1, 2]))).toEqual(['pass', 1, 0]);
  });
  const seen = '2 ..... mm_page_free: page=00000000be03625a pfn=0xb9720 order=0';
  const left = flush('0x7', 10, [1]);
  const again = flush('0x3', 11, [1]);
  it('one CPU left out', async () => {
    expect(await verdict('I23', [...other, seen, ...left, seen, ...again])).toEqual(['violated', 2, 1]);
  });
  it('left out, and the switches of its tasks show no hotplug thread', async () => {
    const idle =
      '2 d..2. sched_switch: prev_comm=swapper/2 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=work next_pid=72 next_prio=120';
    expect(await verdict('I23', [...other, idle, ...left, ...again])).toEqual(['violated', 2, 1]);
  });
  it('left out, but it may be offline: it is not seen before, not after, or not for long', async () => {
    for (const lines of [
      [...other, ...left, ...again],
      [...other, ...left, seen, ...again],
      [...other, seen, ...left, ...again],
      [...other, seen, '@101', ...left, seen, ...again],
    ]) {
      expect(await verdict('I23', lines)).toEqual(['unknown', 2, 0]);
    }
  });
  it('left out where no table is freed: no verdict', async () => {
    expect((await verdict('I23', [...other, ...flush('0x7', 10, [1], 0), ...flush('0x3', 11, [1])]))[2]).toBe(
      0,
    );
  });
});

describe('I24 ipi-wait, by handlers alone', () => {
  // 6.1 shows no requests. `flush` without them, of a CPU that is lazy and was left alone.
  const lazy = [fr(0), multi('0x2', 7), fd];
  const on = (cpu: number, line: string): string => line.replace(/^\d/, String(cpu));
  const handler = (flags: string): string =>
    `1 ${flags} flush_tlb_func: (flush_tlb_func+0x0/0x1f0) info=0xffff89257e731440 mm=${MM} start=0x0 end=0xffffffffffffffff new_tlb_gen=7`;
  const answered = [fr(0), multi('0x2', 6), handler('d.h1.').replace('gen=7', 'gen=6'), fd];
  it('a handler behind the return is late', async () => {
    expect((await verdict('I24', [...answered, ...lazy, handler('d.h1.')]))[0]).toBe('violated');
  });
  it('a flush of its own, of a new mm at the same address that is at the same generation, answers nobody', async () => {
    const own = [on(1, fr(1)), handler('d..1.'), on(1, fd)];
    expect((await verdict('I24', [...answered, ...lazy, ...own]))[2]).toBe(0);
  });
  it('nor does what comes after the mm has ended, where the begin of that flush was missed', async () => {
    const exit = `1 ..... exit_mmap: (exit_mmap+0x4/0x3d0) mm=${MM}`;
    expect((await verdict('I24', [...answered, ...lazy, exit, handler('d..1.')]))[2]).toBe(0);
  });
});

/** exec's old mm is loaded on no CPU: its last flush has no handler, and the next process counts anew. */
const exitFlush = [
  `0 ..... flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1f0) mm=${MM} start=0x0 end=0xffffffffffffffff stride_shift=12 freed_tables=1`,
  fd,
];

describe('I25 gen-rules', () => {
  it('one more each time', async () => {
    expect(await verdict('I25', [...flush('0x3', 5, [1]), ...flush('0x3', 6, [1])])).toEqual(['pass', 1, 0]);
  });
  it('a generation used twice', async () => {
    expect((await verdict('I25', [...flush('0x3', 5, [1]), ...flush('0x3', 5, [1])]))[0]).toBe('violated');
  });
  it('a new mm at the same address', async () => {
    expect((await verdict('I25', [...flush('0x3', 5, [1]), ...flush('0x3', 1, [1])]))[2]).toBe(0);
  });
  it('a new mm at the same address, after an exit whose flush shows no generation', async () => {
    for (const gen of [5, 4]) {
      const lines = [...flush('0x3', 5, [1]), ...exitFlush, ...flush('0x3', gen, [1])];
      expect((await verdict('I25', lines))[2]).toBe(0);
    }
  });
});

describe('I34 no-flush-with-irqs-off', () => {
  it('interrupts on', async () => {
    expect(await verdict('I34', [fr(1), fd])).toEqual(['pass', 1, 0]);
  });
  it('interrupts off, where the column is known to show the caller', async () => {
    expect((await verdict('I34', [fr(1), fd, fr(1).replace('.....', 'd....'), fd]))[0]).toBe('violated');
  });
  it('off from the first line on: perhaps only in the probe', async () => {
    expect((await verdict('I34', [fr(1).replace('.....', 'd....'), fd]))[0]).toBe('unknown');
  });
  it('in an interrupt', async () => {
    expect((await verdict('I34', [fr(1).replace('.....', 'd.h1.'), fd]))[0]).toBe('violated');
  });

  // What __text_poke() does when a static key changes (6.12.107, memory.max of a cgroup): an mm that no CPU has loaded any more.
  const poked = [
    '0 d..1. flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x1c0) mm=0xffff8e28c1069b80 start=0x59a3b5a83000 end=0x59a3b5a84000 stride_shift=12 freed_tables=0',
    '0 d..1. flush_tlb_mm_range_ret: (__text_poke+0x2b2/0x4c0 <- flush_tlb_mm_range)',
  ];
  const tlbFlush = (reason: string): string => `0 d..1. tlb_flush: pages:1 reason:${reason}`;
  const invalidates = (mm: string): string =>
    `0 d..1. flush_tlb_func: (flush_tlb_func+0x4/0x2a0) info=0xffff88811c42d440 mm=${mm} start=0x0 end=0x1000 new_tlb_gen=2`;
  const usual = [fr(1), invalidates(MM), tlbFlush('local mm shootdown (3)'), fd];
  it('interrupts off, and no CPU is asked for anything: not what the rule is about', async () => {
    expect(await verdict('I34', [...usual, ...poked, ...usual])).toEqual(['pass', 2, 0]);
  });
  it('interrupts off, and nothing would show what was asked', async () => {
    for (const lines of [
      [fr(1), fd],
      [fr(1), invalidates(MM), fd],
      [fr(1), tlbFlush('local mm shootdown (3)'), fd],
    ])
      expect((await verdict('I34', [...lines, ...poked]))[0]).toBe('unknown');
    expect((await verdict('I34', [...usual, poked[0]!, 'CPU:0 [LOST 3 EVENTS]', poked[1]!]))[0]).toBe(
      'unknown',
    );
  });
  it('interrupts off, and whose mm it is is not shown', async () => {
    const bare = (line: string): string => line.replace(/ mm=.*/, '');
    const lines = [bare(fr(0)), fd, bare(poked[0]!), poked[1]!];
    expect((await verdict('I34', lines))[0]).toBe('unknown');
  });
  it('interrupts off, and a CPU is asked', async () => {
    for (const asked of [
      invalidates('0xffff8e28c1069b80'),
      tlbFlush('local mm shootdown (3)'),
      tlbFlush('remote ipi send (4)'),
      '0 d..1. native_flush_tlb_multi: (native_flush_tlb_multi+0x4/0x100) cpumask=0x2 info=0xffff88811c42d440 mm=0xffff8e28c1069b80 start=0x0 end=0x1000 new_tlb_gen=3',
    ])
      expect([(await verdict('I34', [...usual, poked[0]!, asked, poked[1]!]))[0], asked]).toEqual([
        'violated',
        asked,
      ]);
  });
  it('a flush of another kind behind a return that was not seen', async () => {
    expect((await verdict('I34', [...usual, poked[0]!, invalidates('0x0')]))[0]).not.toBe('violated');
  });
});

const exit = (ret: boolean): string =>
  ret
    ? '0 ..... exit_mmap_ret: (mmput+0x5e/0x130 <- exit_mmap)'
    : `0 ..... exit_mmap: (exit_mmap+0x4/0x3d0) mm=${MM}`;

describe('I50 mm-lifetime', () => {
  it('the address belongs to a new process', async () => {
    expect(
      (
        await verdict('I50', [...flush('0x3', 5, [1]), exit(false), exit(true), ...flush('0x3', 1, [1])])
      ).slice(0, 2),
    ).toEqual(['pass', 1]);
  });
  it('the same mm is flushed again', async () => {
    expect(
      (await verdict('I50', [...flush('0x3', 5, [1]), exit(false), exit(true), ...flush('0x3', 6, [1])]))[0],
    ).toBe('violated');
  });
  const ended = [...flush('0x3', 5, [1]), exit(false), ...exitFlush, exit(true)];
  it('the same mm is flushed again, its last flush at exit had no handler', async () => {
    expect((await verdict('I50', [...ended, ...flush('0x3', 7, [1])]))[0]).toBe('violated');
  });
  it('a new mm at the address, its first generations not shown', async () => {
    // As many flushes since exit_mmap() as the generation says: it counts from 1.
    const hidden = Array.from({ length: 5 }, () => [fr(0), fd]).flat();
    const lines = [...flush('0x3', 5, [1]), exit(false), exit(true), ...hidden, ...flush('0x3', 6, [1])];
    expect((await verdict('I50', lines)).slice(0, 2)).toEqual(['pass', 1]);
  });
  it('flushes of a new mm at the address may be on a CPU that was not recorded', async () => {
    const sent = '0 ..... csd_queue_cpu: cpu=3 callsite=smp_call_function_single+0x1 func=do_nothing csd=77';
    const again = [...ended, ...flush('0x3', 7, [1]), sent];
    expect(await verdict('I50', again)).toEqual(['unknown', 0, 0]);
  });
  it('neither fits: not decided', async () => {
    expect(await verdict('I50', [...ended, ...flush('0x3', 6, [1])])).toEqual(['unknown', 0, 0]);
  });
});

describe('I51 nr-ptes', () => {
  const install = (pfn: number): string =>
    `0 ..... pmd_install: (pmd_install+0x4/0xb0) mm=${MM} pmd=0xffff88807afde010 page=${page(pfn)}`;
  const tr = (pfn: number): string =>
    `0 ..... pte_free_tlb: (___pte_free_tlb+0x4/0x90) ${TLB} mm=${MM} page=${page(pfn)}`;
  const free = (pfn: number): string =>
    `0 ..... mm_page_free: page=${page(pfn).slice(2)} pfn=0x${pfn.toString(16)} order=0`;
  const known = [0x100, 0x101, 0x102, 0x103].map(free);
  it('all handed over', async () => {
    expect((await verdict('I51', [...known, install(0x200), exit(false), tr(0x200), exit(true)]))[0]).toBe(
      'pass',
    );
  });
  it('one left', async () => {
    const lines = [
      ...known,
      install(0x200),
      install(0x201),
      exit(false),
      tr(0x200),
      exit(true),
      '@120',
      free(0x104),
    ];
    expect((await verdict('I51', lines))[0]).toBe('violated');
  });
  it('released a little later by a path without probes', async () => {
    const lines = [
      ...known,
      install(0x200),
      install(0x201),
      exit(false),
      tr(0x200),
      exit(true),
      free(0x201),
      '@120',
      free(0x104),
    ];
    expect((await verdict('I51', lines))[0]).toBe('unknown');
  });
});

const HEAD = '0xffff88807ed87000';
const call = (head = HEAD, func = 'tlb_remove_table_rcu'): string =>
  `0 ..... call_rcu: (call_rcu+0x4/0x10) head=${head} func=${func}+0x0/0x40`;
const callback = (nr: number, flags = '..s1.', head = HEAD): string =>
  `0 ${flags} tlb_remove_table_rcu: (tlb_remove_table_rcu+0x4/0x40) head=${head} nr=${nr}`;
const gather = (tables: number): string[] => [
  `0 ..... tlb_gather_mmu: (tlb_gather_mmu+0x4/0x70) ${TLB} mm=${MM}`,
  ...Array.from({ length: tables }, (_, i) => [
    `0 ..... pte_free_tlb: (___pte_free_tlb+0x4/0x90) ${TLB} mm=${MM} page=${page(0x300 + i)}`,
    `0 ..... tlb_remove_table: (tlb_remove_table+0x4/0x220) ${TLB} mm=${MM} table=${page(0x300 + i)}`,
  ]).flat(),
];

describe('I08 batch-bound', () => {
  it('509 tables and as many in the callback', async () => {
    expect(await verdict('I08', [...gather(509), call(), callback(509)])).toEqual(['pass', 1, 0]);
  });
  it('510 tables', async () => {
    expect((await verdict('I08', [...gather(510), call()]))[0]).toBe('violated');
  });
  it('one table less in the callback', async () => {
    expect((await verdict('I08', [...gather(3), call(), callback(2)]))[0]).toBe('violated');
  });
  it('one table less, but who sent the IPIs of a table released alone is not recorded', async () => {
    const sync = '1 d.h1. tlb_remove_table_smp_sync: (tlb_remove_table_smp_sync+0x4/0xe4)';
    const flush = [
      `0 ..... flush_tlb_mm_range: (flush_tlb_mm_range+0x4/0x90) mm=${MM} start=0x0 end=0xffffffffffffffff stride_shift=0 freed_tables=1`,
      '0 ..... flush_tlb_mm_range_ret: (tlb_remove_table+0x30/0x200 <- flush_tlb_mm_range)',
    ];
    const shown = [...gather(3), ...flush, sync, call(), callback(2)];
    expect((await verdict('I08', shown))[2]).toBe(0);
    // Those before the gather are of another one.
    expect((await verdict('I08', [sync, ...gather(3), ...flush, call(), callback(2)]))[0]).toBe('violated');
    // A table that no flush preceded waited for none.
    expect((await verdict('I08', [...gather(3), sync, call(), callback(2)]))[0]).toBe('violated');
    expect((await verdict('I08', [...gather(3), ...flush, sync, call(), callback(4)]))[0]).toBe('violated');
  });
  it('a count that cannot be known: not every append is shown', async () => {
    const lines = [...gather(3).filter((l) => !l.includes('tlb_remove_table:')), call(), callback(5)];
    expect((await verdict('I08', lines))[2]).toBe(0);
  });
});

describe('I44 cb-context, I45 lazy-delay', () => {
  it('in softirq, soon', async () => {
    const lines = [...gather(1), call(), callback(1)];
    expect((await verdict('I44', lines))[0]).toBe('pass');
    expect((await verdict('I45', lines))[0]).toBe('pass');
  });
  it('in a hard interrupt', async () => {
    expect((await verdict('I44', [...gather(1), call(), callback(1, 'd.h1.')]))[0]).toBe('violated');
  });
  it('in some task', async () => {
    expect((await verdict('I44', [...gather(1), call(), callback(1, '.....')]))[0]).toBe('unknown');
  });
  it('after 15 s and after 60 s', async () => {
    expect((await verdict('I45', [...gather(1), call(), '@115', callback(1)]))[0]).toBe('unknown');
    expect((await verdict('I45', [...gather(1), call(), '@160', callback(1)]))[0]).toBe('violated');
  });
});

describe('I46 gp-storm', () => {
  const single = (i: number): string =>
    call(`0x${(0xffffea0001000008n + BigInt(i) * 64n).toString(16)}`, '__tlb_remove_table_one_rcu');
  it('10000 single tables, and one more', async () => {
    const singles = Array.from({ length: 10_000 }, (_, i) => single(i));
    expect((await verdict('I46', singles))[0]).toBe('pass');
    expect((await verdict('I46', [...singles, single(10_000)])).slice(0, 3)).toEqual(['violated', 10_000, 1]);
  });
});

const gp = (seq: number, what: string): string => `0 d..1. rcu_grace_period: rcu_preempt ${seq} ${what}`;
const reader = (op: string, cpu = 1): string =>
  `${cpu} ..... tracing_mark_write: pttrace: ${op} kind=rcu pfn=0x300`;
/** Readers on both CPUs: their probe works here. */
const readers = [reader('RB', 0), reader('RE', 0), reader('RB'), reader('RE')];

describe('I40 gp-waits-readers, I41 gp-seq', () => {
  it('a reader that ends in time', async () => {
    const inTime = [reader('RB'), gp(5, 'start'), reader('RE'), gp(5, 'end')];
    expect((await verdict('I40', [...readers, ...inTime, ...readers]))[0]).toBe('pass');
  });
  it('a reader older than the grace period outlives it', async () => {
    const late = (between: string[]): Promise<unknown[]> =>
      verdict('I40', [reader('RB'), ...between, gp(5, 'start'), gp(5, 'end'), ...between, reader('RE')]);
    expect((await late(['0 ..... rcu_utilization: x', '0 ..... rcu_utilization: y']))[0]).toBe('violated');
    // Without any IPI nothing suggests that the clocks are apart, however close it is.
    expect((await late([]))[0]).toBe('violated');
  });
  it('a reader that began after the start may', async () => {
    expect(
      (
        await verdict('I40', [
          ...readers,
          gp(5, 'start'),
          reader('RB'),
          gp(5, 'end'),
          reader('RE'),
          ...readers,
        ])
      )[0],
    ).toBe('pass');
  });
  const quiet = [...readers, gp(5, 'start'), gp(5, 'end'), ...readers];
  const LOST = 'CPU:1 [LOST 3 EVENTS]';
  it('no reader was seen', async () => {
    expect(await verdict('I40', quiet)).toEqual(['pass', 1, 0]);
  });
  it.each([
    ['events were lost long before', [LOST, ...quiet]],
    ['a loss is told of later', [...quiet.slice(0, -4), LOST, ...readers]],
    ['a task ends a section that it was not seen to begin', [...quiet, reader('RE').replace('1 ', '2 ')]],
  ])('no reader was seen, but %s', async (_, lines) => {
    expect(await verdict('I40', lines)).toEqual(['unknown', 0, 0]);
  });
  it('a loss after the last event of its CPU was later says nothing of what was before', async () => {
    expect(await verdict('I40', [...quiet, reader('RB'), reader('RE'), LOST, reader('RB')])).toEqual([
      'pass',
      1,
      0,
    ]);
  });
  it.each([
    ['before, on one CPU', [...readers.slice(2), ...quiet.slice(4)]],
    ['before, on any', quiet.slice(4)],
    ['after, on one CPU', quiet.slice(0, -2)],
    ['after, on any', quiet.slice(0, -4)],
    ['before, but for locks', [...readers.map((r) => r.replace('rcu', 'lock')), ...quiet.slice(4)]],
  ])('no reader was seen, nor their probe %s', async (_, lines) => {
    expect((await verdict('I40', lines)).slice(0, 2)).toEqual(['unknown', 0]);
  });
  it('no reader was seen, but a CPU shows itself only later', async () => {
    expect(await verdict('I40', [...quiet, '2 ..... sys_munmap -> 0x0'])).toEqual(['unknown', 0, 0]);
  });
  it('an end too many of a task that is known begins nothing', async () => {
    expect(await verdict('I40', [...quiet, reader('RE')])).toEqual(['pass', 1, 0]);
  });
  it('numbers that follow', async () => {
    expect(
      (
        await verdict('I41', [gp(-7, 'start'), gp(-7, 'end'), gp(-3, 'start'), gp(-3, 'end'), gp(1, 'start')])
      ).slice(0, 3),
    ).toEqual(['pass', 3, 0]);
  });
  it.each([
    ['a gap', [gp(5, 'start'), gp(5, 'end'), gp(13, 'start')]],
    ['no 4k+1', [gp(6, 'start')]],
    ['no end', [gp(5, 'start'), gp(9, 'start')]],
  ])('%s', async (_, lines) => {
    expect((await verdict('I41', lines))[0]).toBe('violated');
  });
  it('a gap while a CPU whose events were overwritten is not shown yet', async () => {
    const gap = [gp(5, 'start'), gp(5, 'end'), gp(13, 'start'), gp(13, 'end')];
    const later = ['1 ..... rcu_utilization: x', gp(17, 'start'), gp(17, 'end')];
    expect((await verdict('I41', [...gap, '##### CPU 1 buffer started ####', ...later]))[0]).toBe('unknown');
    // Shown before, or the mark of a recorder that says nothing of losses, or the first line.
    for (const lines of [
      ['1 ..... rcu_utilization: x', ...gap, '##### CPU 1 buffer started ####', ...later],
      [...gap, 'CPU:1 [SUBBUFFER START]', ...later],
      ['##### CPU 0 buffer started ####', ...gap, ...later],
    ])
      expect((await verdict('I41', lines))[0]).toBe('violated');
  });
});

describe('I43 batch-limits', () => {
  const begin = '0 d.s1. rcu_batch_start: rcu_preempt CBs=26 bl=10';
  const end = (n: number, state: string): string =>
    `0 d.s1. rcu_batch_end: rcu_preempt CBs-invoked=${n} idle=${state}`;
  it.each([
    [10, 'C...', 'pass'],
    [26, '..I.', 'pass'],
    [26, '...R', 'pass'],
    [11, 'C...', 'violated'],
    [11, '>c<>c<>c<>c<', 'unknown'],
  ])('%i callbacks, %s: %s', async (n, state, expected) => {
    expect((await verdict('I43', [begin, end(n, state)]))[0]).toBe(expected);
  });
  it('a batch whose start is not in the trace says nothing', async () => {
    expect((await verdict('I43', [end(99, 'C...')])).slice(1)).toEqual([0, 0]);
  });
});

describe('I55 addr-domain', () => {
  const traced = (rhp: string): string =>
    `0 d.... rcu_callback: rcu_preempt rhp=${rhp} func=tlb_remove_table_rcu 9`;
  const ran = `0 ..s1. mm_page_free: page=ffffea0001fa31c0 pfn=0x7ed87 order=0`;
  it('raw: the same address', async () => {
    expect(await verdict('I55', [call(), traced('ffff88807ed87000')])).toEqual(['pass', 1, 0]);
  });
  it('raw: another one', async () => {
    expect((await verdict('I55', [call(), traced('ffff88807ed88000')]))[0]).toBe('violated');
  });
  it('hashed: the same hash each time', async () => {
    const twice = [call(), traced('00000000c527df6a'), ran, call(), traced('00000000c527df6a')];
    expect((await verdict('I55', twice)).slice(0, 2)).toEqual(['pass', 1]);
  });
  it('hashed: another hash later, as after a reboot', async () => {
    const twice = [call(), traced('00000000c527df6a'), ran, call(), traced('00000000d527df6a')];
    expect((await verdict('I55', twice))[0]).toBe('violated');
  });
});

describe('I08 where the callback is shown by its tracepoint first', () => {
  it('still compares the count that its own probe prints', async () => {
    const nine = change(munmapRcu(2), 'callback', 'nr=1', 'nr=9');
    const r = await judged('I08', [...munmapRcu(1), ...nine, ...munmapRcu(3)]);
    expect(r.instances.violated).toBe(1);
    // Without the probes that show what was appended, the count says nothing.
    const blind = [1, 2, 3].flatMap((n) => without(n === 2 ? nine : munmapRcu(n), 'unlink', 'append'));
    expect((await judged('I08', blind)).instances.violated).toBe(0);
  });
});
