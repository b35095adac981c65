import { latin1 } from '../../timeline/batch.js';
import { type LatencyPrefix, TIME } from './latency-prefix.js';

/**
 * What the text behind `TIME:` says about who printed it: trace-cmd fills `NAME:` with blanks to 22 columns
 * (libtraceevent src/event-parse.c `print_event_name()`, `" %s: "` then padding), the kernel puts one blank.
 */
export const BODY_FORM = { report: 0, kernel: 1, either: 2 } as const;
export type BodyForm = (typeof BODY_FORM)[keyof typeof BODY_FORM];

const FIELDS_COLUMN = 22;
const DIFF = /^ (?:\(\+\d+\)| {10}) *\S+: /;
const GRAPH = /^ *(?:\(\+\d+\) *)?funcgraph_(?:entry|exit): /;
const NAMED = /^ (?:\(\+\d+\) *)?(([^\s:][^\s]*): *)(.?)/;

/** `text` begins right behind the colon of the stamp. */
export function bodyForm(text: string): BodyForm {
  if (DIFF.test(text) || GRAPH.test(text)) return BODY_FORM.report;
  const m = NAMED.exec(text);
  // `func <-parent`, `sys_munmap(…`: report lines always have a name and a colon.
  if (m === null) return BODY_FORM.kernel;
  const name = m[2]!.length;
  const padded = m[1]!.length;
  // Nothing behind the padding: an event without fields, whose padding an editor may have cut.
  if (m[3] === '') return BODY_FORM.either;
  if (name + 2 >= FIELDS_COLUMN) return padded <= name + 3 ? BODY_FORM.either : BODY_FORM.kernel;
  // More than the padding: `-R` puts a blank before every field, functions are indented by their depth.
  return padded >= FIELDS_COLUMN ? BODY_FORM.report : BODY_FORM.kernel;
}

/** Did trace-cmd print this line of latency columns? Stamps that are counts look the same in text of the kernel. */
export function isReported(buf: Uint8Array, at: LatencyPrefix, end: number): boolean {
  if (at.time === TIME.seconds) return true;
  if (at.time !== TIME.ticks) return false;
  const text = latin1(buf, at.body - 1, Math.min(end, at.body + 200));
  return bodyForm(text) === BODY_FORM.report;
}
