import { describe, expect, it } from 'vitest';
import { runBoth } from '../../src/litmus/suite.js';
import { snap } from '../../src/mmu/rcu-model.js';
import { one } from './support/files.js';

const START = 'setup:\n P0 map A v T\n';
/** A reader on CPU 1, an unlink and an enqueue on CPU 0, a grace period, callbacks. */
const story = (
  reader: string,
  between: string,
  broken = '',
  verdict = 'silent',
  before = '',
): string => `litmus x
${broken === '' ? '' : `broken: ${broken}`}
${START}
case: ${verdict}
 P1 rd ${reader} T
 P0 unlink A v
 ${before}
 P0 callrcu B T
 P0 gpstart
 ${between}
 P0 gpend
 P0 runcbs
 P1 rdend T
 P1 qs
 P0 gpend
 P0 runcbs
`;

async function got(text: string): Promise<string[]> {
  const outcome = await runBoth(...one(text));
  expect(outcome.ftrace).toEqual(outcome.litmus);
  return [...outcome.litmus];
}

describe('snap', () => {
  it('is a whole grace period away (kernel/rcu/rcu.h rcu_seq_snap)', () => {
    expect([0, 1, 4, 5].map(snap)).toEqual([4, 8, 8, 12]);
  });
});

describe('Tree RCU in a litmus test', () => {
  it.each(['rcu', 'irqoff', 'preemptoff'])(
    'waits for a reader (%s) and then runs the callback',
    async (kind) => {
      const outcome = await runBoth(...one(story(kind, 'P1 qs')));
      expect(outcome.litmus).toEqual([]);
      expect(outcome.ftrace).toEqual([]);
    },
  );

  it('waits for a reader that is preempted', async () => {
    expect(await got(story('rcu', 'P1 preempt'))).toEqual([]);
  });

  it('does not if preempted readers are forgotten', async () => {
    expect(await got(story('rcu', 'P1 preempt', 'gp-ignores-preempted'))).toEqual(['I05', 'I37', 'I40']);
  });

  it('does not if a CPU with interrupts off counts as quiescent', async () => {
    expect(await got(story('irqoff', 'P1 qs', 'gp-ignores-irqs-off'))).toEqual(['I05', 'I37', 'I40']);
  });

  it('callbacks that do not wait', async () => {
    expect(await got(story('rcu', 'P0 runcbs', 'callbacks-before-gp'))).toEqual(['I05', 'I36', 'I37']);
  });

  it('a grace period that was running already is not enough', async () => {
    const text = `litmus x\n${START}case: silent\n P0 gpstart\n P1 rd rcu T\n P0 unlink A v\n P0 callrcu B T\n P1 preempt\n P0 gpend\n P0 runcbs\n P0 gpstart\n P0 gpend\n P1 rdend T\n P0 gpend\n P0 runcbs\n`;
    expect(await got(text)).toEqual([]);
  });

  it('lazy callbacks of an offloaded CPU wait for their flush, and run elsewhere', async () => {
    const text = `litmus x\n${START}case: silent\n P0 offload\n P0 unlink A v\n P0 callrcu B T\n P0 gpstart\n P0 gpend\n P1 runcbs P0\n P0 flushlazy\n P0 gpstart\n P0 gpend\n P1 runcbs P0\n`;
    const outcome = await runBoth(...one(text));
    expect(outcome.litmus).toEqual([]);
    expect(outcome.ftrace).toEqual([]);
  });
});
