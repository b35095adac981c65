import type { ErrorObject } from 'ajv/dist/2020.js';
import { validatorOf } from '../../schema/validator.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { type CanonicalEvent, type CanonicalMark, CanonicalRows, putBody } from './canonical-rows.js';
import { PlainJsonLines } from './plain-json-lines.js';
import { plainMark } from './plain-mark.js';

/**
 * Canonical events, one JSON object a line, as `pttrace convert --to jsonl` writes them and other programs may:
 *
 *     {"tsNs":"38692833000","cpu":1,"pid":1195,"comm":"ptwork","kind":"tracepoint","event":"tlb_flush","args":"pages:1"}
 *     {"mark":"lost","cpu":3,"count":264}
 *
 * Checked line by line against src/schema/event.schema.json (docs/canonical-event.md). A line that does not keep to it
 * is skipped under a reason that names the field and the first column; the others are not concerned.
 */
export const JSON_LINES: DialectInfo = jsonLines(true);

/** `plain` false: every line goes through `JSON.parse` and the schema, which say what the reader of plain lines must say too. */
export function jsonLines(plain: boolean): DialectInfo {
  return {
    id: 'jsonl',
    title: 'canonical events as JSON lines',
    score,
    open: () => new JsonLinesDialect(plain ? new PlainJsonLines() : null),
  };
}

const BYTE_FIELDS = ['commHex', 'argsHex'] as const;
const KNOWN = new Set([
  'tsNs',
  'unit',
  'cpu',
  'pid',
  'tgid',
  'comm',
  'flags',
  'kind',
  'event',
  'symbol',
  'caller',
  'stamp',
  'durNs',
  'args',
  ...BYTE_FIELDS,
]);
/** Asked for the lines that are not plain only. */
const eventValidator = validatorOf('event', { strict: true, allowUnionTypes: true });
/** Reasons whose first column is remembered. */
const MAX_REASONS = 64;

interface EventObject {
  readonly tsNs: string | number;
  readonly unit?: string;
  readonly cpu?: number;
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly commHex?: string;
  readonly flags?: string | number;
  readonly kind?: string;
  readonly event: string;
  readonly symbol?: string;
  readonly caller?: string;
  readonly stamp?: string;
  readonly durNs?: number;
  readonly args?: string;
  readonly argsHex?: string;
}

class JsonLinesDialect implements LineDialect {
  readonly id = 'jsonl';
  private readonly rows = new CanonicalRows();
  private readonly plain: PlainJsonLines | null;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private readonly reasons = new Map<string, string>();

  constructor(plain: PlainJsonLines | null) {
    this.plain = plain;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    let p = start;
    while (p < end && (buf[p] === 32 || buf[p] === 9)) p++;
    if (p === end) return LINE.blank;
    if (buf[p] !== 0x7b) return buf[p] === 0x23 ? LINE.header : LINE.foreign;
    const plain = this.plain?.line(buf, start, end, this.rows, host) ?? -1;
    if (plain !== -1) return plain;
    let text: string;
    try {
      text = this.utf8.decode(buf.subarray(start, end));
    } catch {
      const column = new TextDecoder().decode(buf.subarray(start, end)).indexOf('\ufffd') + 1;
      return this.bad('is no valid UTF-8', column, host);
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return this.bad('is no valid JSON', syntaxColumn(error as Error, text), host);
    }
    const mark = this.plain && plainMark(value);
    if (mark !== null) return this.rows.mark(mark, host);
    const validate = eventValidator();
    if (!validate(value)) {
      const [what, field] = complaint(validate.errors!);
      return this.bad(what, field === '' ? p - start + 1 : columnOf(text, field), host);
    }
    if ((value as { mark?: string }).mark !== undefined) return this.rows.mark(value as CanonicalMark, host);
    return this.event(value as EventObject, buf, start, end, host);
  }

  private event(o: EventObject, buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    let body = o.args ?? '';
    const others = Object.keys(o).filter((key) => !KNOWN.has(key));
    for (const key of others) {
      body += `${body === '' ? '' : ' '}${key}=${String((o as unknown as Record<string, unknown>)[key])}`;
    }
    if (others.length > 0) {
      host.note(
        'other-fields',
        `fields the schema does not name are taken as arguments: ${others.slice(0, 8).join(', ')}`,
      );
    }
    const bodyEnd = putBody(buf, start, end, body, others.length > 0 ? '' : (o.argsHex ?? ''));
    if (bodyEnd < 0) return this.bad('has more arguments than room', 1, host);
    const e: CanonicalEvent = {
      stamp: String(o.tsNs),
      ticks: o.unit === 'ticks',
      cpu: o.cpu ?? -1,
      pid: o.pid ?? -1,
      tgid: o.tgid ?? -1,
      comm: o.commHex === undefined ? (o.comm ?? '') : Buffer.from(o.commHex, 'hex'),
      flags: o.flags ?? '',
      kind: o.kind ?? '',
      event: o.event,
      symbol: o.symbol ?? '',
      caller: o.caller ?? '',
      end: o.stamp ?? '',
      aux: o.durNs ?? Number.NaN,
    };
    return this.rows.commit(e, start, bodyEnd, host);
  }

  /** One reason per kind of fault; the column is that of its first line. */
  private bad(what: string, column: number, host: LineHost): LineKind {
    let reason = this.reasons.get(what);
    if (reason === undefined) {
      reason = `JSON lines: ${what} (first at column ${column})`;
      if (this.reasons.size < MAX_REASONS) this.reasons.set(what, reason);
    }
    return host.skip(reason);
  }
}

/** The fault in words, and the top-level field it is in ('' for the whole line). */
function complaint(errors: readonly ErrorObject[]): [string, string] {
  // `if` and `then` fail with their parts: those are told first.
  const error = errors[0]!;
  const field = error.instancePath.split('/')[1] ?? '';
  if (error.keyword === 'additionalProperties') {
    const name = String((error.params as { additionalProperty: string }).additionalProperty);
    return [`a mark has no field "${name}"`, name];
  }
  const allowed =
    error.keyword === 'enum'
      ? `: ${(error.params as { allowedValues: unknown[] }).allowedValues.join(', ')}`
      : '';
  if (field === '') return [`the object ${error.message}${allowed}`, ''];
  return [`field "${field}" ${error.message}${allowed}`, field];
}

/** V8 says "at position 12", or in later versions "(line 1 column 13)"; neither for text that ends early. */
function syntaxColumn(error: Error, text: string): number {
  const m = /position (\d+)/.exec(error.message);
  return m === null ? text.length + 1 : Number(m[1]) + 1;
}

/** 1-based column where the value of a top-level key begins. */
function columnOf(text: string, key: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    else if (c === '"') {
      const from = i;
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
      const colon = /^\s*:\s*/.exec(text.slice(i + 1, i + 100));
      if (depth === 1 && colon !== null && JSON.parse(text.slice(from, i + 1)) === key) {
        return i + 2 + colon[0].length;
      }
    }
  }
  return 1;
}

/** The first lines are objects with the fields of an event or a mark. */
function score(sample: Uint8Array): number {
  const lines = new TextDecoder().decode(sample.subarray(0, 1 << 14)).split(/\r?\n/, 40);
  if (lines.length > 1) lines.pop();
  let hits = 0;
  let other = 0;
  for (const line of lines) {
    if (line.trim() === '') continue;
    if (
      /^\s*\{/.test(line) &&
      /"tsNs"\s*:.*"event"\s*:|"event"\s*:.*"tsNs"\s*:|^\s*\{\s*"mark"\s*:/.test(line)
    )
      hits++;
    else other++;
  }
  return hits === 0 ? 0 : (0.98 * hits) / (hits + other);
}
