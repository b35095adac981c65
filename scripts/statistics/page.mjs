import { readFileSync, writeFileSync } from 'node:fs';

/** Puts `text` between the markers of that name in docs/statistics.md. */
export function writeBetween(name, text) {
  const page = new URL('../../docs/statistics.md', import.meta.url);
  const old = readFileSync(page, 'utf8');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [i, k] = [old.indexOf(begin), old.indexOf(end)];
  if (i < 0 || k < i) throw new Error(`docs/statistics.md has no ${begin} … ${end}`);
  writeFileSync(page, `${old.slice(0, i + begin.length)}\n\n${text}\n${old.slice(k)}`);
}
