/** A piece of the inside of a string of JSON, or a quote mark. */
const PIECE =
  /[^"\\]+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]|"/y;
/** The first half of a pair, whose other half may not have come. */
const HALF = /^\\u[dD][89abAB][0-9a-fA-F]{2}$/;
const PAIR = 12;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/**
 * A whole text in one string of JSON (`jq -Rs .`), or in several one behind the other: its bytes as they come, a character
 * each. An escape that is none stays as it is.
 */
export class JsonText {
  private held = '';
  private inside = false;

  /** What these bytes add to the text. */
  add(bytes: string, last = false): string {
    const text = this.held + bytes;
    let out = '';
    let at = 0;
    while (at < text.length) {
      PIECE.lastIndex = at;
      const piece = PIECE.exec(text)?.[0];
      if (piece === undefined || (HALF.test(piece) && text.length - at < PAIR)) {
        if (!last && text.length - at < PAIR) break;
        // No escape: its backslash, and what follows it.
        if (this.inside) out += text[at];
        at++;
        continue;
      }
      at += piece.length;
      if (piece === '"') this.inside = !this.inside;
      else if (this.inside) out += piece[0] === '\\' ? unescaped(piece) : piece;
    }
    this.held = text.slice(at);
    return out;
  }
}

function unescaped(piece: string): string {
  const c = piece[1]!;
  if (c !== 'u') return ESCAPED[c] ?? c;
  const units = piece.split('\\u').slice(1);
  return Buffer.from(String.fromCharCode(...units.map((unit) => Number.parseInt(unit, 16)))).toString(
    'latin1',
  );
}
