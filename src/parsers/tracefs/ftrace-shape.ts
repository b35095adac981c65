import { latin1 } from '../../timeline/batch.js';
import { sampleText } from '../input/sample-text.js';
import { BODY_FORM, bodyForm } from './trace-cmd-form.js';

export const BLANK = 32;
export const TAB = 9;
export const PAREN = 40;
export const CLOSE_PAREN = 41;
export const DASH = 45;
export const OPEN = 91;
/** How far the task column of a trimmed line can reach: comm, pid, tgid. */
export const MAX_TASK_COLUMN = 64;

/** A task column, of the kernel's width or squeezed on the way, a pid and a CPU in brackets. */
export function isHead(buf: Uint8Array, start: number, end: number): boolean {
  const last = Math.min(start + LONGEST_COLUMN, end - 8);
  for (let p = start + 1; p < last; p++) if (buf[p] === DASH && isTail(buf, p + 1, end)) return true;
  return false;
}

/** Of a task's column: its name has up to 15 bytes, blanks before it at most as many. */
const LONGEST_COLUMN = 48;

/** What stands behind the dash: `pid`, perhaps `(tgid)`, and `[cpu]`. */
function isTail(buf: Uint8Array, from: number, end: number): boolean {
  let p = from;
  const digit = (): boolean => buf[p]! >= 48 && buf[p]! <= 57;
  if (!digit()) return false;
  while (p < end && digit()) p++;
  while (p < end && (buf[p] === BLANK || buf[p] === PAREN || buf[p] === CLOSE_PAREN || digit())) p++;
  return p + 1 < end && buf[p] === OPEN && buf[p + 1]! >= 48 && buf[p + 1]! <= 57;
}

/** Behind the blanks, tabs and carriage returns from `start` on. */
export function behindBlanks(buf: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && (buf[p] === BLANK || buf[p] === TAB || buf[p] === 13)) p++;
  return p;
}

/** Nothing but those. */
export const isBlank = (buf: Uint8Array, start: number, end: number): boolean =>
  behindBlanks(buf, start, end) === end;

/** The columns of an event are there, or the task's stands in its place and the line ends in the next. */
export function looksLikeEvent(buf: Uint8Array, start: number, end: number): boolean {
  const text = latin1(buf, start, Math.min(end, start + MAX_TASK_COLUMN + 24));
  return TORN.test(text) || TORN_EARLY.test(text);
}

/** The body says that a stack trace follows. */
export function isStackTrace(buf: Uint8Array, p: number, end: number): boolean {
  const text = latin1(buf, p, Math.min(end, p + 20));
  return text === '<stack trace>' || text === '<user stack trace>' || text.startsWith('<stack trace> ');
}

/** How sure the first bytes make us: the share of lines that are this format's. */
export function score(sample: Uint8Array): number {
  const text = sampleText(sample, 1 << 16);
  const lines = text.split('\n', 400);
  if (!text.endsWith('\n') && lines.length > 1) lines.pop();
  let events = 0;
  let reports = 0;
  let same = 0;
  let rest = 0;
  for (const line of lines) {
    const m = EVENT.exec(line);
    if (m !== null) {
      const form = bodyForm(m[1]!.trimEnd());
      if (form === BODY_FORM.report) reports++;
      else if (form === BODY_FORM.either) same++;
      else events++;
    } else if (line.trim() !== '' && !/^#|^ =>|^CPU:\d+ \[/.test(line)) rest++;
  }
  const named = /^# tracer: /m.test(text) ? 0.1 : 0;
  if (events === 0 && reports === 0 && !REPORT_NOTICE.test(text)) events = same;
  if (events === 0) return /^# tracer: (?!function_graph)/m.test(text) && rest === 0 ? 0.3 : 0;
  return Math.min(1, 0.2 + named + (0.7 * events) / (events + reports + rest));
}

const EVENT =
  /^.*-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d{3,5}\] (?:\S{3,8} +| *)\d+(?:\.\d{6}|\.\d{9})?:( (?!\s).+)/;
const TORN = /^.*-\d+\s+(?:\(\s*[\d-]+\)\s+)?\[\d{3,5}\]/;
const TORN_EARLY = /^(?! {16}).{16}-\d+\s*(?:\([\s\d-]*\)?\s*)?(?:\[\d*)?$/;
const REPORT_NOTICE = /^(?:version = \d|cpus=\d|CPU \d+ is empty)/;
