const EVERY_MS = 200;

/** One self-overwriting line on a terminal's stderr. */
export function searchProgress(): {
  update(states: number, expanded: number, depth: number): void;
  clear(): void;
} {
  const { stderr } = process;
  if (stderr.isTTY !== true || process.env.TERM === 'dumb') return { update: () => {}, clear: () => {} };
  let last = Date.now();
  let shown = false;
  return {
    update(states, expanded, depth) {
      const now = Date.now();
      if (now - last < EVERY_MS) return;
      last = now;
      shown = true;
      stderr.write(`\r\x1b[K${states} states, ${states - expanded} to go, depth ${depth}`);
    },
    clear() {
      if (shown) stderr.write('\r\x1b[K');
    },
  };
}
