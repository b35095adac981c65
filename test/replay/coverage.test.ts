import { describe, expect, it } from 'vitest';
import { Coverage } from '../../src/replay/coverage.js';

const KIND = 3;

function asked(coverage: Coverage, cpu = 0): { answers: string[] } {
  const answers: string[] = [];
  coverage.ask({
    kind: KIND,
    cpu,
    proven: () => answers.push('proven'),
    unproven: (why) => answers.push(why),
  });
  return { answers };
}

describe('Coverage', () => {
  it('proves an absence only between two firings on the same CPU', () => {
    const coverage = new Coverage(8);
    coverage.fired(KIND, 0, 1);
    const { answers } = asked(coverage);
    expect(answers).toEqual([]);
    coverage.fired(KIND, 1, 2);
    coverage.fired(KIND + 1, 0, 3);
    expect(answers).toEqual([]);
    coverage.fired(KIND, 0, 4);
    expect(answers).toEqual(['proven']);
    coverage.fired(KIND, 0, 5);
    expect(answers).toEqual(['proven']);
  });

  it('makes room for kinds and CPUs as they come, and keeps what it knew', () => {
    const coverage = new Coverage(5000);
    coverage.fired(KIND, 0, 1);
    coverage.fired(KIND, 1, 2);
    const waiting = asked(coverage, 1);
    coverage.otherRecorder();
    coverage.fired(4999, 1, 3);
    coverage.fired(5000, 1, 3);
    coverage.fired(-1, 1, 3);
    coverage.fired(KIND, 40, 4);
    const fired = (kind: number) =>
      Array.from({ length: 42 }, (_, i) => i).filter((c) => coverage.firedOn(kind, c));
    expect([fired(KIND), fired(4999), fired(4998), fired(5000), fired(-1)]).toEqual([
      [0, 1, 40],
      [1],
      [],
      [],
      [],
    ]);
    expect([coverage.total(KIND), coverage.shown(KIND), coverage.total(4999), coverage.total(4998)]).toEqual([
      3, 1, 1, 0,
    ]);
    expect(coverage.total(5000)).toBe(0);
    expect(waiting.answers).toEqual([]);
    coverage.fired(KIND, 1, 5);
    expect(waiting.answers).toEqual(['proven']);
  });

  it('says at once that a probe has not fired on that CPU', () => {
    const coverage = new Coverage(8);
    coverage.fired(KIND, 1, 1);
    expect(asked(coverage, 0).answers).toEqual(['its probe was not seen to fire on this CPU before']);
    expect(asked(coverage, 40).answers).toHaveLength(1);
    expect(asked(coverage, -1).answers).toHaveLength(1);
  });

  it('forgets what it knew of a CPU, or of all, when events are lost', () => {
    for (const lost of [0, -1]) {
      const coverage = new Coverage(8);
      coverage.fired(KIND, 0, 1);
      coverage.fired(KIND, 1, 1);
      const waiting = asked(coverage);
      coverage.lost(lost);
      expect(waiting.answers).toEqual(['events were lost on this CPU before its probe fired again']);
      expect(coverage.firedOn(KIND, 0)).toBe(false);
      expect(coverage.firedOn(KIND, 1)).toBe(lost === 0);
      coverage.fired(KIND, 0, 9);
      expect(waiting.answers).toHaveLength(1);
      expect(coverage.firedOn(KIND, 0)).toBe(true);
    }
  });

  it('answers whatever waits at the end, with the reason given, and starts anew', () => {
    const coverage = new Coverage(8);
    coverage.fired(KIND, 5, 1);
    const waiting = asked(coverage, 5);
    coverage.end('the trace ends');
    expect(waiting.answers).toEqual(['the trace ends']);
    expect(coverage.firedOn(KIND, 5)).toBe(false);
    expect(coverage.total(KIND)).toBe(1);
  });

  it('keeps what it knows as CPUs are added, and ignores kinds beyond its size', () => {
    const coverage = new Coverage(8);
    coverage.fired(KIND, 0, 1);
    coverage.fired(KIND, 100, 2);
    expect(coverage.firedOn(KIND, 0)).toBe(true);
    expect(coverage.firedOn(KIND, 99)).toBe(false);
    coverage.fired(8, 0, 3);
    expect(coverage.firedOn(8, 0)).toBe(false);
    expect(coverage.total(KIND)).toBe(2);
  });

  it('a proof that asks a further question is answered by the next firing, not by the same', () => {
    const coverage = new Coverage(8);
    coverage.fired(KIND, 0, 1);
    const log: string[] = [];
    const question = (name: string, proven: () => void) => ({
      kind: KIND,
      cpu: 0,
      proven,
      unproven: () => log.push(`${name} unproven`),
    });
    coverage.ask(
      question('first', () => {
        log.push('first');
        coverage.ask(question('second', () => log.push('second')));
      }),
    );
    coverage.fired(KIND, 0, 2);
    expect(log).toEqual(['first']);
    coverage.fired(KIND, 0, 3);
    expect(log).toEqual(['first', 'second']);
  });
});
