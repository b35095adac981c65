import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answer } from '../../cli/render/answer.js';
import { formatScreen, undecidedWords } from '../../cli/render/screen.js';
import { widthOf } from '../../cli/width.js';
import { analyse } from '../../src/analyse/analyse.js';
import type { InvariantReport, Result } from '../../src/result/types.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const CLEAN = fixture('6.12.117-lab-y/mt-munmap.txt.gz');
const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

const INPUTS = ['alarms', 'wrong-orders', 'inputs', 'replay'].flatMap((dir) =>
  readdirSync(join(ROOT, 'fixtures', dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => /\.(?:txt|gz)$/.test(f) && !f.includes('kprobe_events'))
    .map((f) => join('fixtures', dir, f)),
);

const read = async (path: string): Promise<Result | undefined> => {
  try {
    // Names as a person gives them: relative.
    const result = await analyse({ paths: [join(ROOT, path)] });
    for (const input of result.inputs) input.path = path;
    return result;
  } catch (error) {
    expect((error as Error).name).toBe('TraceError');
    return undefined;
  }
};

describe('the first screen', () => {
  it.each(INPUTS)('%s: at most 23 lines, as wide as asked for', async (path) => {
    const result = await read(path);
    if (!result) return;
    for (const width of [75, 80, 132]) {
      const lines = formatScreen(result, { width }).trimEnd().split('\n');
      expect(lines.length, lines.join('\n')).toBeLessThanOrEqual(23);
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(width);
    }
    const plain = formatScreen(result, { width: 75, plain: true });
    expect(plain).toMatch(/^[\x20-\x7e\n]*$/);
    for (const line of formatScreen(result, { width: 40 }).split('\n'))
      expect(line.length, line).toBeLessThanOrEqual(40);
  });

  it('begins with the worst finding, as a story with its lines per CPU', async () => {
    const path = write(folder(), 'bad.txt', withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));
    const result = await analyse({ paths: [path] });
    const worst = result.invariants
      .filter((i) => i.verdict === 'violated')
      .sort((a, b) => a.severity.localeCompare(b.severity, 'en'))[0]!;
    const text = formatScreen(result, { width: 80 });
    expect(flat(text).startsWith(`${worst.id} ${worst.name} is violated`)).toBe(true);
    expect(flat(text)).toContain(worst.findings[0]!.message);
    const last = worst.findings[0]!.events.at(-1)!;
    expect(text).toMatch(new RegExp(`^ +${last.line} +\\+`, 'm'));
    expect(text).toMatch(/^ +line +time {2}CPU \d/m);
    expect(text).toContain('>> missing: ');
    for (const other of result.invariants.filter((i) => i.verdict === 'violated' && i !== worst))
      expect(flat(text)).toContain(other.id);
  });

  it('of a clean recording says what was seen, and what was not', async () => {
    const result = await analyse({ paths: [CLEAN] });
    const freed = result.invariants.find((i) => i.id === 'I01')!.instances.pass;
    expect(answer(result)).toMatch(
      new RegExp(
        `^No violation: each of the ${freed} page tables freed was first unlinked, flushed out of TLBs and walk caches`,
      ),
    );
    expect(answer(result)).toContain('Not known: whether a reader was still inside.');
    const text = flat(formatScreen(result, { width: 80 }));
    expect(text).toContain(`of ${result.invariants.length} rules `);
    expect(text).toContain('lost events: none reported');
    expect(text).toMatch(/latency munmap: n = \d+, .* \|[·▁-█]+\| /);
  });

  it('claims no more tables than were judged', async () => {
    const result = await analyse({ paths: [CLEAN] });
    const of = (id: string): InvariantReport => result.invariants.find((i) => i.id === id)!;
    of('I05').verdict = 'pass';
    of('I05').instances = { pass: 3, violated: 0, unknown: 0, censored: 0 };
    expect(answer(result)).toMatch(/ first .*; 3 were seen left by their readers\.$/);
    of('I01').verdict = 'unknown';
    of('I02').verdict = 'unknown';
    expect(answer(result)).toContain('whether the tables were unlinked first');
    for (const i of result.invariants) if (i.verdict === 'pass') i.verdict = 'unknown';
    expect(answer(result)).toMatch(/^No violation in what could be decided\. Not known: /);
  });

  it('says that there is nothing to judge, what was required, what is broken and what was lost', async () => {
    const none = write(folder(), 'none.txt', [
      '# tracer: nop',
      '  a-1 [000] d..2. 1.000001: sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 next_prio=120',
    ]);
    expect(answer(await analyse({ paths: [none] }))).toMatch(/^Nothing to judge: /);
    const reversed = await analyse({ paths: ['fixtures/alarms/reversed.txt.gz'] });
    expect(answer(reversed)).toMatch(/^Nothing can be judged: the events are not in the order of their time/);
    const required = await analyse({ paths: [CLEAN], require: ['I05'] });
    expect(answer(required)).toMatch(/^I05 no-reader-at-free was required to be decided and is not: /);
    const broken = await analyse({ paths: [CLEAN] });
    broken.inputs[0]!.error = { code: 'truncated', message: 'the gzip data ends early' };
    broken.timeline.lost = [{ cpu: 1, count: -1, intervals: 1 }];
    broken.summary.partial = true;
    const text = flat(formatScreen(broken, { width: 80 }));
    expect(text).toContain('is not whole: the gzip data ends early.');
    expect(text).toContain('lost events: CPU 1 an unknown number');
    expect(text).toMatch(/^PARTIAL \(interrupted\): /);
  });
});

describe('what is not decided, in words', () => {
  const open = (id: string, settledBy: string[], reason = ''): InvariantReport =>
    ({
      id,
      verdict: 'unknown',
      settledBy,
      reason,
      instances: { pass: 0, violated: 0, unknown: 0, censored: 0 },
    }) as never;
  const MAP = 'kprobes on __pte_offset_map and its return';

  it('one topic by its name, with the level that would show it', () => {
    expect(undecidedWords([open('I05', [MAP])])).toEqual([
      'readers were not recorded in full: 1 rule about them not decided; `pttrace record --level readers` would show them',
    ]);
  });

  it('no level that the recording had already', () => {
    const words = (...recorded: string[]): string => undecidedWords([open('I05', [MAP])], recorded)[0]!;
    for (const lower of [[], ['latency'], ['full', 'tables'], ['of another tool']])
      expect(words(...lower)).toMatch(/`pttrace record --level readers` would show them$/);
    for (const had of ['readers', 'locks', 'full']) {
      expect(words(had)).not.toContain('record --level');
      expect(words(had)).toContain(`it was recorded at level ${had}, which has their probes`);
      expect(words(had)).toContain('`--kernel-info`');
    }
  });

  it('several with their numbers, which add up', () => {
    expect(
      undecidedWords([
        open('I05', [MAP]),
        open('I28', ['kprobes on _raw_spin_lock and _raw_spin_unlock (level locks)']),
        open('I16', ['`pttrace: PTL` trace markers']),
        open('I38', [], 'the only one is cut off'),
        open('I39', [], 'more'),
      ]),
    ).toEqual([
      'not recorded, or not in full: readers (1) and locks (1); 2 rules about them not decided; `pttrace record --level locks` would show them',
      'I38 is not decided (and I39): the only one is cut off',
      '1 rule that only trace markers or bpftrace decide: I16',
    ]);
    expect(undecidedWords([])).toEqual([]);
  });
});

describe('the width', () => {
  it('is what was asked for, the terminal’s, or a mail’s', () => {
    expect(widthOf(90, { isTTY: true, columns: 200 })).toBe(90);
    expect(widthOf(undefined, { isTTY: true, columns: 100 })).toBe(100);
    expect(widthOf(undefined, { isTTY: true, columns: 400 })).toBe(132);
    expect(widthOf(undefined, { isTTY: true, columns: 0 })).toBe(75);
    expect(widthOf(undefined, { columns: 100 })).toBe(75);
  });

  it('of replay on a terminal, and with --all', async () => {
    for (const columns of [80, 120]) {
      for (const more of [[], ['--all']]) {
        const { stdout } = await runCommand(['replay', CLEAN, ...more], {
          terminal: { columns },
          env: { NO_COLOR: '1' },
        });
        // bpftrace's own pictures are 80 columns wide, lines of a log as they are.
        for (const line of stdout.split('\n').filter((l) => !/^[[(]|^ {2}line /.test(l)))
          expect(line.length, line).toBeLessThanOrEqual(columns);
      }
    }
  });
});
