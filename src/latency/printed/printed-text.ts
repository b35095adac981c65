import { looksLikeMail, readMail } from '../../parsers/mail/mail.js';
import { type HistogramText, readHistograms } from './read-hist.js';

/** Text of an input that may hold printed tables, and what was found. */
export interface PrintedText {
  /** Of a mail: its decoded parts. */
  readonly text: string;
  /** Lines are those of the input. */
  readonly found: HistogramText;
  /** Of a 1-based line of `text`, the line of the input it stands in. */
  readonly lineOf: (line: number) => number;
}

/** Reads the printed histograms of a text, in a mail or not. Never throws. */
export function readPrinted(bytes: Uint8Array): PrintedText {
  const mail = looksLikeMail(bytes) ? readMail(bytes) : null;
  const text = Buffer.from(mail?.bytes ?? bytes).toString('utf8');
  const { histograms, lines } = readHistograms(text);
  const lineOf = (line: number): number => mail?.lines[line - 1] ?? line;
  const joined = mail?.joined ?? 0;
  return {
    text,
    lineOf,
    found: {
      histograms: mail ? histograms.map((h) => ({ ...h, line: lineOf(h.line) })) : histograms,
      lines: { ...lines, total: lines.total + joined, continuation: lines.continuation + joined },
    },
  };
}
