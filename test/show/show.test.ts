import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { UsageError } from '../../src/result/usage-error.js';
import { type Subject, show } from '../../src/show/show.js';
import { replayFixtures } from '../replay/damage/fixtures.js';
import { readRecording } from '../replay/damage/recording.js';
import {
  address,
  BASES,
  batchPfn,
  MM,
  munmapRcu,
  print,
  structPage,
  TLB,
  tablePfn,
} from '../replay/support/story.js';

const STEPS = [...munmapRcu(1), ...munmapRcu(2)];
const HEADER = 12;
let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-show-'));
  path = join(folder, 'trace.txt');
  writeFileSync(path, print(STEPS));
});
afterAll(() => rmSync(folder, { recursive: true }));

const tell = (subject: Subject, maxEvents?: number) => show({ paths: [path], subject, ...BASES, maxEvents });
/** Labels of the steps told of, and the cycle (1 or 2) each belongs to. */
const labels = (story: Awaited<ReturnType<typeof show>>) =>
  story.events.map(
    (e) => `${STEPS[e.line - HEADER - 1]!.label}#${e.line - HEADER - 1 < STEPS.length / 2 ? 1 : 2}`,
  );

describe('show --table', () => {
  const life = [
    'table-alloc',
    'birth',
    'install',
    'unlink',
    'append',
    'request',
    'send',
    'handler-out',
    'flushed',
    'enqueue',
    'invoke',
    'callback',
    'table-free',
  ].map((label) => `${label}#2`);

  it('tells the life of one table across CPUs, with what it rode in, and nothing of another', async () => {
    const story = await tell({ table: `pfn:0x${tablePfn(2).toString(16)}` });
    expect(labels(story)).toEqual(life);
    expect(story.cpus).toEqual([0, 1]);
    expect(story.title).toContain('table');
    expect(story.notes).toEqual([]);
    for (const event of story.events) {
      expect(event.note).not.toBe('');
      expect(event.text).toContain(STEPS[event.line - HEADER - 1]!.rest);
    }
  });

  it.each([structPage(tablePfn(2)), address(tablePfn(2)), structPage(tablePfn(2)).slice(2)])(
    'is the same table by %s',
    async (table) => {
      expect(labels(await tell({ table }))).toEqual(life);
    },
  );

  it('says what it leaves out', async () => {
    const story = await tell({ table: `pfn:${tablePfn(2)}` }, 3);
    expect(labels(story)).toEqual(life.slice(0, 3));
    expect(story.notes.join()).toContain(`${life.length - 3} further events are not shown`);
  });

  it('says when the trace has nothing on it', async () => {
    const story = await tell({ table: 'pfn:0x1' });
    expect(story.events).toEqual([]);
    expect(story.notes).toContain('no event of this trace is about it');
  });
});

describe('show --mm, --gather, --head', () => {
  it('tells of an mm from its faults to its callbacks', async () => {
    const told = labels(await tell({ mm: MM }));
    for (const label of [
      'install',
      'gather',
      'unlink',
      'finish',
      'request',
      'multi',
      'invalidate',
      'flushed',
      'enqueue',
    ])
      expect(told).toEqual(expect.arrayContaining([`${label}#1`, `${label}#2`]));
    expect(told.some((l) => l.startsWith('frame-free'))).toBe(false);
    expect((await tell({ mm: '0xffff888100099900' })).events).toEqual([]);
  });

  it('tells of a gather and its flush and call_rcu', async () => {
    const told = labels(await tell({ gather: TLB }));
    for (const label of [
      'gather',
      'unlink',
      'append',
      'finish',
      'request',
      'handler-out',
      'flushed',
      'enqueue',
    ])
      expect(told).toContain(`${label}#2`);
  });

  it('tells of one rcu_head', async () => {
    expect(labels(await tell({ head: address(batchPfn(2)) }))).toEqual([
      'enqueue#2',
      'invoke#2',
      'callback#2',
      'table-free#2',
    ]);
  });

  it('refuses what is no address', async () => {
    await expect(tell({ mm: 'init_mm' })).rejects.toThrow(UsageError);
  });
});

describe('show --line', () => {
  const line = (label: string) =>
    HEADER + 1 + STEPS.length / 2 + munmapRcu(2).findIndex((s) => s.label === label);

  it.each([
    ['unlink', { table: `pfn:0x${tablePfn(2).toString(16)}` }],
    ['table-free', { table: `pfn:0x${tablePfn(2).toString(16)}` }],
    ['enqueue', { head: address(batchPfn(2)) }],
    ['request', { mm: MM }],
  ] as [string, Subject][])('the line of %s is about %o', async (label, subject) => {
    expect(labels(await tell({ line: line(label) }))).toEqual(labels(await tell(subject)));
  });

  it('of gathers at one address it is the one of the line', async () => {
    const all = labels(await tell({ gather: TLB }));
    const second = all.filter((label) => label.endsWith('#2'));
    expect(second.length).toBeLessThan(all.length);
    for (const label of ['gather', 'finish'])
      expect(labels(await tell({ line: line(label) }))).toEqual(second);
  });

  it('of a long life it tells what is near the line', async () => {
    const all = await tell({ mm: MM });
    const most = 4;
    for (const label of ['request', 'flushed'] as const) {
      const at = line(label);
      const story = await tell({ line: at }, most);
      if (!story.title.startsWith('mm ')) continue;
      expect(story.events.map((e) => e.line)).toContain(at);
      expect(story.events.length).toBeLessThanOrEqual(most);
      expect(story.notes.join()).toContain(`${all.events.length - story.events.length} further events`);
    }
    expect((await tell({ line: line('request') }, most)).title).toMatch(/^mm .*\(line \d+\)$/);
  });

  it('of an event about none of these it tells what happened around it', async () => {
    const at = line('send');
    const story = await tell({ line: at });
    expect(story.title).toBe(`around line ${at}`);
    expect(story.events.map((e) => e.line)).toEqual(Array.from({ length: 17 }, (_, i) => at - 8 + i));
    expect(story.events[8]).toMatchObject({ line: at, note: 'csd_queue_cpu' });
    expect(story.notes.join()).toContain('its event names no table');
    expect((await tell({ line: at }, 4)).events.map((e) => e.line)).toEqual([at - 1, at, at + 1]);
    expect((await tell({ line: at }, 1)).events.map((e) => e.line)).toEqual([at]);
  });

  it.each([
    [1, 'it is no event'],
    [10_000, `the last event of this trace is in line ${HEADER + STEPS.length}`],
  ])('line %i is about nothing, and the note says why', async (n, why) => {
    const story = await tell({ line: n });
    expect(story.events).toEqual([]);
    expect(story.title).toBe(`line ${n}`);
    expect(story.notes.join()).toContain(why);
  });
});

describe('what a finding leads on to', () => {
  it.each(readdirSync('fixtures/wrong-orders').filter((name) => name.endsWith('.gz')))(
    'in %s: its last line is told of',
    async (name) => {
      const paths = [`fixtures/wrong-orders/${name}`];
      const { invariants, variant } = await analyse({ paths });
      const findings = invariants.flatMap((i) => i.findings.map((f) => f.events.at(-1)));
      const lines = new Set(
        [...findings, ...variant.evidence.map((e) => e.events[0])].flatMap((e) => (e ? [e.line] : [])),
      );
      expect(lines.size).toBeGreaterThan(0);
      for (const line of lines) {
        const story = await show({ paths, subject: { line } });
        expect(story.events.map((e) => e.line)).toContain(line);
      }
    },
  );
});

describe('on a real recording', () => {
  it('tells every line of a table that a plain reading finds', async () => {
    const fixture = replayFixtures().find((f) => f.name.includes('lab-y/mt-munmap'))!;
    const real = join(folder, 'real.txt');
    writeFileSync(real, `${fixture.lines.join('\n')}\n`);
    const recording = readRecording(fixture.lines);
    const handOvers = recording.gathers
      .flatMap((g) => g.handOvers)
      .filter((h) => h.enqueue?.callback && h.free !== null);
    for (const h of handOvers.slice(0, 3)) {
      const story = await show({ paths: [real], subject: { table: `pfn:0x${h.pfn.toString(16)}` } });
      const told = new Set(story.events.map((e) => e.line - 1));
      for (const index of [...h.lines.slice(0, 1), h.free!, h.enqueue!.lines[0]!])
        expect(told.has(index)).toBe(true);
    }
  });
});
