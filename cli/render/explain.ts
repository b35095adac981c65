import type { Explanation } from '../../src/explain/explain.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { ascii, wrap } from './text.js';

/** Headings, wrapped prose, call trees as they stand; `plain` for a mail: ASCII, at most 75 columns. */
export function formatExplanation(found: Explanation, plain: boolean, colour: Palette = palette()): string {
  const width = lineWidth(plain);
  const clean = (text: string): string => (plain ? ascii(text) : text);
  const heading = (text: string): string => (plain ? text : colour.bold(text));
  const out = wrap(clean(found.title), width, '  ').map(heading);
  for (const section of found.sections) {
    out.push('', heading(clean(section.heading)));
    for (const text of section.prose ?? []) out.push(...indented(clean(text), width, '  ', '  '));
    for (const line of section.lines ?? []) {
      out.push(...treeLine(clean(line), plain ? width : Number.POSITIVE_INFINITY));
    }
  }
  return `${out.join('\n')}\n`;
}

/** Wrapped; the first line begins with one indent, the others with another. */
function indented(text: string, width: number, first: string, rest: string): string[] {
  return wrap(text, width - Math.max(first.length, rest.length)).map((l, i) => (i === 0 ? first : rest) + l);
}

/** A call and its remark; where both do not fit, the remark goes below the call. */
function treeLine(line: string, width: number): string[] {
  const text = `  ${line}`.trimEnd();
  if (text.length <= width) return [text];
  const [, lead, body] = /^( *)(.*)$/.exec(text)!;
  const remark = /^(.*\S) (\[.*\])$/.exec(body!);
  if (!remark) return indented(body!, width, lead!, `${lead}  `);
  return [`${lead}${remark[1]}`, ...indented(remark[2]!, width, `${lead}  `, `${lead}   `)];
}
