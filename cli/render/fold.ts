import { wrap } from './text.js';

/** Frames of tables: cut, they would be no tables. */
const FRAME = /[│┌└├]/;

/** Lines no longer than `width`: what is too long goes on below, further in than it began. Tables stay as they are. */
export function folded(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.length <= width || FRAME.test(line)) return [line];
      const indent = /^ */.exec(line)![0];
      const [first, ...rest] = wrap(line.trim(), width - indent.length - 4);
      return [`${indent}${first}`, ...rest.map((r) => `${indent}    ${r}`)];
    })
    .flatMap((line) => (FRAME.test(line) ? [line] : cut(line, width)))
    .join('\n');
}

/** A word longer than a line. */
function cut(line: string, width: number): string[] {
  const parts: string[] = [];
  for (let rest = line; ; rest = rest.slice(width)) {
    parts.push(rest.slice(0, width));
    if (rest.length <= width) return parts;
  }
}
