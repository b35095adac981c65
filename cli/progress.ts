export interface ProgressLine {
  update(p: { bytes: number; totalBytes: number | null; events: number }): void;
  clear(): void;
}

const EVERY_MS = 200;

/** One self-overwriting line on a terminal's stderr; nothing anywhere else. */
export function progressLine(stream: NodeJS.WriteStream, now: () => number = Date.now): ProgressLine {
  if (!stream.isTTY) return { update: () => {}, clear: () => {} };
  const start = now();
  let last = start;
  let shown = false;
  return {
    update({ bytes, totalBytes, events }) {
      const t = now();
      if (t - last < EVERY_MS) return;
      last = t;
      shown = true;
      const rate = bytes / Math.max(1, t - start) / 1000;
      const part = totalBytes ? ` of ${mb(totalBytes)} (${Math.floor((100 * bytes) / totalBytes)} %)` : '';
      const eta = totalBytes && rate > 0 ? `, ${Math.ceil((totalBytes - bytes) / 1e6 / rate)} s left` : '';
      stream.write(`\r\x1b[K${mb(bytes)}${part}, ${events} events, ${rate.toFixed(0)} MB/s${eta}`);
    },
    clear() {
      if (shown) stream.write('\r\x1b[K');
    },
  };
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
