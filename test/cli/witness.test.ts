import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { witnessLines } from '../../cli/render/witness.js';
import { analyse } from '../../src/analyse/analyse.js';
import { programOf } from '../../src/litmus/program.js';
import { toFtrace } from '../../src/litmus/to-ftrace.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import type { Finding, Result } from '../../src/result/types.js';
import { ownOrders } from '../litmus/support/files.js';
import { damageLines, readRecording } from '../replay/damage/damage.js';
import { replayFixtures } from '../replay/damage/fixtures.js';
import { replayFile, report } from '../replay/support/replay.js';

const WIDTH = 75;
const BUGS = ownOrders().filter(([, order]) => order.violates.length > 0);

async function ofLog(log: string, variants: readonly string[] = []): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'pttrace-witness-'));
  try {
    const path = join(folder, 'trace.txt');
    writeFileSync(path, log, 'latin1');
    return await analyse({ paths: [path], variants });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const findings = (result: Result): [string, Finding][] =>
  result.invariants.flatMap((i) => i.findings.map((f): [string, Finding] => [`${i.id} ${i.name}`, f]));

const shown = (result: Result): string =>
  findings(result)
    .map(([name, f]) => `${name}: ${f.message}\n${witnessLines(f, WIDTH).join('\n')}\n`)
    .join('\n');

/** What every finding of a log must be. */
function sound(result: Result, lines: readonly string[]): void {
  for (const [name, f] of findings(result)) {
    expect(f.events.length, name).toBeGreaterThan(0);
    for (const e of f.events) expect(lines[e.line - 1], name).toBe(e.text);
    expect(
      f.events.map((e) => e.line),
      name,
    ).toEqual(f.events.map((e) => e.line).toSorted((a, b) => a - b));
    expect(f.held.length, name).toBeGreaterThan(0);
    expect(f.missing, name).not.toBe('');
    expect(f.missingBefore, name).toBeLessThan(f.events.length);
    expect(f.rule, name).not.toBe('');
    expect(f.source, name).not.toBe('');
    if (f.flipNs !== null) expect(f.flipNs, name).toBeGreaterThanOrEqual(0);
    const drawn = witnessLines(f, WIDTH);
    for (const line of drawn) expect(line.length, line).toBeLessThanOrEqual(WIDTH);
    for (const e of f.events) {
      expect(drawn.some((line) => line.startsWith(String(e.line).padStart(7)))).toBe(true);
    }
  }
}

describe('words', () => {
  it.each(CATALOGUE.map((i) => [i.id, i] as const))('%s: who held what, and what was missing', (_, i) => {
    expect(i.held).toMatch(/\S{2}/);
    expect(i.missing).toMatch(/\S{2}/);
  });
});

describe('the bugs of the litmus suite', () => {
  it.each(BUGS.map(([test, order]) => [test.id, test, order] as const))(
    '%s: every event drawn is a line of the log, and nothing is left unsaid',
    async (id, test, order) => {
      const log = toFtrace(programOf(test, order));
      const result = await ofLog(log, order.variants);
      expect(findings(result).length).toBeGreaterThan(0);
      sound(result, log.split('\n'));
      await expect(shown(result)).toMatchFileSnapshot(`witness/${id}.txt`);
    },
  );
});

describe('damaged recordings', () => {
  const KINDS = [
    'enqueue-before-flush',
    'table-freed-before-hand-over',
    'free-before-callback',
    'enqueue-doubled',
    'sync-dropped',
  ];
  it.each(KINDS)('%s', async (kind) => {
    let found = 0;
    for (const fixture of replayFixtures()) {
      const damage = damageLines(kind, readRecording(fixture.lines), 5);
      if (damage === null) continue;
      const result = await replayFile(`${damage.lines.join('\n')}\n`);
      found += findings(result).length;
      sound(result, damage.lines);
      if (fixture.name.includes('lab-y/mt-munmap')) {
        await expect(shown(result)).toMatchFileSnapshot(`witness/${kind}.txt`);
      }
    }
    expect(found).toBeGreaterThan(0);
  });
});

describe('drawing', () => {
  const event = (cpu: number, line: number, tsNs: string, role: string) => ({
    input: 0,
    line,
    offset: 0,
    tsNs,
    cpu,
    task: 'a-1',
    text: '',
    role,
  });
  const finding = (over: Partial<Finding>): Finding => ({
    message: 'm',
    severity: 'S1',
    basis: 'observed',
    events: [event(0, 5, '1000', 'sent'), event(3, 9, '900', 'came')],
    held: ['CPU 3: TLB'],
    missing: 'a flush',
    missingBefore: 1,
    rule: 'r',
    source: 's',
    commit: '',
    flipNs: null,
    ...over,
  });

  it('one column per CPU in the order of their numbers, time relative to the first event', () => {
    expect(witnessLines(finding({}), 75)).toEqual([
      '   line         time  CPU 0                     CPU 3',
      '      5            0  sent',
      '                   >> missing: a flush',
      '      9      -100 ns                            came',
      '  still held: CPU 3: TLB',
      '  rule: r',
      '  kernel: s',
      '  basis: observed',
    ]);
  });

  it('ticks are not ns, and a margin is told', () => {
    const lines = witnessLines(finding({ flipNs: 1500 }), 75, 'ticks');
    expect(lines[3]).toBe('      9         -100                            came');
    expect(lines.slice(-2).join('').replaceAll(/ +/g, ' ')).toContain('off by more than 1.50 us');
  });

  it('more CPUs than columns fit share one', () => {
    const events = [0, 1, 2, 3, 4, 5].map((cpu) => event(cpu, cpu + 1, '0', 'a role of some length'));
    const lines = witnessLines(finding({ events }), 75);
    expect(lines[0]).toMatch(/events$/);
    expect(lines[1]).toContain('CPU 0: a role of some length');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(75);
  });

  it('without events it still says what it is about', () => {
    expect(witnessLines(finding({ events: [], missingBefore: 0 }), 75)[0]).toBe('  missing: a flush');
  });
});

describe('flipNs', () => {
  // A walker with interrupts off on CPU 1; CPU 0 unlinks the table after it began and releases it before it ends.
  const HEADER = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 5/5   #P:2\n#\n';
  const line = (cpu: number, us: number, body: string) => ({ cpu, us, body });
  const mark = (text: string) => `tracing_mark_write: pttrace: ${text}`;
  const steps = [
    line(1, 100, mark('RB kind=irqoff pfn=0x100')),
    line(0, 300, mark('LINK mm=0xffff888100003000 addr=0x7f0000000000 pfn=0x100 level=1')),
    line(0, 400, mark('UL mm=0xffff888100003000 addr=0x7f0000000000 pfn=0x100')),
    line(0, 500, 'mm_page_free: page=ffffea0000004000 pfn=0x100 order=0'),
    line(1, 540, mark('RE kind=irqoff pfn=0x100')),
  ];
  /** The log with the clock of CPU 1 off by `ns`, in the order of its stamps as a recorder prints it. */
  const skewed = (ns: number) =>
    HEADER +
    steps
      .map((s, i) => ({ ...s, i, at: s.us * 1000 + (s.cpu === 1 ? ns : 0) }))
      .sort((a, b) => a.at - b.at || a.i - b.i)
      .map(
        (s) =>
          `            t${s.cpu}-100${s.cpu}    [00${s.cpu}] .....  100.${String(s.at).padStart(9, '0')}: ${s.body}\n`,
      )
      .join('');

  it('is the error of one clock at which the verdict is lost, to the ns', async () => {
    const found = (await ofLog(skewed(0))).invariants.find((i) => i.id === 'I05')!;
    const flip = found.findings[0]!.flipNs!;
    expect(flip).toBeGreaterThan(0);
    const verdict = async (ns: number) => report(await ofLog(skewed(ns)), 'I05').instances.violated;
    expect(await verdict(-(flip - 1))).toBe(1);
    expect(await verdict(-(flip + 1))).toBe(0);
  });

  it('one step of the stamps apart, the order counts but is called dependent on it', async () => {
    const coarse = skewed(0)
      .replaceAll(/(\d\.\d{6})000:/g, '$1:')
      .replace('100.000540', '100.000501');
    const result = await ofLog(coarse);
    const [finding] = report(result, 'I05').findings;
    expect(finding).toMatchObject({ basis: 'order-dependent', flipNs: 0 });
    await expect(shown(result)).toMatchFileSnapshot('witness/order-dependent.txt');
    const equal = await ofLog(coarse.replace('100.000501', '100.000500'));
    expect(report(equal, 'I05')).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
  });
});
