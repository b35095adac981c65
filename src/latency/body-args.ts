/**
 * Finds one argument of an event body by name, on raw bytes: `name=value` (probes, tracepoints, perf) or
 * `name: value` (syscalls, plugin forms). Values end at a blank, a comma or a closing parenthesis, unless quoted or in
 * braces.
 */
export class BodyArg {
  private readonly name: Uint8Array;
  /** Range of the value found last. */
  start = 0;
  end = 0;

  constructor(name: string) {
    this.name = new TextEncoder().encode(name);
  }

  /** False when the body has no such argument, or an empty one. */
  find(b: Uint8Array, from: number, to: number): boolean {
    const { name } = this;
    const n = name.length;
    for (let i = from; i + n < to; i++) {
      if (b[i] !== name[0] || !matches(b, i, name)) continue;
      if (i > from && !opens(b[i - 1]!)) continue;
      let at = i + n;
      if (b[at] === EQUALS) at++;
      else if (b[at] === COLON) {
        at++;
        while (at < to && b[at] === BLANK) at++;
      } else continue;
      this.start = at;
      this.end = valueEnd(b, at, to);
      return this.end > at;
    }
    return false;
  }
}

const BLANK = 0x20;
const EQUALS = 0x3d;
const COLON = 0x3a;
const QUOTE = 0x22;

const opens = (c: number): boolean => c === BLANK || c === 0x28 || c === 0x2c || c === 0x09;

function matches(b: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 1; i < word.length; i++) if (b[at + i] !== word[i]) return false;
  return true;
}

function valueEnd(b: Uint8Array, at: number, to: number): number {
  const close = b[at] === QUOTE ? QUOTE : b[at] === 0x7b ? 0x7d : -1;
  if (close >= 0) {
    for (let i = at + 1; i < to; i++) if (b[i] === close) return i + 1;
    return to;
  }
  let i = at;
  while (i < to && b[i] !== BLANK && b[i] !== 0x2c && b[i] !== 0x29) i++;
  return i;
}
