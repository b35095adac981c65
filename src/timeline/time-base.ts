/**
 * Zero point of a timeline. `tsNs` columns hold ns since `baseSec`, which keeps them exact in a double for
 * 104 days around it; absolute stamps (epoch clocks reach 1.8e18 ns) are put together as bigint on output only.
 */
export class TimeBase {
  /** Whole seconds of the first stamp seen (for tick clocks: the first stamp divided by 1e9); null before it. */
  baseSec: number | null = null;
  /** `ticks`: the clock is counter, x86-tsc or uptime; the numbers are not nanoseconds. */
  unit: 'ns' | 'ticks' = 'ns';
  /** Smallest step the recording's stamps can show, in ns (1000 for µs stamps, 1 for ns stamps). */
  resolutionNs = 1000;

  /** Relative stamp for `sec` seconds + `fracNs` nanoseconds (ticks: value div 1e9, value mod 1e9). */
  relative(sec: number, fracNs: number): number {
    if (this.baseSec === null) this.baseSec = sec;
    return (sec - this.baseSec) * 1e9 + fracNs;
  }

  /** Absolute stamp in ns (or ticks) as a decimal string. */
  absolute(tsNs: number): string {
    return (BigInt(this.baseSec ?? 0) * 1_000_000_000n + BigInt(Math.round(tsNs))).toString();
  }
}
