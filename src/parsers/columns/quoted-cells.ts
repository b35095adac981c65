/** Cells of a record whose quotes stand where RFC 4180 puts them; null for any other, which csv-parse judges. */
export function splitQuoted(text: string, delimiter: string): string[] | null {
  const cells: string[] = [];
  for (let p = 0; ; p++) {
    if (text[p] !== '"') {
      let end = text.indexOf(delimiter, p);
      if (end < 0) end = text.length;
      const cell = text.slice(p, end);
      if (cell.includes('"')) return null;
      cells.push(cell);
      p = end;
    } else {
      let close = text.indexOf('"', p + 1);
      while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      if (close < 0) return null;
      cells.push(text.slice(p + 1, close).replaceAll('""', '"'));
      p = close + 1;
      if (p < text.length && text[p] !== delimiter) return null;
    }
    if (p >= text.length) return cells;
  }
}
