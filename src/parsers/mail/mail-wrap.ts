import type { MailText } from './mail.js';

const LF = 10;
const BLANK = 32;
/** Mailers break lines at 66 (RFC 3676 4.2) to 80 columns: a word that would have ended before that was not moved. */
const NARROWEST = 64;
const WIDEST = 80;
/** A word that fits nowhere makes a line a bit longer than the others. */
const SLACK = 6;
/** Bytes looked at of a line; what is wrapped is not longer. */
const LOOK = 240;
/** An event of tracefs, trace-cmd or perf script: a CPU, a stamp, mostly the begin of its text. */
const EVENT = /^[ \t]*\S.*\s(?:\[\d{3,}\]\s.*?|\d+[a-zA-Z.]{3,5}\S* +)\d+(?:\.\d{3,9})?:(?:\s|$)/;
/** What only the text of an event goes on with: caller, arguments, probed address, duration. Prose does not begin so. */
const GOES_ON =
  /^[ \t]*(?:<-|->|==>|\|\s|\(?[\w.-]+(?:\[[^\]]*\])?=\S|\(?[\w.]+\+0x[0-9a-f]|[-+!#*@$]? *\d+(?:\.\d+)? us\b|us +\||\w+:\S|\w+: \()/;
/** An event that cannot end here: its text is to come, or a list, or what an arrow points at. */
const UNFINISHED = /(?:[:,(=]|<-|->)\s*$/;
/** Header lines of tracefs that end in the number of CPUs. */
const HEADER = /^# (?:latency: \d|entries-in-buffer\/entries-written: \d)/;
const HEADER_END = /#P:\d+\)?\s*$/;
/** Marks of what a person left out or points at. */
const REMARK = /^[ \t]*(?:[[<({]*(?:\.{2,}|\u2026|snip|cut\b)|[-=*^~#]{2,}|_{5,}|\^|[\w.+-]+@[\w.-]+)/i;

/**
 * Puts events together again that a mailer broke: the first word of the next line had no room in theirs, and the next
 * line can only be the rest of an event. Where that was seen again and again and no event is longer than a mailer's
 * lines, a few words that tell nothing (`20341 cpuqs`) are a rest too.
 */
export function unwrapMail(mail: MailText): MailText {
  const strict = join(mail, 0);
  const wrapped = strict.unwrapped >= 3 && strict.widest <= WIDEST;
  const { text, unwrapped } = wrapped ? join(mail, strict.widest - SLACK) : strict;
  if (unwrapped === 0) return mail;
  const message = `${unwrapped} lines go on an event that a mailer broke; put together again`;
  return { ...text, notes: [...mail.notes, { code: 'unwrapped', message }] };
}

/** `wrapAt`: width at which this mail is known to break its lines, 0 if it is not. */
function join(mail: MailText, wrapAt: number): { text: MailText; unwrapped: number; widest: number } {
  const { bytes } = mail;
  const lines: number[] = [];
  const offsets: number[] = [];
  const depths: number[] = [];
  const out = new Uint8Array(bytes.length);
  let used = 0;
  let unwrapped = 0;
  let widest = 0;
  /** Last line of an event that may go on; empty: the line is none. */
  let last = '';
  let depth = 0;
  /** Last line of a header that may go on. */
  let header = '';
  for (let i = 0, start = 0; start < bytes.length; i++) {
    let lf = bytes.indexOf(LF, start);
    if (lf < 0) lf = bytes.length;
    const line = Buffer.from(bytes.subarray(start, Math.min(lf, start + LOOK))).toString('latin1');
    const isEvent = EVENT.test(line);
    const full = last.length + 1 + firstWord(line) + 2 * mail.depths[i]!;
    const headerGoesOn = header !== '' && !HEADER_END.test(header) && /\S/.test(line) && !/^# /.test(line);
    const eventGoesOn =
      last !== '' &&
      full > NARROWEST &&
      !isEvent &&
      line.trim() !== '' &&
      !REMARK.test(line) &&
      (GOES_ON.test(line) ||
        UNFINISHED.test(last) ||
        isOpen(last) ||
        (wrapAt > 0 && full > wrapAt && mail.depths[i] === depth && tellsNothing(line)));
    const goesOn = headerGoesOn || eventGoesOn;
    if (goesOn) {
      used--;
      while (used > 0 && out[used - 1] === BLANK) used--;
      out[used++] = BLANK;
      unwrapped++;
    } else {
      lines.push(mail.lines[i]!);
      offsets.push(mail.offsets[i]!);
      depths.push(mail.depths[i]!);
    }
    out.set(bytes.subarray(start, lf), used);
    used += lf - start;
    out[used++] = LF;
    if (isEvent) widest = Math.max(widest, line.length);
    last = isEvent || eventGoesOn ? line : '';
    header = headerGoesOn || HEADER.test(line) ? line : '';
    depth = mail.depths[i]!;
    start = lf + 1;
  }
  const text: MailText = {
    bytes: out.subarray(0, used),
    lines: Uint32Array.from(lines),
    offsets: Float64Array.from(offsets),
    depths: Uint8Array.from(depths),
    joined: mail.joined + unwrapped,
    notes: mail.notes,
  };
  return { text, unwrapped, widest };
}

const firstWord = (line: string): number => /^\S*/.exec(line.trimStart())![0].length;

/** A bracket that is not closed on its line. */
const isOpen = (line: string): boolean => line.split('(').length > line.split(')').length;

/** A few words and numbers, no sentence. */
function tellsNothing(line: string): boolean {
  const words = line.split(/\s+/).filter((w) => /[A-Za-z]{2,}/.test(w));
  return words.length <= 4 && !/[.?!:;]\s*$/.test(line);
}
