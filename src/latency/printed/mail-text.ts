import { byName } from '../../result/by-name.js';
/**
 * What mail does to a pasted table, undone as far as it can be: line ends, quoted-printable (RFC 2045 6.7), HTML
 * entities, and blanks that are not blanks.
 */
export function normaliseMail(text: string): string {
  let t = text.replace(/\r\n?/g, '\n');
  if (/=(?:\n|(?!\d{3})(?:20|3D|7C|40|5B)|C2=A0|E2=80=AF)/.test(t)) t = decodeQuotedPrintable(t);
  return t
    .replace(/\x1b\[[0-9;:?]*[A-Za-z]/g, '')
    .replace(
      /&(lt|gt|amp|nbsp|#64|#124|#160|#xa0);/gi,
      (_, name: string) => ENTITIES[name.toLowerCase()] ?? '',
    )
    .replace(/[\u00a0\u2007\u202f\t]/g, ' ')
    .replace(/[\u200b\ufeff]/g, '');
}

const ENTITIES: Readonly<Record<string, string>> = byName({
  lt: '<',
  gt: '>',
  amp: '&',
  nbsp: ' ',
  '#64': '@',
  '#124': '|',
  '#160': ' ',
  '#xa0': ' ',
});

/**
 * `=XX` bytes are UTF-8; `=` at the end of a line joins it with the next. Anything else stays as it is, numbers too:
 * `size=2048` of a hist trigger is no blank and 48.
 */
function decodeQuotedPrintable(text: string): string {
  return text.replace(/=\n/g, '').replace(/(?:=(?!\d{3})[0-9A-Fa-f]{2})+/g, (run) => {
    const bytes = run
      .slice(1)
      .split('=')
      .map((hex) => Number.parseInt(hex, 16));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  });
}

/**
 * Quote marks off a line: any number of `>`, and `| ` where a row, heading or bar clearly follows.
 * `rowPrefix` is the `| ` prefix of the row this line may continue.
 */
export function stripQuotes(line: string, rowPrefix: string): { prefix: string; rest: string } {
  const rest = line.replace(/^(?: *>)+ ?/, '');
  if (rowPrefix !== '' && rest.startsWith(rowPrefix))
    return { prefix: rowPrefix, rest: rest.slice(rowPrefix.length) };
  const prefix = /^(?:(?:\||\/\/|#|\*|\+) ?)+(?= *(?:[[@][\w.-]|\(\.\.\.|@\[|@:))/.exec(rest)?.[0] ?? '';
  // `|@@@@|` at the start of a line is the bar of a wrapped row, not a quoted heading.
  if (prefix === '' || /^\|@*[ @]*\|? *$/.test(rest)) return { prefix: '', rest };
  return { prefix, rest: rest.slice(prefix.length) };
}
