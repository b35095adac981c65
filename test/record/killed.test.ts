import { describe, expect, test } from 'vitest';
import { planRecording } from '../../src/record/plan.js';
import { leftovers, removeNamed, Session } from '../../src/record/session.js';
import type { TracefsDir } from '../../src/record/tracefs.js';
import { FakeTracefs } from './support/fake-tracefs.js';
import { debian61, debian616 } from './support/kernels.js';

// A recording that is ended at each step it takes in tracefs, on a tree with the kernel's rules: what the clean-up restores.

const CHANGES = ['write', 'append', 'clear', 'mkdir', 'rmdir'] as const;

class Killed extends Error {}

/**
 * The tree as one process sees it: it dies before its change number `at`. `how`: after SIGKILL nothing is done any more;
 * a signal that the process handles ends it there and then it cleans up.
 */
function seenBy(
  fs: FakeTracefs,
  at: number,
  how: 'SIGKILL' | 'SIGTERM',
): { tracefs: TracefsDir; steps(): number } {
  let step = 0;
  let dead = false;
  const tracefs = new Proxy(fs as TracefsDir, {
    get(target, name, self) {
      const known = Reflect.get(target, name, self) as unknown;
      if (typeof known !== 'function') return known;
      return (...args: unknown[]) => {
        if (dead && how === 'SIGKILL') throw new Killed();
        if ((CHANGES as readonly unknown[]).includes(name) && step++ === at) {
          dead = true;
          throw new Killed();
        }
        return (known as (...a: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { tracefs, steps: () => step };
}

/** All of a tree, byte for byte. */
const bytesOf = (fs: FakeTracefs): string =>
  JSON.stringify([[...fs.instances].map(([name, files]) => [name, [...files]]), fs.kprobes, fs.profile]);

/** What others have in tracefs: it must be as it was, too. */
function tree(kernel: ReturnType<typeof debian61>): FakeTracefs {
  const fs = new FakeTracefs({ functions: kernel.functions!, events: kernel.events! });
  fs.kprobes.push('p:kprobes/mine do_exit', 'r16:pttrace_x/not_ours do_exit', 'p:pttrace_/no do_exit');
  fs.mkdir('instances/somebody');
  fs.mkdir('instances/pttrace_notes');
  fs.write('instances/somebody/trace_clock', 'mono');
  return fs;
}

/** From the first step to the last, as `record` goes (cli/live-recording.ts). */
function record(tracefs: TracefsDir, fs: FakeTracefs, kernel: ReturnType<typeof debian61>): void {
  const session = new Session(tracefs, planRecording(kernel, 'full'), {
    pid: 4711,
    bufferKb: 1024,
    endProcess: () => fs.endProcess(),
    threadsOf: () => [],
  });
  try {
    session.open();
    session.enable();
    session.start();
    session.stop();
    session.losses();
    for (const _ of session.trace()) void _;
  } finally {
    session.close();
  }
}

describe.each([
  ['6.1', debian61],
  ['6.16', debian616],
] as const)('a recording on %s that is ended at every step', (_, kernelOf) => {
  const kernel = kernelOf();
  const whole = tree(kernel);
  const { tracefs, steps } = seenBy(whole, Number.POSITIVE_INFINITY, 'SIGKILL');
  record(tracefs, whole, kernel);
  const total = steps();

  test('whole it leaves nothing', () => {
    expect(total).toBeGreaterThan(80);
    expect(bytesOf(whole)).toBe(bytesOf(tree(kernel)));
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)('%s', (how) => {
    let left = 0;
    for (let at = 0; at < total; at++) {
      const fs = tree(kernel);
      const before = bytesOf(fs);
      try {
        record(seenBy(fs, at, how).tracefs, fs, kernel);
      } catch (error) {
        // A refused change is one that the kernel may refuse: the recording goes on.
        expect(error, `step ${at}`).toBeInstanceOf(Killed);
      }
      // Whoever was killed has no file open any more.
      fs.openStreams = 0;
      if (bytesOf(fs) !== before) left++;
      // What `pttrace record --cleanup` does.
      for (const found of leftovers(fs)) {
        expect(found.name).toBe('pttrace_4711');
        expect(removeNamed(fs, found.name), `step ${at}`).toEqual([]);
      }
      expect(bytesOf(fs), `step ${at}`).toBe(before);
    }
    // Killed, it does leave something; with a signal it can clean up behind itself all but the step that failed.
    if (how === 'SIGKILL') expect(left).toBeGreaterThan(total / 2);
    else expect(left).toBeLessThan(5 + planRecording(kernel, 'full').kprobes.length);
  });
});
