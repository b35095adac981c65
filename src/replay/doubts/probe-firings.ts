import type { Latest, Moment, Window } from './doubtful.js';

/** Windows, and gaps, remembered at most: of more windows the last one goes on, of more gaps the oldest is forgotten. */
const MOST = 4096;

/**
 * When a probe fires, on any CPU, and the windows between two firings in which it was proven not to: something that comes
 * only with an event of its own was shown without one.
 */
export class ProbeFirings {
  readonly windows: Window[] = [];
  private readonly last: Latest = { event: 0, seq: 0, ref: -1 };
  private off = false;
  /** Times it fired. */
  count = 0;

  fired(event: number, seq: number, ref: number): void {
    if (this.off) this.within(event, seq, ref);
    this.off = false;
    this.count++;
    this.last.event = event;
    this.last.seq = seq;
    this.last.ref = ref;
  }

  /** An event of its own must have happened. Where it has not fired before, no absence proves anything anyhow. */
  missing(): void {
    this.off = this.count > 0;
  }

  /** From its last firing up to here an absence proves nothing. */
  within(event: number, seq: number, ref: number): void {
    if (this.count > 0) doubtful(this.windows, { from: this.since, to: { event, seq, ref } });
  }

  get since(): Moment {
    return { ...this.last };
  }
}

/** As well, the longest gap between two firings of any time, counted in steps of the machine. */
export class GapsOfProbe extends ProbeFirings {
  /** Each longer than all that came later. */
  private readonly gaps: Window[] = [];

  override fired(event: number, seq: number, ref: number): void {
    if (this.count > 0) {
      const from = this.since;
      const { gaps } = this;
      while (gaps.length > 0 && steps(gaps.at(-1)!) <= seq - from.seq) gaps.pop();
      gaps.push({ from, to: { event, seq, ref } });
      if (gaps.length > MOST) gaps.shift();
    }
    super.fired(event, seq, ref);
  }

  /** It did not fire somewhere since that step: where it was silent for longest. */
  missingSince(seq: number): void {
    const gap = this.gaps.find(({ to }) => to.seq > seq);
    if (gap) doubtful(this.windows, gap);
  }
}

/** One more. */
export function doubtful(windows: Window[], window: Window): void {
  const last = windows.at(-1);
  const joined = last && (last.from.seq === window.from.seq || windows.length >= MOST);
  if (!joined) windows.push(window);
  else if (window.to.seq > last.to.seq) windows[windows.length - 1] = { from: last.from, to: window.to };
}

const steps = ({ from, to }: Window): number => to.seq - from.seq;
