import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { RESERVED } from '../../../src/timeline/events.js';
import { FLAG } from '../../../src/timeline/flags.js';
import { ROOT } from '../../support/built.js';
import { bytes, cutEverywhere, fixture, golden, type Row, runDialect, text } from '../support/run-dialect.js';

const DIR = 'ftrace/6.12.117-lab-y';
const FILES = readdirSync(join(ROOT, 'fixtures', DIR)).filter((f) => f.endsWith('.txt'));
const rows = (lines: string): Row[] => runDialect(FTRACE, bytes(lines)).rows;
const one = (line: string): Row => {
  const all = rows(line);
  expect(all.length, line).toBe(1);
  return all[0]!;
};

describe('fixtures', () => {
  test.each(FILES)('%s', async (name) => {
    const input = fixture(`${DIR}/${name}`);
    const run = runDialect(FTRACE, input);
    const { event, lost, header, stack, continuation, blank, foreign, skipped } = run.counts;
    const lines = text(input).split('\n').length - 1;
    expect(event + lost + header + stack + continuation + blank + foreign + skipped).toBe(lines);
    expect([foreign, skipped]).toEqual([0, 0]);
    // An independent look: a pid, a CPU and a stamp or a count in their columns, or a task named like a loss.
    const looks = text(input)
      .split('\n')
      .filter((l) => /-\d+ +(?:\([ \d-]+\) )?\[\d{3}\] (?!.*: <stack trace>)/.test(l)).length;
    expect(event).toBe(looks);
    await expect(golden(run)).toMatchFileSnapshot(`../golden/ftrace-${name}`);
    expect(FTRACE.score(input)).toBeGreaterThan(0.5);
  });

  test('cut at every byte', () => {
    for (const name of [
      'oddcomm.txt',
      'trace_pipe-lost.txt',
      'stacktrace.txt',
      'clock-tai.txt',
      'no-irq-info.txt',
    ]) {
      cutEverywhere(FTRACE, fixture(`${DIR}/${name}`).subarray(0, 1200));
    }
  });
});

describe('clocks', () => {
  test.each(['boot', 'global', 'mono_raw', 'perf', 'tai'])('%s counts ns', async (clock) => {
    const path = join(ROOT, 'fixtures', DIR, `clock-${clock}.txt`);
    const { timeline } = await analyse({ paths: [path] });
    expect(timeline.unit).toBe('ns');
    const stamps = [...text(fixture(`${DIR}/clock-${clock}.txt`)).matchAll(/ (\d+)\.(\d{6}): /g)];
    expect(timeline.firstNs).toBe(`${stamps[0]![1]}${stamps[0]![2]}000`);
    expect(timeline.lastNs).toBe(`${stamps.at(-1)![1]}${stamps.at(-1)![2]}000`);
  });

  test.each(['counter', 'uptime', 'x86-tsc'])('%s gives ticks and no ns', async (clock) => {
    const path = join(ROOT, 'fixtures', DIR, `clock-${clock}.txt`);
    const { timeline, latency } = await analyse({ paths: [path], syscall: 'munmap' });
    expect(timeline.unit).toBe('ticks');
    for (const l of latency) {
      expect(l.quantiles).toBeNull();
      expect(l.histogram).toEqual([]);
    }
  });
});

describe('task names', () => {
  test('every odd name of the recording, whole', () => {
    const names = new Set(runDialect(FTRACE, fixture(`${DIR}/oddcomm.txt`)).rows.map((r) => r.comm));
    for (const name of [
      'my proc-1 [x]',
      'a:b -0',
      '# comment',
      'CPU:1 [LOST 5 E',
      '<idle>-0 [001]',
      'lead: x=1',
      'tab\tx',
    ]) {
      expect([...names].map((n) => n.trim())).toContain(name);
    }
    expect([...names].some((n) => n.includes('utf'))).toBe(true);
  });

  test('any name, any numbers', () => {
    const comm = fc.stringMatching(/^[!-~][ -~]{0,14}[!-~]$/);
    fc.assert(
      fc.property(
        comm,
        fc.integer({ min: 0, max: 4_194_304 }),
        fc.integer({ min: 0, max: 999 }),
        fc.integer({ min: 0, max: 9_999_999 }),
        fc.integer({ min: 0, max: 999_999 }),
        (name, pid, cpu, sec, us) => {
          const head = `${name.padStart(16)}-${String(pid).padEnd(7)} [${String(cpu).padStart(3, '0')}] d.h1. `;
          const r = one(
            `${head}${`${sec}.${String(us).padStart(6, '0')}`.padStart(12)}: tlb_flush: pages:1 reason:x (0)`,
          );
          expect(r).toMatchObject({ comm: name.trimStart(), pid, cpu, name: 'tlb_flush' });
          expect(BigInt(r.ts)).toBe(BigInt(sec) * 1_000_000_000n + BigInt(us) * 1000n);
        },
      ),
    );
  });
});

describe('columns', () => {
  const body = '1.000001: sys_munmap -> 0x0';
  test.each<[string, number]>([
    ['d...', FLAG.irqsOff],
    ['d..1.', FLAG.irqsOff],
    ['..s..', FLAG.softirq],
    ['d.H2.', FLAG.irqsOff | FLAG.hardirq | FLAG.softirq],
    ['d..Z1..', 0],
    ['.N...', FLAG.needResched],
    ['b....', FLAG.bhOff],
  ])('flags %s', (flags, bits) => {
    const r = one(`            bash-12      [001] ${flags}     ${body}`);
    expect(r.flags & FLAG.known).toBe(FLAG.known);
    expect(r.flags & bits).toBe(bits);
  });

  test('no flags, tgid known and unknown', () => {
    expect(one(`            bash-12      [001]     ${body}`).flags).toBe(0);
    expect(one(`            bash-12      (    345) [001] ..... ${body}`).tgid).toBe(345);
    expect(one(`            bash-12      (-------) [001] ..... ${body}`).tgid).toBe(-1);
  });

  test('leading blanks lost on the way', () => {
    expect(one(`bash-12      [001] .....     ${body}`)).toMatchObject({ comm: 'bash', pid: 12, cpu: 1 });
  });
});

describe('losses and captures', () => {
  test('LOST lines are facts about their CPU', () => {
    const run = runDialect(FTRACE, fixture(`${DIR}/trace_pipe-lost.txt`));
    const printed = [
      ...text(fixture(`${DIR}/trace_pipe-lost.txt`)).matchAll(/^CPU:(\d+) \[LOST (\d+) EVENTS\]/gm),
    ];
    expect(printed.length).toBeGreaterThan(0);
    expect(run.facts.filter((f) => f.event === RESERVED.lost).map((f) => [f.cpu, f.aux])).toEqual(
      printed.map((m) => [Number(m[1]), Number(m[2])]),
    );
  });

  test('a ring that overwrote itself, a file that was cut', () => {
    const codes = (name: string): string[] =>
      runDialect(FTRACE, fixture(`${DIR}/${name}`)).notes.map((n) => n.code);
    expect(codes('overwritten.txt')).toEqual(expect.arrayContaining(['overwritten', 'cut-file']));
    expect(codes('trace-marker.txt')).not.toContain('cut-file');
  });

  test('a buffer that was read while it was written', async () => {
    const line = (us: number, cpu = 0): string =>
      `           a-7       [00${cpu}] .....     1.00${1000 + us}: tlb_flush: pages:1`;
    const head = (entries: number): string =>
      `# tracer: nop\n#\n# entries-in-buffer/entries-written: ${entries}/${entries}   #P:2\n#\n`;
    const grown = [line(1), line(2, 1), line(9), line(3, 1), line(4), line(5)].join('\n');
    const losses = (input: string) =>
      runDialect(FTRACE, bytes(`${input}\n`))
        .facts.filter((f) => f.event === RESERVED.lost)
        .map((f) => [f.cpu, f.aux]);
    expect(losses(head(2) + grown)).toEqual([[0, -1]]);
    // As many as are counted: the clock itself went back.
    expect(losses(head(6) + grown)).toEqual([]);
    expect(losses(grown)).toEqual([]);
    const { Readable } = await import('node:stream');
    const i52 = async (entries: number) => {
      const stdin = Readable.from([Buffer.from(`${head(entries)}${grown}\n`)]);
      const { invariants } = await analyse({ paths: ['-'], stdin });
      return invariants.find((i) => i.id === 'I52')!.instances.violated;
    };
    expect([await i52(2), await i52(6)]).toEqual([0, 1]);
  });

  test('several captures in one file are several segments', async () => {
    const capture = text(fixture(`${DIR}/percpu1-trace.txt`));
    const { Readable } = await import('node:stream');
    const result = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(capture + capture)]) });
    expect(result.timeline.segments).toBe(2);
    expect(result.summary.findings).toBe(0);
  });

  test('lines of trace_pipe before a file with its header are a capture of their own', () => {
    const file = text(fixture(`${DIR}/percpu1-trace.txt`));
    const pipe = file.split('\n').filter((l) => !l.startsWith('#'));
    const segments = (input: string) =>
      runDialect(FTRACE, bytes(input)).facts.filter((f) => f.event === RESERVED.segment).length;
    expect(segments(file)).toBe(0);
    expect(segments(pipe.join('\n') + file)).toBe(1);
  });

  test('indented text is read with its header', () => {
    const file = text(fixture(`${DIR}/percpu1-trace.txt`));
    const plain = runDialect(FTRACE, bytes(file));
    for (const indent of ['  ', '    ', '\t']) {
      const run = runDialect(FTRACE, bytes(file.replace(/^(?=.)/gm, indent)));
      expect(run.counts).toEqual(plain.counts);
      expect(run.rows.map((r) => [r.name, r.ts, r.cpu, r.pid])).toEqual(
        plain.rows.map((r) => [r.name, r.ts, r.cpu, r.pid]),
      );
    }
  });

  test('stack traces stay with their event', () => {
    const run = runDialect(FTRACE, fixture(`${DIR}/stacktrace.txt`));
    expect(run.counts.stack).toBeGreaterThan(run.counts.event);
    expect(run.rows.every((r) => !r.name.includes('stack'))).toBe(true);
  });
});

describe('damage', () => {
  const line = '            bash-12      [001] .....     1.000001: tlb_flush: pages:1 reason:x (0)';
  test('a torn event line is skipped, a torn marker text goes on', () => {
    // From the pid on; with the stamp's colon the rest is an event with a shorter text.
    for (let n = 20; n < 50; n++) {
      const run = runDialect(FTRACE, bytes(`${line}\n${line.slice(0, n)}\n${line}\n`));
      expect(run.counts, `${n}: ${line.slice(0, n)}`).toMatchObject({ event: 2, skipped: 1 });
    }
    const marker = '            bash-12      [001] .....     1.000001: tracing_mark_write: one';
    const run = runDialect(FTRACE, bytes(`${marker}\n-5 [001] two\n\nthree\n${line}\n`));
    expect(run.counts).toMatchObject({ event: 2, continuation: 2, blank: 1, skipped: 0 });
  });

  test('entries the kernel cut', () => {
    expect(runDialect(FTRACE, bytes(`${line}\n[LINE TOO BIG]\n${line}\n`)).counts).toMatchObject({
      event: 2,
      skipped: 1,
    });
  });

  test('prose around a trace is foreign', () => {
    const run = runDialect(FTRACE, bytes(`Hi all,\n\nsee below:\n${line}\n\nRegards\n`));
    expect(run.counts).toMatchObject({ event: 1, foreign: 3, blank: 2, skipped: 0 });
  });
});

describe('an event that printed nothing, not even its newline', () => {
  const first = '     wk-vmtarget-2920    [001] d.h1.   160.464345: rcu_utilization:';
  const second = '      wk-vmtarget-2920    [001] d.h1.   160.464358: rcu_utilization: Start';
  // The task column is as wide as the kernel makes it.
  const glued = (rest: string): string => `${first} ${rest.slice(1)}\n`;
  const last = '     wk-vmtarget-2920    [001] ...1.   160.464897: sys_mmap -> 0x7f6402121000\n';
  const run = (lines: string) => runDialect(FTRACE, bytes(lines), true);

  test('what follows on its line is read, at its own byte', () => {
    const { rows, counts } = run(glued(second) + last);
    expect(rows.map((r) => r.body)).toEqual(['', 'Start', '0x7f6402121000']);
    expect(rows[1]!.line).toBe(1);
    expect([counts.event, counts.skipped]).toEqual([2, 0]);
  });

  test('damaged, the line is skipped, whatever was read of it, and the next one is whole', () => {
    for (const damaged of [
      second.replace('[001]', '[01]'),
      second.replace('160.464358', '160.46435'),
      second.replace('160.464358:', '160.464358'),
      second.replace('d.h1.', 'd'),
    ]) {
      const { rows, counts, skips } = run(glued(damaged) + last);
      expect([counts.event, counts.skipped], damaged).toEqual([1, 1]);
      expect([...skips]).toEqual([['what follows an event that printed nothing is damaged', 1]]);
      expect(rows.map((r) => r.line)).toEqual([1, 2]);
      expect(rows[1]!.body).toBe('0x7f6402121000');
    }
  });

  test('also where the blanks in front of the line are gone', () => {
    const trimmed = glued(second).trimStart();
    const { rows, counts } = run(trimmed + last);
    expect(rows.map((r) => r.line)).toEqual([1, 1, 2]);
    expect([counts.event, counts.skipped]).toEqual([2, 0]);
  });
});
