/**
 * No CPU of a machine that runs shows nothing for so long, ns, where its task switches are recorded: the watchdog of each CPU has its
 * stopper thread run every 4 s (kernel/watchdog.c set_sample_period(), softlockup_fn()), and vmstat its worker every second.
 */
export const PAUSE_NS = 5e9;

/** Pauses kept at most, the first ones. */
const MOST = 4096;

/**
 * Spans in which nothing at all was recorded: the machine did not run (a guest that was suspended, a host that slept), or lines are
 * missing. How long something took across one is not known.
 */
export class Pauses {
  private readonly spans: { readonly fromNs: number; readonly toNs: number }[] = [];

  /** Later than all before. */
  add(fromNs: number, toNs: number): void {
    if (Number.isFinite(fromNs) && this.spans.length < MOST) this.spans.push({ fromNs, toNs });
  }

  /** How much of the time from one stamp to another they are. */
  between(fromNs: number, toNs: number): number {
    let ns = 0;
    for (const span of this.spans)
      ns += Math.max(0, Math.min(toNs, span.toNs) - Math.max(fromNs, span.fromNs));
    return ns;
  }

  clear(): void {
    this.spans.length = 0;
  }
}
