/**
 * Names in a recording are data: task, event and file names may hold anything. Written raw, some of them give orders: to
 * a terminal (ESC, OSC, BEL, carriage return, bidirectional marks) or to a CI runner (`::error::`, `##[error]`,
 * `##vso[…]`). Everything that people read passes through here; JSON and its like escape by themselves.
 */

/** C0 but tab and line feed, DEL, C1, line separators, bidirectional and zero-width marks, the byte order mark. */
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
/** `::name::` and `::name key=value::`; GitHub's runner takes it at a line's start, behind blanks too. */
const WORKFLOW_COMMAND = /::(?=[A-Za-z][A-Za-z-]*(?:\s[^:\n]*)?::)/g;
/** `##[error]`, `##vso[task.complete]`: taken anywhere in a line by runners of Azure and the older ones of GitHub. */
const LOG_COMMAND = /##(?=(?:vso)?\[)/g;

/** The text with what would act on a terminal or a CI runner shown as `\x1b`; line feeds and tabs stay. */
export function printable(text: string): string {
  return text
    .replace(UNPRINTABLE, escaped)
    .replace(WORKFLOW_COMMAND, '\\x3a:')
    .replace(LOG_COMMAND, '#\\x23');
}

/** As `printable`, for a name that stands within one line: line feeds and tabs are shown too. */
export const printableName = (text: string): string =>
  printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');

function escaped(c: string): string {
  const code = c.charCodeAt(0);
  if (code === 13) return '\\r';
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * A copy of a report whose strings are printable, for the renderers that people read: strings come from recordings,
 * numbers and structure from us. Typed arrays stay as they are. Line feeds are shown as `\n`, as no string of an input may
 * begin a line of its own; `printed`: the report holds tables that are printed already, whose lines stay.
 */
export function printableReport<T>(report: T, printed = false): T {
  return copy(report, printed) as T;
}

function copy(value: unknown, printed: boolean): unknown {
  if (typeof value === 'string') return printed ? printable(value) : printable(value).replaceAll('\n', '\\n');
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((inner) => copy(inner, printed));
  if (value instanceof Map)
    return new Map([...value].map(([k, v]) => [typeof k === 'string' ? printable(k) : k, copy(v, printed)]));
  if (value instanceof Set) return new Set([...value].map((inner) => copy(inner, printed)));
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Instances with methods of their own (a Distribution) hold numbers.
  if (prototype !== Object.prototype && prototype !== null) return value;
  const out: Record<string, unknown> = Object.create(prototype) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value)) {
    Object.defineProperty(out, printable(key), {
      value: copy(inner, printed),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return out;
}
