import { latin1 } from '../../timeline/batch.js';
import type { DialectInfo, LineDialect, LineHost, LineKind } from '../input/dialect.js';
import { isFieldList, rewriteFields } from './field-bodies.js';
import { BODY, FieldBytes } from './field-bytes.js';
import { type BodyRewriter, FtraceDialect } from './ftrace.js';
import { TraceCmdPrefix } from './trace-cmd-prefix.js';

/**
 * tracefs text with the option `fields` (since 6.4): the layout of the plain format, bodies are raw fields.
 * Each body is rewritten in the scanner's buffer, in place, into what the plain format would have printed
 * (never longer), before the plain dialect looks at it. Offsets and line numbers stay those of the input.
 *
 * Lost by the option itself: function events print `UNKNOWN TYPE 1` (up to 6.16 at least) (note `fields-functions`), and
 * fields that are arrays print `<INVALID-SIZE>`.
 */
export const FTRACE_FIELDS: DialectInfo = ftraceFields(true);

/** `plain` false: every body is rewritten by `rewriteFields`, which says what `FieldBytes` must say too. */
export function ftraceFields(plain: boolean): DialectInfo {
  return {
    id: 'ftrace-fields',
    title: 'tracefs text with the option "fields"',
    score: scoreFields,
    open: () => new FieldsDialect(plain),
  };
}

class FieldsDialect implements LineDialect, BodyRewriter {
  readonly id = 'ftrace-fields';
  private readonly plain = new FtraceDialect(this);
  private readonly fields: FieldBytes | null;
  private saidFunctions = false;

  constructor(plain: boolean) {
    this.fields = plain ? new FieldBytes() : null;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    return this.plain.line(buf, start, end, host);
  }

  finish(host: LineHost): void {
    this.plain.finish(host);
  }

  rewrite(buf: Uint8Array, from: number, end: number, host: LineHost): number {
    const found = this.fields === null ? BODY.unusual : this.fields.rewrite(buf, from, end);
    if (found > 0) return found;
    if (!this.saidFunctions && isFunction(buf, from, end)) this.sayFunctions(host);
    return found === BODY.unusual ? rewriteBody(buf, from, end) : end;
  }

  private sayFunctions(host: LineHost): void {
    this.saidFunctions = true;
    host.note(
      'fields-functions',
      'the option "fields" prints function events as UNKNOWN TYPE on this kernel: they carry no names',
    );
  }
}

function isFunction(buf: Uint8Array, from: number, end: number): boolean {
  let p = from;
  while (p < end && buf[p] === 32) p++;
  return buf[p] === 85 && latin1(buf, p, end).trim().startsWith('UNKNOWN TYPE ');
}

/** New end of a line whose body is `buf[from, end)`: rewritten where it is a list of fields and has room for it. */
function rewriteBody(buf: Uint8Array, from: number, end: number): number {
  const m = /^([^\s:]+): +(.*)$/s.exec(latin1(buf, from, end).trim());
  if (m === null || !isFieldList(m[2]!)) return end;
  const rewritten = rewriteFields(m[1]!, m[2]!, true);
  if (rewritten.length > end - from) return end;
  for (let i = 0; i < rewritten.length; i++) buf[from + i] = rewritten.charCodeAt(i);
  return from + rewritten.length;
}

const FIELD_BODY =
  /^[\w.]+: +\w+=(?:0x[0-9a-f]+ \(-?\d+\)|\(0x[0-9a-f]+:|\S+\+0x\S+ \(-?\d+\)|'.'\(\d+\)|<INVALID-SIZE>)/;
const ANY_PAIR = /\w=0x[0-9a-f]+ \(-?\d+\)/;

/** Nearly all event lines carry `=0x… (decimal)` pairs; `UNKNOWN TYPE` alone is not enough. */
function scoreFields(sample: Uint8Array): number {
  const prefix = new TraceCmdPrefix();
  let hits = 0;
  let other = 0;
  let start = 0;
  const limit = Math.min(sample.length, 65536);
  while (start < limit) {
    let end = sample.indexOf(10, start);
    if (end < 0) break;
    if (end > limit) end = limit;
    if (prefix.parse(sample, start, end)) {
      const body = latin1(sample, prefix.body, Math.min(end, prefix.body + 300)).trim();
      if (FIELD_BODY.test(body) || ANY_PAIR.test(body)) hits++;
      else if (!body.startsWith('UNKNOWN TYPE ')) other++;
    }
    start = end + 1;
  }
  if (hits === 0 || hits < other) return 0;
  // The same lines are plain ftrace as well: a tie, which the more special format wins.
  return hits >= 9 * other ? 1 : (hits / (hits + other)) * 0.99;
}
