import { describe, expect, it } from 'vitest';
import { oneOfEachName } from '../../support/part.js';
import { type Fixture, replayFixtures } from './fixtures.js';
import { HARMLESS, type HarmlessOutput } from './harmless.js';
import { type Recording, readRecording } from './recording.js';
import { parseLine } from './recording-lines.js';

const SOME = oneOfEachName(replayFixtures().map((f) => f.name));
const FIXTURES = replayFixtures().filter((f) => SOME.includes(f.name));
const SEED = 11;

/** The story by line numbers: equal before and after any change that only renames. */
function shape(r: Recording): unknown {
  return {
    gathers: r.gathers.map((g) => [
      g.begin,
      g.end,
      g.ended,
      g.handOvers.map((h) => [h.level, h.lines, h.free, h.enqueue?.lines]),
      g.flushes.map((f) => [
        f.request,
        f.done,
        f.freedTables,
        f.multi,
        f.targets.map((t) => [t.queue, t.entry, t.exit]),
      ]),
      g.frees,
    ]),
    enqueues: r.enqueues.map((e) => [e.single, e.lines, e.tables.map((t) => t.lines), e.callback?.marks]),
    callbacks: r.callbacks.map((c) => [c.marks, c.frees]),
    syncs: r.syncs.map((s) => s.queues),
  };
}

const done = new Map<string, HarmlessOutput>();

function changed(name: string, fixture: Fixture): HarmlessOutput {
  const key = `${name} ${fixture.name}`;
  if (!done.has(key)) done.set(key, HARMLESS[name]!(fixture, SEED));
  return done.get(key)!;
}

const shapes = new Map(FIXTURES.map((f) => [f.name, shape(readRecording(f.lines))]));

const NAMES = Object.keys(HARMLESS);

describe('harmless changes', () => {
  it.each(NAMES)('%s keeps the number of lines and every header line, and is repeatable', (name) => {
    for (const fixture of FIXTURES) {
      const out = changed(name, fixture);
      expect(out.lines.length).toBe(fixture.lines.length);
      expect(out.lines.slice(0, 11)).toEqual(fixture.lines.slice(0, 11));
      if (fixture === FIXTURES[0]) expect(HARMLESS[name]!(fixture, SEED)).toEqual(out);
      if (name !== 'rehash-pointers' || !fixture.name.includes('nohash'))
        expect(out.lines).not.toEqual(fixture.lines);
    }
  });

  it.each(NAMES.filter((n) => n !== 'rename-probes'))('%s tells the same story', (name) => {
    for (const fixture of FIXTURES) {
      const out = changed(name, fixture);
      expect(shape(readRecording(out.lines))).toEqual(shapes.get(fixture.name));
    }
  });

  it('rename-probes: no old probe or argument name is left, symbols and values stay', () => {
    for (const fixture of FIXTURES) {
      const out = changed('rename-probes', fixture);
      const old = [...fixture.probes.matchAll(/^[pr]\d*:\w+\/(\S+)/gm)].map((m) => m[1]!);
      const now = [...out.probes.matchAll(/^[pr]\d*:\w+\/(\S+)/gm)].map((m) => m[1]!);
      expect(new Set(now).size).toBe(old.length);
      expect(now.filter((n) => old.includes(n))).toEqual([]);
      const names = new Set(now);
      const values = (rest: string) => rest.slice(rest.indexOf(')')).replace(/(\w+)=/g, '=');
      // One expectation a fixture: one a line takes longer than all that is expected.
      const wrong = fixture.lines.filter((text, i) => {
        const a = parseLine(text, i);
        const b = parseLine(out.lines[i]!, i);
        if (a === null || (a.kind !== 'probe' && a.kind !== 'return')) return out.lines[i] !== text;
        if (b === null) return true;
        const place = [b.prefix, b.stamp, b.symbol, b.kind].join('|');
        return (
          place !== [a.prefix, a.stamp, a.symbol, a.kind].join('|') ||
          !names.has(b.rest.slice(0, b.rest.indexOf(':'))) ||
          values(b.rest) !== values(a.rest) ||
          /[ ](head|func|tlb|mm|page|table|batch)=/.test(b.rest)
        );
      });
      expect(wrong).toEqual([]);
    }
  });

  it('shift-bases moves vmemmap and the direct map by whole GiB, differently', () => {
    for (const fixture of FIXTURES) {
      const before = readRecording(fixture.lines);
      const after = readRecording(changed('shift-bases', fixture).lines);
      const vmemmap = after.vmemmap - before.vmemmap;
      const direct = after.directMap - before.directMap;
      expect(vmemmap % (1n << 30n)).toBe(0n);
      expect([vmemmap > 0n, direct > 0n, vmemmap !== direct]).toEqual([true, true, true]);
    }
  });

  it('permute-cpus is a permutation, of masks too', () => {
    for (const fixture of FIXTURES) {
      const out = changed('permute-cpus', fixture);
      const map = new Map<number, number>();
      const wrong = fixture.lines.filter((text, i) => {
        const a = parseLine(text, i);
        if (a === null) return false;
        const b = parseLine(out.lines[i]!, i)!;
        if ((map.get(a.cpu) ?? b.cpu) !== b.cpu) return true;
        map.set(a.cpu, b.cpu);
        const m = /cpumask=0x([0-9a-f]+)/.exec(a.rest);
        if (m === null || map.size < 4) return false;
        const want = [...map].reduce((n, [x, y]) => n | (((Number.parseInt(m[1]!, 16) >> x) & 1) << y), 0);
        return !b.rest.includes(`cpumask=0x${want.toString(16)}`);
      });
      expect(wrong).toEqual([]);
      expect(new Set(map.values()).size).toBe(map.size);
    }
  });

  it('rename-pids and rename-comms rename one to one, in sched_switch too', () => {
    for (const name of ['rename-pids', 'rename-comms'])
      for (const fixture of FIXTURES.slice(0, 4)) {
        const out = changed(name, fixture);
        const pids = new Map<number, number>();
        const wrong = fixture.lines.filter((text, i) => {
          const a = parseLine(text, i);
          if (a === null) return false;
          const b = parseLine(out.lines[i]!, i)!;
          const known = pids.get(a.pid) ?? b.pid;
          pids.set(a.pid, b.pid);
          return b.cpu !== a.cpu || b.stamp !== a.stamp || known !== b.pid;
        });
        expect(wrong).toEqual([]);
        expect(new Set(pids.values()).size).toBe(pids.size);
        const next = (lines: readonly string[]) =>
          lines.filter((l) => /next_comm=.* next_pid=\d+ next_prio/.test(l)).length;
        expect(next(out.lines)).toBe(next(fixture.lines));
      }
  });

  it('shift-times keeps every distance', () => {
    const [fixture] = FIXTURES;
    const out = changed('shift-times', fixture!);
    const stamps = (lines: readonly string[]) =>
      lines.flatMap((t, i) => {
        const line = parseLine(t, i);
        return line === null ? [] : [BigInt(line.stamp.replace('.', ''))];
      });
    const before = stamps(fixture!.lines);
    const after = stamps(out.lines);
    expect(new Set(after.map((t, i) => t - before[i]!)).size).toBe(1);
  });
});
