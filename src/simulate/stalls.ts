import { Prng } from './prng.js';

/** How often a running CPU is held up for so long, per second of running. */
export interface StallClass {
  readonly perSecond: number;
  readonly lowNs: number;
  readonly highNs: number;
}

/** Time that the calls of the histogram below spent running, s: their mean between the bounds its rows allow. */
const RUNNING_S = 0.6;

/**
 * The heavy part of every time: interrupts, preemption, whatever else holds a CPU up. From the only bare-metal numbers
 * there are, the histogram "without patch" of munmap in Qi Zheng's mail of November 2024 (210 476 calls in a second):
 * the calls of 8 µs and more, far from the body below, taken as steps that were held up for that long.
 */
export const STALLS: readonly StallClass[] = [
  [442, 8192],
  [69, 16_384],
  [1, 32_768],
  [1, 65_536],
  [14, 131_072],
  [14, 262_144],
  [68, 524_288],
].map(([calls, lowNs]) => ({ perSecond: calls! / RUNNING_S, lowNs: lowNs!, highNs: 2 * lowNs! }));

const ALL_PER_SECOND = STALLS.reduce((sum, s) => sum + s.perSecond, 0);
/** Keeps its draws apart from those of the workload, whose choices do not depend on it. */
const STREAM = 0x7a11;

/** Draws how long a step is held up; the same seed gives the same stalls. */
export class Stalls {
  private readonly random: Prng;

  constructor(seed: number) {
    this.random = new Prng(seed ^ STREAM);
  }

  /** ns by which a step of `lengthNs` becomes longer: a Poisson process on the time it runs, at most one a step. */
  within(lengthNs: number): number {
    const hit = this.random.next();
    let left = hit / -Math.expm1((-lengthNs * ALL_PER_SECOND) / 1e9);
    if (!(left < 1)) return 0;
    left *= ALL_PER_SECOND;
    for (const { perSecond, lowNs, highNs } of STALLS) {
      left -= perSecond;
      if (left < 0) return this.random.spread(lowNs, highNs);
    }
    return 0;
  }
}
