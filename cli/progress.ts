export interface Progress {
  /** Of the input being read, before decompression. */
  readonly bytes: number;
  /** Size of that input; null unknown. */
  readonly totalBytes: number | null;
  readonly events: number;
}

export interface ProgressLine {
  update(p: Progress): void;
  clear(): void;
}

/** What of a terminal's stream is used. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const EVERY_MS = 200;
const ERASE = '\r\x1b[K';
const SILENT: ProgressLine = { update: () => {}, clear: () => {} };

/** One self-overwriting line on a terminal's stderr; nothing anywhere else, nor on a terminal that cannot erase. */
export function progressLine(
  stream: ProgressStream,
  now: () => number = Date.now,
  terminal: string | undefined = process.env.TERM,
): ProgressLine {
  if (!stream.isTTY || terminal === 'dumb') return SILENT;
  let start = now();
  let last = start;
  let read = 0;
  let shown = false;
  return {
    update(p) {
      const t = now();
      // The next input, or a second pass over this one: its rate is its own.
      if (p.bytes < read) start = last = t;
      read = p.bytes;
      if (t - last < EVERY_MS) return;
      last = t;
      shown = true;
      // Serial consoles say 0 columns.
      const width = Math.max(20, (stream.columns || 80) - 1);
      stream.write(ERASE + progressText(p, t - start).slice(0, width));
    },
    clear() {
      if (shown) stream.write(ERASE);
      shown = false;
    },
  };
}

/** As `progressLine`, for many recordings: `12 of 1000 recordings, 3.4/s, 4:51 left`. */
export function recordingsLine(
  stream: ProgressStream,
  total: number,
  now: () => number = Date.now,
  terminal: string | undefined = process.env.TERM,
): { done(count: number): void; clear(): void } {
  if (!stream.isTTY || terminal === 'dumb') return { done: () => {}, clear: () => {} };
  const start = now();
  let last = start;
  let shown = false;
  return {
    done(count) {
      const t = now();
      if (t - last < EVERY_MS) return;
      last = t;
      shown = true;
      const perSecond = (1000 * count) / Math.max(1, t - start);
      const text = `${count} of ${total} recordings, ${perSecond.toFixed(1)}/s, ${clock((total - count) / perSecond)} left`;
      stream.write(ERASE + text.slice(0, Math.max(20, (stream.columns || 80) - 1)));
    },
    clear() {
      if (shown) stream.write(ERASE);
      shown = false;
    },
  };
}

/** `12 MB of 40 MB (30 %), 123456 events, 35 MB/s, 0:01 left`; what is not known is left out. */
export function progressText({ bytes, totalBytes, events }: Progress, elapsedMs: number): string {
  const perSecond = (1000 * bytes) / Math.max(1, elapsedMs);
  const known = totalBytes !== null && totalBytes > 0;
  const part = known ? ` of ${size(totalBytes)} (${Math.floor((100 * bytes) / totalBytes)} %)` : '';
  const rate = bytes > 0 ? `, ${size(perSecond)}/s` : '';
  const left = known && perSecond > 0 ? `, ${clock(Math.max(0, (totalBytes - bytes) / perSecond))} left` : '';
  return `${size(bytes)}${part}, ${events} events${rate}${left}`;
}

function size(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e10 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
