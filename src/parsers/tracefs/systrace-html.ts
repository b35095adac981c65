import { latin1 } from '../../timeline/batch.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';
import { FTRACE } from './ftrace.js';

/**
 * Systrace / catapult HTML with tracefs text in it:
 *
 *     <script class="trace-data" type="application/text">      newer: plain lines up to </script>
 *     var linuxPerfData = "\                                   older: a JS string, lines end in \n\
 *
 * Page and scripts are foreign lines, trace lines go to `inner` as the range they fill in the page, so line
 * numbers and offsets are those of the HTML file. Trace-data scripts that hold JSON (Chrome's own events) are
 * foreign too. Source: catapult systrace/output_generator.py `_OutputTraceAsHTML()`.
 */
export function systraceHtml(inner: DialectInfo): DialectInfo {
  return {
    id: 'systrace-html',
    title: 'systrace HTML page with tracefs text in it',
    score: scoreSystraceHtml,
    open: () => new SystraceHtmlDialect(inner.open()),
  };
}

export const SYSTRACE_HTML: DialectInfo = systraceHtml(FTRACE);

const OPENING = /<script\b[^>]*\bclass=(["'])trace-data\1[^>]*>/i;
const OPENING_JS = /\blinuxPerfData\s*=\s*"\s*(?:\\n)?\\?/;

const AREA = { page: 0, script: 1, jsString: 2, otherScript: 3 } as const;

class SystraceHtmlDialect implements LineDialect {
  readonly id = 'systrace-html';
  private area: number = AREA.page;
  private started = false;
  private readonly inner: LineDialect;

  constructor(inner: LineDialect) {
    this.inner = inner;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (this.area === AREA.page) return this.page(buf, start, end, host);
    let stop = end;
    const closing = closingTag(buf, start, end);
    if (closing >= 0) stop = closing;
    let kind: LineKind = LINE.foreign;
    if (this.area !== AREA.otherScript) {
      // Newline escape and line continuation of the JS string.
      let endOfString = false;
      if (this.area === AREA.jsString) {
        if (stop > start && buf[stop - 1] === 92 /* \ */) stop--;
        if (stop - start >= 2 && buf[stop - 1] === 110 && buf[stop - 2] === 92) stop -= 2;
        if (stop - start >= 2 && buf[stop - 1] === 59 && buf[stop - 2] === 34) {
          stop -= 2;
          endOfString = true;
        }
      }
      kind = this.traceLine(buf, start, stop, host);
      if (closing >= 0 || endOfString) {
        if (kind === LINE.blank) kind = LINE.foreign;
        this.area = AREA.page;
        return kind;
      }
    }
    if (closing >= 0) this.area = AREA.page;
    return kind;
  }

  finish(host: LineHost): void {
    if (this.area !== AREA.page) host.note('html-cut', 'the page ends inside its trace-data script');
    this.inner.finish?.(host);
  }

  private page(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (end === start) return LINE.blank;
    // Pages carry megabyte-long script lines; the openings stand near the front of theirs.
    const text = latin1(buf, start, Math.min(end, start + 4096));
    const script = OPENING.exec(text);
    const found = script ?? OPENING_JS.exec(text);
    if (found === null || !opensPage(text, found.index)) return LINE.foreign;
    this.area = script ? AREA.script : AREA.jsString;
    this.started = false;
    const from = start + found.index + found[0].length;
    if (latin1(buf, from, end).trim() === '') return LINE.foreign;
    return this.line(buf, from, end, host);
  }

  private traceLine(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    let p = start;
    while (p < end && (buf[p] === 32 || buf[p] === 9)) p++;
    if (p === end) return LINE.blank;
    if (!this.started) {
      // JSON of other trace sources: not tracefs text.
      if (buf[p] === 123 || buf[p] === 91) {
        this.area = AREA.otherScript;
        return LINE.foreign;
      }
      this.started = true;
    }
    return this.inner.line(buf, start, end, host);
  }
}

/** False where the tag stands in an event: text that tasks wrote into the trace, or a part of it. */
function opensPage(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index);
  return /^\s*(?:<.*|(?:var|let|const) +|window\.)?$/.test(line) && !/ \d+\.\d{6,9}: /.test(line);
}

/** Offset of `</script` in the line, -1 without. */
function closingTag(buf: Uint8Array, start: number, end: number): number {
  for (let p = start; p + 8 <= end; p++) {
    if (buf[p] === 60 && buf[p + 1] === 47 && latin1(buf, p + 2, p + 8).toLowerCase() === 'script') return p;
  }
  return -1;
}

function scoreSystraceHtml(sample: Uint8Array): number {
  const text = sampleText(sample);
  // The text inside is plain ftrace as well: a tie, which the more special format wins.
  for (const form of [OPENING, OPENING_JS]) {
    const found = form.exec(text);
    if (found !== null && opensPage(text, found.index)) return 1;
  }
  // The trace follows hundreds of KB of viewer scripts: the page's own marks come first.
  const html = /^\s*<!doctype html|^\s*<html/i.test(text);
  return html && /\btrace-viewer\b|Android System Trace|catapult|\btr-ui-/i.test(text) ? 0.9 : 0;
}
