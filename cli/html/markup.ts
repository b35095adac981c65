import { printable } from '../../src/result/printable.js';

/** Markup that is meant as it stands. All else is text from who knows where. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or a quoted attribute; what acts on a terminal is shown as well. */
export const escaped = (text: string): string => printable(text).replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!);

type Part = string | number | Markup | readonly (Markup | string)[];

const partText = (part: Part): string => {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(partText).join('');
  return typeof part === 'number' ? String(Number(part.toFixed(2))) : escaped(part);
};

/** Markup with what stands in `${…}` escaped, unless it is markup. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(strings.reduce((text, s, i) => text + partText(parts[i - 1]!) + s));

export const NOTHING = new Markup('');
