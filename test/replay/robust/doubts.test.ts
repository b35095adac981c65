import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/result/types.js';
import { partOf } from '../../support/part.js';
import { damageLines, type Recording, readRecording } from '../damage/damage.js';
import { replayFixtures } from '../damage/fixtures.js';
import { inTurn } from '../support/in-turn.js';
import { replayFile, replayLines, report, violatedIds } from '../support/replay.js';
import { clockError, DOUBTS } from './doubts.js';

// Whatever makes a recording doubtful: no violation appears on a kernel that works, and none that is there disappears
// without becoming unknown.

const ALL = replayFixtures();
const named = (part: string) => ALL.find((f) => f.name.includes(part))!;
/** One recording of each kernel, and one in which memory for batches fails. */
const FIXTURES = [
  named('lab-y/mt-munmap'),
  named('lab-semi/mt-munmap'),
  named('lab-n/ftrace-kprobes-nohash'),
  named('debian-6.16.12/mt-munmap'),
  named('lab-n/slowpath'),
  // Processes that come and go.
  named('lab-n/exit-mmap'),
].map((f) => ({ ...f, recording: readRecording(f.lines) }));
/** Damages by what they touch: order of flush, RCU, releases, calls, variants. */
const KINDS = [
  'enqueue-before-flush',
  'flush-dropped',
  'return-before-handler',
  'enqueue-doubled',
  'callback-func-changed',
  'free-before-callback',
  'handed-over-twice',
  'gather-end-dropped',
  'generation-repeated',
];
/** PTTRACE_DOUBT_SEEDS=20: as many casts of each doubt. */
const SEEDS = Array.from(
  { length: Number(process.env.PTTRACE_DOUBT_SEEDS ?? partOf(2, 1)) },
  (_, i) => i + 1,
);

const otherThan = (name: string): readonly string[] =>
  FIXTURES.find((f) => f.kernel !== name.slice(0, name.indexOf('/')) && !f.name.includes('lab-n'))!.lines;

interface Broken {
  readonly name: string;
  readonly kind: string;
  readonly lines: readonly string[];
  readonly expected: string;
  readonly finding: Finding;
}

let made: Promise<Broken[]> | null = null;

/** Damaged recordings in which the damage is found, each with the finding. */
function broken(): Promise<Broken[]> {
  made ??= (async () => {
    const found: Broken[] = [];
    for (const [k, kind] of KINDS.entries()) {
      for (let i = 0; i < FIXTURES.length; i++) {
        const { name, recording }: { name: string; recording: Recording } =
          FIXTURES[(k + i) % FIXTURES.length]!;
        const damage = damageLines(kind, recording, 11);
        if (damage === null) continue;
        const result = await replayFile(`${damage.lines.join('\n')}\n`);
        const [finding] = report(result, damage.expected).findings;
        if (!finding) continue;
        found.push({ name, kind, lines: damage.lines, expected: damage.expected, finding });
        break;
      }
    }
    return found;
  })();
  return made;
}

describe.each(DOUBTS.map((d, i) => [d.name, d, i] as const))('%s', (_, doubt, number) => {
  it('no violation on a kernel that works', async () => {
    const alarms: string[] = [];
    for (const { name, lines } of inTurn(FIXTURES, 2, number)) {
      for (const seed of SEEDS) {
        const result = await replayLines(doubt.cast(lines, seed, otherThan(name)), { maxFindings: 1000 });
        expect(result.inputs[0]!.lines.skipped).toBe(0);
        for (const id of violatedIds(result).filter((v) => !doubt.allowed.includes(v))) {
          // A clock that is off may be told by nothing in the trace: then the finding says that an error of this size
          // would flip it.
          const limitNs = doubt.name === 'skew' ? Math.abs(clockError(lines, seed).us) * 1000 : -1;
          const wrong = report(result, id).findings.filter((f) => f.flipNs === null || f.flipNs > limitNs);
          if (wrong.length === 0) continue;
          alarms.push(`${name} seed ${seed}: ${id} ${wrong[0]!.message} (flip ${wrong[0]!.flipNs})`);
        }
      }
    }
    expect(alarms).toEqual([]);
  });

  it('a violation stays, or becomes unknown', async () => {
    const gone: string[] = [];
    const all = await broken();
    expect(all.length).toBe(KINDS.length);
    for (const { name, kind, lines, expected, finding } of inTurn(all, 2, number)) {
      for (const seed of SEEDS) {
        const doubted = doubt.cast(lines, seed, otherThan(name));
        const left = new Set(doubted);
        // What the finding rests on was cut off: then there is nothing left to be judged.
        if (doubt.cuts && finding.events.some((e) => !left.has(e.text))) continue;
        const { instances } = report(await replayLines(doubted), expected);
        if (instances.violated + instances.unknown === 0) {
          gone.push(`${name} ${kind} seed ${seed}: ${expected} ${JSON.stringify(instances)}`);
        }
      }
    }
    expect(gone).toEqual([]);
  });

  it('does something', () => {
    const changed = FIXTURES.filter(({ name, lines }) =>
      SEEDS.some((seed) => doubt.cast(lines, seed, otherThan(name)).join('\n') !== lines.join('\n')),
    );
    expect(changed.length).toBeGreaterThan(0);
  });
});
