import { describe, expect, it } from 'vitest';
import { OP } from '../../src/kernel/ops.js';
import { LITMUS_RULES } from '../../src/machine/rules.js';
import { KernelModel } from '../../src/mmu/kernel-model.js';

const A = 1000;
const B = 2000;

function model(...broken: string[]): {
  kernel: KernelModel;
  seen: (kind: number, cpu?: number) => number;
  log: number[][];
} {
  const log: number[][] = [];
  const kernel = new KernelModel((kind, cpu) => log.push([kind, cpu]), new Set(broken));
  const seen = (kind: number, cpu?: number): number =>
    log.filter(([k, c]) => k === kind && (cpu === undefined || c === cpu)).length;
  return { kernel, seen, log };
}

function run(kernel: KernelModel, cpu: number, mm: number): void {
  kernel.switchBegin(cpu, mm);
  kernel.switchCr3(cpu, mm);
  kernel.switchEnd(cpu, mm);
}

describe('KernelModel', () => {
  it('interrupts the CPUs that have the mm loaded, and returns when they have answered', () => {
    const { kernel, seen, log } = model();
    run(kernel, 0, A);
    run(kernel, 1, A);
    run(kernel, 2, B);
    log.length = 0;
    kernel.flush(0, A, false);
    expect(log.map(([k]) => k)).toEqual([
      OP.FR,
      OP.FMULTI,
      OP.IS,
      OP.INV,
      OP.TLBF,
      OP.IE,
      OP.INV,
      OP.TLBF,
      OP.IX,
      OP.FD,
    ]);
    expect(seen(OP.INV, 2)).toBe(0);
    expect(kernel.waits(0)).toBe(false);
  });

  it('leaves out a lazy CPU unless tables are freed; that one leaves the mm instead of flushing', () => {
    const { kernel, seen } = model();
    run(kernel, 0, A);
    run(kernel, 1, A);
    kernel.lazy(1);
    kernel.flush(0, A, false);
    expect(seen(OP.IE, 1)).toBe(0);
    kernel.flush(0, A, true);
    expect(seen(OP.IE, 1)).toBe(1);
    kernel.flush(0, A, true);
    expect(seen(OP.TLBF, 1)).toBe(2);
  });

  it('a CPU that comes back flushes only if the generation moved on', () => {
    const { kernel, seen } = model();
    run(kernel, 0, A);
    run(kernel, 1, A);
    run(kernel, 1, B);
    run(kernel, 1, A);
    const before = seen(OP.TLBF, 1);
    run(kernel, 1, B);
    kernel.flush(0, A, false);
    run(kernel, 1, A);
    expect(seen(OP.TLBF, 1)).toBe(before + 1);
  });

  it('waits for a CPU in the middle of a switch until its interrupts are on again', () => {
    const { kernel, seen } = model();
    run(kernel, 0, A);
    kernel.switchBegin(1, A);
    kernel.switchCr3(1, A);
    kernel.flush(0, A, false);
    expect(kernel.waits(0)).toBe(true);
    expect(seen(OP.FD)).toBe(0);
    kernel.switchEnd(1, A);
    expect(kernel.waits(0)).toBe(false);
    expect(seen(OP.FD)).toBe(1);
  });

  it.each(['flush-ignores-switching', 'switch-without-barrier'])('does not with %s', (rule) => {
    const { kernel, seen } = model(rule);
    run(kernel, 0, A);
    run(kernel, 1, A);
    run(kernel, 1, B);
    kernel.switchBegin(1, A);
    kernel.flush(0, A, false);
    expect(kernel.waits(0)).toBe(false);
    expect(seen(OP.IE, 1)).toBe(0);
  });

  it('a batched flush reaches everybody, whatever generation they are at', () => {
    for (const broken of [false, true]) {
      const { kernel, seen } = broken ? model('flush-gen-zero-skips') : model();
      run(kernel, 0, A);
      run(kernel, 1, A);
      const before = seen(OP.TLBF, 1);
      kernel.batch(A);
      kernel.batchFlush(0, A);
      expect(seen(OP.IE, 1)).toBe(1);
      expect(seen(OP.TLBF, 1) - before).toBe(broken ? 0 : 1);
    }
  });

  it('keeps six mms apart; the seventh takes the place of the oldest', () => {
    const { kernel, seen } = model();
    for (let mm = 1; mm <= 6; mm++) run(kernel, 0, mm * 1000);
    expect(seen(OP.IOTLB, 0)).toBe(0);
    run(kernel, 0, 7000);
    expect(seen(OP.IOTLB, 0)).toBe(1);
    const before = seen(OP.TLBF, 0);
    run(kernel, 0, 2000);
    expect(seen(OP.TLBF, 0)).toBe(before);
    run(kernel, 0, 1000);
    expect(seen(OP.TLBF, 0)).toBe(before + 1);
  });

  it('every rule says what the kernel does and where', () => {
    for (const rule of LITMUS_RULES)
      expect(rule.rule !== '' && rule.broken !== '' && /commit|Documentation/.test(rule.source)).toBe(true);
  });
});
