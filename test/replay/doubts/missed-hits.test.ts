import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import type { InvariantReport } from '../../../src/result/types.js';
import { folder, linesOf, withoutOneFlush, write } from '../../gate/support/traces.js';
import {
  type Actor,
  again,
  freed,
  insertAfter,
  without as leaveOut,
  MUNMAP,
  moveAfter,
  moveBefore,
  munmapRcu,
  print,
  type Step,
  step,
} from '../support/story.js';

const LINES = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
const FLUSH = '# pttrace: probe p:g/flush_tlb_mm_range flush_tlb_mm_range mm=%di:x64 start=%si:x64';
const RETURN = '# pttrace: probe r:g/flush_tlb_mm_range_ret flush_tlb_mm_range';

async function verdicts(lines: readonly string[]): Promise<Map<string, InvariantReport>> {
  const path = write(folder(), 'trace.txt', lines);
  return new Map((await analyse({ paths: [path] })).invariants.map((i) => [i.id, i]));
}

describe('hits that a probe did not record', () => {
  const broken = withoutOneFlush(LINES);

  it('a flush that is not there is a violation, unless its probe missed hits', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...broken]);
    expect(seen.get('I09')!.verdict).toBe('violated');
    const missed = await verdicts([FLUSH, RETURN, '# pttrace: missed flush_tlb_mm_range 3', ...broken]);
    const report = missed.get('I09')!;
    expect(report.verdict).toBe('unknown');
    expect(report.findings).toEqual([]);
    const why = report.unknowns.find((u) => u.reason === 'the probe flush_tlb_mm_range missed 3 hits')!;
    expect(why.count).toBe(seen.get('I09')!.instances.violated);
    expect(why.example).not.toBeNull();
  });

  it('says nothing about rules on other events', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...broken]);
    const other = '# pttrace: probe p:g/exit_mmap exit_mmap mm=%di:x64';
    const missed = await verdicts([FLUSH, RETURN, other, '# pttrace: missed exit_mmap 3', ...broken]);
    for (const [id, report] of missed) expect(report.verdict, id).toBe(seen.get(id)!.verdict);
  });

  // What the callback's own probe missed is shown by the tracepoint of what it releases.
  const CALLBACKS = [
    '# pttrace: probe p:g/tlb_remove_table_rcu tlb_remove_table_rcu head=%di:x64',
    '# pttrace: missed tlb_remove_table_rcu 3',
  ];
  it.each([
    ['I04', moveAfter(munmapRcu(3), 'table-free', 'enqueue')],
    ['I09', moveBefore(munmapRcu(3), 'enqueue', 'request')],
    ['I11', again(munmapRcu(3), 'enqueue')],
  ] as const)('of the callback excuse nothing that it does not decide: %s', async (id, odd) => {
    const own = odd.map((s) => (id === 'I04' && s.label === 'table-free' ? { ...s, who: MUNMAP } : s));
    const cycles = (steps: readonly Step[]): string[] =>
      print(
        [munmapRcu(1), munmapRcu(2), steps, munmapRcu(4), munmapRcu(5)]
          .flat()
          .filter((s) => s.label !== 'enqueue-traced' && s.label !== 'invoke'),
      ).split('\n');
    const bases = [
      '# pttrace: base vmemmap 0xffffea0000000000',
      '# pttrace: base direct-map 0xffff888000000000',
    ];
    const judged = await verdicts([...bases, ...CALLBACKS, ...cycles(own)]);
    expect(judged.get(id)!.verdict).toBe('violated');
    const whole = await verdicts([...bases, ...CALLBACKS, ...cycles(munmapRcu(3))]);
    expect([...whole].filter(([, i]) => i.verdict === 'violated')).toEqual([]);
  });

  it('leaves what is seen as it is', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...LINES]);
    const missed = await verdicts([FLUSH, RETURN, '# pttrace: missed flush_tlb_mm_range 3', ...LINES]);
    for (const [id, report] of missed) {
      expect(report.instances.pass, id).toBe(
        seen.get(id)!.instances.pass - (report.instances.unknown - seen.get(id)!.instances.unknown),
      );
      expect(report.basis.observed, id).toBe(seen.get(id)!.basis.observed);
    }
  });
});

/** Neither the tracepoints of RCU nor a second probe show an enqueue beside `call_rcu`. */
const ALONE = LINES.filter((line) => !/ (?:rcu_callback|rcu_invoke_callback|call_rcu_common): /.test(line));
const CALL_RCU = '# pttrace: probe p:g/call_rcu call_rcu head=%di:x64 func=%si:symbol';
const ENQUEUES = ALONE.flatMap((line, i) => (/ call_rcu: .*tlb_remove_table_rcu/.test(line) ? [i] : []));
const without = (...which: number[]): string[] =>
  ALONE.filter((_, i) => !which.some((n) => ENQUEUES[n] === i));

describe('a callback whose enqueue is not shown', () => {
  it('says which hit was missed: it is unknown, the others are decided', async () => {
    const seen = (await verdicts([CALL_RCU, ...without(3)])).get('I38')!;
    expect(seen.instances.violated).toBe(1);
    const told = (await verdicts([CALL_RCU, '# pttrace: missed call_rcu 2', ...without(3)])).get('I38')!;
    expect(told.instances).toMatchObject({ violated: 0, unknown: 1, pass: seen.instances.pass });
    expect(told.unknowns[0]!.reason).toBe('the probe call_rcu missed 2 hits');
  });

  it('is a violation where more are without one than were missed', async () => {
    const told = await verdicts([CALL_RCU, '# pttrace: missed call_rcu 1', ...without(1, 4, 5)]);
    expect(told.get('I38')!.instances.violated).toBeGreaterThan(0);
  });

  it('a recording in which every callback has its enqueue is decided as if nothing was missed', async () => {
    const seen = await verdicts([CALL_RCU, ...ALONE]);
    const told = await verdicts([CALL_RCU, '# pttrace: missed call_rcu 2', ...ALONE]);
    for (const [id, { instances }] of told) expect(instances, id).toEqual(seen.get(id)!.instances);
  });
});

describe('samples of missed hits', () => {
  const broken = withoutOneFlush(LINES);
  const stampOf = (at: number): string =>
    / (\d+\.\d+): /.exec(broken.slice(at).find((line) => / (\d+\.\d+): /.test(line))!)![1]!;
  /** Behind line `at`: so many hits missed by now. */
  const sampled = (...samples: readonly (readonly [at: number, misses: number])[]): string[] => {
    const lines = [...broken];
    for (const [at, misses] of [...samples].reverse()) {
      const count = misses > 0 ? ` flush_tlb_mm_range=${misses}` : '';
      lines.splice(
        at,
        0,
        `  node-9  [000] .....  ${stampOf(at)}: tracing_mark_write: pttrace: misses${count}`,
      );
    }
    return [FLUSH, RETURN, '# pttrace: missed flush_tlb_mm_range 3', ...lines];
  };
  const place = LINES.findIndex((line, i) => line !== broken[i]);
  const count = broken.length;

  it('leave a violation where nothing was missed around it', async () => {
    const early = sampled([20, 0], [60, 3], [100, 3], [place - 300, 3], [count - 10, 3]);
    expect((await verdicts(early)).get('I09')!.verdict).toBe('violated');
    const late = sampled([100, 0], [count - 200, 0], [count - 100, 0], [count - 50, 3], [count - 10, 3]);
    expect((await verdicts(late)).get('I09')!.verdict).toBe('violated');
  });

  it('make it unknown where hits were missed', async () => {
    const there = sampled([100, 0], [place - 100, 0], [place + 100, 3], [count - 10, 3]);
    expect((await verdicts(there)).get('I09')!.verdict).toBe('unknown');
  });

  it('what was missed behind the last of them may have been anywhere from there on', async () => {
    const behind = sampled([100, 0], [place - 400, 0], [place - 300, 0]);
    expect((await verdicts(behind)).get('I09')!.verdict).toBe('unknown');
  });
});

describe('a task that ends the recording on a CPU', () => {
  it('shows that a probe which had fired there was not hit', async () => {
    const broken = withoutOneFlush(LINES);
    const at = LINES.findIndex((line, i) => line !== broken[i]);
    const [, cpu] = /\[(\d+)\]/.exec(LINES[at]!)!;
    const queued = broken.findIndex((line, i) => i > at && / call_rcu: .*tlb_remove_table_rcu/.test(line));
    const again = / flush_tlb_mm_range(?:_ret)?: /;
    const cut = broken.slice(
      0,
      broken.findIndex((line, i) => i > queued && again.test(line)),
    );
    const open = (await verdicts(cut)).get('I09')!;
    expect(open.instances.violated).toBe(0);
    expect(open.unknowns.map((u) => u.reason).join()).toContain(
      'the trace ends before its probe fired again',
    );
    const stamp = / (\d+\.\d+): /.exec(cut.at(-1)!)![1]!;
    const end = `     pttrace-end-9999    [${cpu}] .....    ${stamp}: sched_process_exit: comm=pttrace-end pid=9999 prio=120`;
    expect((await verdicts([...cut, end])).get('I09')!.instances.violated).toBeGreaterThan(0);
    const elsewhere = end.replace(`[${cpu}]`, cpu === '001' ? '[002]' : '[001]');
    expect((await verdicts([...cut, elsewhere])).get('I09')!.instances.violated).toBe(0);
  });
});

describe('a probe that was set and did not fire', () => {
  const EXIT = '# pttrace: event sched:sched_process_exit';
  // Its header counts entries that were cut off.
  const whole = LINES.filter((line) => !line.startsWith('# entries'));
  const pidReuse = async (lines: readonly string[]) => (await verdicts(lines)).get('I54')!;

  it('shows that nothing of the kind happened', async () => {
    const report = await pidReuse(whole);
    expect(report.verdict).toBe('unknown');
    expect(report.settledBy.join()).toContain('sched:sched_process_exit');
    expect(await pidReuse([EXIT, ...whole])).toMatchObject({ verdict: 'not-applicable', settledBy: [] });
  });

  it('but not where events were lost or the file was cut', async () => {
    const lost = [...whole.slice(0, -1), 'CPU:2 [LOST 3 EVENTS]', whole.at(-1)!];
    expect((await pidReuse([EXIT, ...lost])).verdict).toBe('unknown');
    expect((await pidReuse([EXIT, ...LINES])).verdict).toBe('unknown');
  });
});

describe('reader sections that were missed', () => {
  // A kprobe misses hits in the handler of another one, and in interrupts of that: they are over before its CPU shows a task.
  const LOCK = '# pttrace: probe p:g/rcu_read_lock __rcu_read_lock';
  const UNLOCK = '# pttrace: probe p:g/rcu_read_unlock __rcu_read_unlock';
  const MISSED = ['rcu_read_lock', 'rcu_read_unlock'].map((event) => `# pttrace: missed ${event} 3`);
  const section = (who: Actor, n: number): Step[] => [
    step(`lock${n}`, who, 'rcu_read_lock: (__rcu_read_lock+0x4/0x30)'),
    step(`unlock${n}`, who, 'rcu_read_unlock: (__rcu_read_unlock+0x4/0x30)'),
  ];
  const CPU0 = { task: 'ptw-other-103', cpu: 0, flags: '.....' };
  const CPU1 = { task: 'ptw-spin1-101', cpu: 1, flags: '.....' };
  const IRQ1 = { ...CPU1, flags: 'd.h..' };
  const quiet = leaveOut(munmapRcu(1), 'gp-start', 'gp-end');
  const both = (n: number): Step[] => [...section(CPU0, n), ...section(CPU1, n + 1)];
  /** One munmap after another, readers before, between call_rcu and callback (`within`), and after each. */
  const story = (within: readonly Step[]): string[] => [
    LOCK,
    UNLOCK,
    ...MISSED,
    ...print([...both(10), ...insertAfter(quiet, 'enqueue', ...within), ...both(20)]).split('\n'),
  ];

  it('cannot lie across a callback where every CPU showed a task meanwhile', async () => {
    const run = step('runs', CPU1, freed(0x99));
    const i37 = (await verdicts(story([run]))).get('I37')!;
    expect(i37).toMatchObject({ verdict: 'pass', instances: { pass: 1, unknown: 0 } });
  });

  it('nor where a kprobe was recorded in an interrupt, but any other event there shows nothing', async () => {
    expect((await verdicts(story(section(IRQ1, 30)))).get('I37')!.verdict).toBe('pass');
    const inside = step('releases', IRQ1, freed(0x99));
    expect((await verdicts(story([inside]))).get('I37')!.verdict).toBe('unknown');
  });

  it('may where one showed none', async () => {
    const i37 = (await verdicts(story([]))).get('I37')!;
    expect(i37).toMatchObject({ verdict: 'unknown', instances: { pass: 0, unknown: 1 } });
    expect(i37.reason).toContain('missed');
  });
});
