import { latin1 } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { csvHeader } from '../columns/csv-columns.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { machinesIn } from '../input/machines.js';
import { sampleText } from '../input/sample-text.js';

/**
 * What people and programs put around the lines of a trace: colours of a terminal, HTML, the prefix of `grep -H` and
 * `-n`, marks of a quote or a comment, line numbers. Taken off line by line, in place: every layer only shortens.
 */
export interface Layers {
  readonly ansi: boolean;
  readonly html: boolean;
  /** Prefix of grep: `trace.txt:`, `trace.txt:12:`, `12:`. */
  readonly grep: boolean;
  /** `|`, `//`, `+`, …: before lines, a blank behind; empty: none. */
  readonly mark: string;
  /** Line numbers of `cat -n`, `nl`, `bat`. */
  readonly numbers: boolean;
  /** Anything else that stands before the padded task column of nearly all events: `Nov 29 10:00:00 host run[12]: `. */
  readonly prefix: RegExp | null;
  /** No-break spaces, as pages and word processors put them. */
  readonly hardBlanks: boolean;
  /** The one machine of a report of several whose lines are read; empty: there is but one. */
  readonly machine: string;
}

/** An event of some dialect: a CPU or a stamp, then text; or the CPU and the columns of the function_graph tracer. */
const EVENT =
  /\[\d{3,5}\]\s.*?\d:\s|(?:^|\s)\d+\.\d{6,9}:\s|\d us[ !+#*@$]?:\s|\d+us[ !+#*@$]?:\s|(?:^|\s)\d{1,4}\)\s[^|]*\|\s/;
const ANSI = /\x1b(?:\[[0-9;:?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|\([A-Z0-9])/g;
const TAG =
  /<\/?(?:a|b|i|u|s|em|tt|strong|span|pre|code|font|br|p|div|mark|small|sub|sup|li|ul|ol|td|tr|table|tbody|blockquote|body|html)(?:\s[^<>]*)?\/?>/gi;
const ENTITY = /&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,6}|#x[0-9a-f]{1,5});/gi;
/** What a text shows that is not HTML: these would be coded there. */
const RAW = /<-|->|<idle>|<\.\.\.>/;
const GREP = /^(?:([^\s:]*[A-Za-z_./][^\s:]*?)([:-]))?(?:(\d{1,9})([:-]))?(?=\s|\S{2,})/;
const MARK = /^ {0,3}(\||\/\/|#|\*|;|%|\+|!|--|>|\xe2\x94\x82)(?= |\t|$)/;
const NUMBER = /^ *\d{1,9}(?:\t| +\xe2\x94\x82 ?)/;
/** Where the process id stands at the least: names are padded to 16 columns. */
const PADDED = /^(?:\s|.{16}-\d)/;
/** Before each line of a report of several machines. */
const MACHINE = /^ *(\S+): /;
const LINES = 400;

const NONE: Layers = {
  ansi: false,
  html: false,
  grep: false,
  mark: '',
  numbers: false,
  prefix: null,
  hardBlanks: false,
  machine: '',
};
/** U+00A0 in UTF-8. */
const HARD_BLANK = /\xc2\xa0/g;
/** tracefs and trace-cmd pad the task to 16 columns: what stands before those is no part of its name. */
const TASK = /^(.*)-\d+ +(?:\( *[\d-]+\) +)?\[\d{3,5}\]/;
const TASK_COLUMNS = 16;

/** The layers of a text by its first bytes; null where it has none. `machine`: see `machines.ts`. */
export function layersOf(sample: Uint8Array, machine: string): Layers | null {
  if (machine !== '') return { ...NONE, machine };
  const text = sampleText(sample, 64 << 10);
  if (/class=(["'])trace-data\1|linuxPerfData/.test(text) || machinesIn(text).length > 0) return null;
  // A table and JSON lines have their own marks; what is in them may hold anything.
  const first = text.slice(0, text.search(/\r?\n|$/));
  if (csvHeader(first) !== null || /^\s*\{"/.test(first)) return null;
  const ansi = /\x1b[[\](]/.test(text);
  let lines = text.split(/\r?\n/, LINES);
  if (ansi) lines = lines.map((line) => line.replace(ANSI, ''));
  const html = isHtml(lines);
  if (html) lines = lines.map(unescaped);
  const hardBlanks = isHardBlanked(lines);
  if (hardBlanks) lines = lines.map((line) => line.replace(HARD_BLANK, ' '));
  const events = lines.filter((line) => EVENT.test(line));
  const numbered = events.filter((line) => NUMBER.test(line)).length;
  const numbers = numbered > 0 && numbered * 2 > events.length;
  const plain = numbers ? events.map((line) => line.replace(NUMBER, '')) : events;
  const mark = markOf(plain);
  const bare = mark === '' ? plain : plain.map((line) => line.replace(MARK, '').replace(/^ /, ''));
  const grep = isGrep(bare);
  const prefix = grep || numbers ? null : prefixOf(bare);
  const any = ansi || html || grep || numbers || mark !== '' || prefix !== null || hardBlanks;
  return any ? { ansi, html, grep, mark, numbers, prefix, hardBlanks, machine } : null;
}

/** Events are seen only where no-break spaces are taken for blanks. */
function isHardBlanked(lines: readonly string[]): boolean {
  return lines.some((line) => line.includes('\xc2\xa0') && EVENT.test(line.replace(HARD_BLANK, ' ')));
}

/** What nine of ten events have before the task column, digits and blanks not told apart; null: nothing, or no one thing. */
function prefixOf(events: readonly string[]): RegExp | null {
  const seen = new Map<string, number>();
  for (const line of events) {
    const head = TASK.exec(line)?.[1] ?? '';
    const before = head.slice(0, -TASK_COLUMNS);
    if (before.trim() === '' && !before.includes('\t')) continue;
    const shape = before
      .replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
      .replace(/\d+/g, '\\d+')
      .replace(/ +/g, ' +');
    seen.set(shape, (seen.get(shape) ?? 0) + 1);
  }
  const [best] = [...seen].sort((a, b) => b[1] - a[1]);
  if (best === undefined || best[1] * 10 < events.length * 9) return null;
  // The blanks at its end may be those of the column.
  return new RegExp(`^(?:${best[0].replace(/ \+$/, ' ')})`);
}

function isHtml(lines: readonly string[]): boolean {
  let coded = false;
  for (const coding of lines) {
    const line = coding.replace(/&(?:nbsp|#160);/gi, ' ');
    if (!EVENT.test(line)) continue;
    if (RAW.test(line)) return false;
    if (line !== coding || /&(?:lt|gt);/i.test(line) || TAG.test(line)) coded = true;
    TAG.lastIndex = 0;
  }
  return coded;
}

/** The one mark that most events have before them. */
function markOf(events: readonly string[]): string {
  const seen = new Map<string, number>();
  for (const line of events) {
    const mark = MARK.exec(line)?.[1];
    if (mark !== undefined) seen.set(mark, (seen.get(mark) ?? 0) + 1);
  }
  const [best] = [...seen].sort((a, b) => b[1] - a[1]);
  return best !== undefined && best[1] * 2 > events.length ? best[0] : '';
}

function isGrep(events: readonly string[]): boolean {
  if (events.length === 0) return false;
  let hits = 0;
  for (const line of events) {
    const m = GREP.exec(line);
    if (m !== null && m[0].length > 0 && PADDED.test(line.slice(m[0].length))) hits++;
  }
  return hits * 10 >= events.length * 9;
}

function unescaped(line: string): string {
  return line.replace(TAG, '').replace(ENTITY, (entity) => {
    const name = entity.slice(1, -1).toLowerCase();
    const code = name.startsWith('#x')
      ? Number.parseInt(name.slice(2), 16)
      : name.startsWith('#')
        ? Number(name.slice(1))
        : 0;
    if (code > 0) return code < 128 ? String.fromCharCode(code) : code === 160 ? ' ' : entity;
    return ENTITIES.get(name) ?? entity;
  });
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
]);

/** A copy of the bytes with the layers off, to judge the format by. */
export function withoutLayers(bytes: Uint8Array, layers: Layers): Uint8Array {
  const lines = latin1(bytes, 0, bytes.length).split('\n');
  return Buffer.from(lines.map((line) => bareLine(line, layers)?.text ?? '').join('\n'), 'latin1');
}

/** A line without its layers, and the file grep found it in; null: it is of another machine. */
function bareLine(line: string, layers: Layers): { text: string; file: string } | null {
  if (layers.machine !== '') {
    const named = MACHINE.exec(line);
    if (named === null) return { text: line, file: '' };
    return named[1] === layers.machine ? { text: line.slice(named[0].length), file: '' } : null;
  }
  let text = line;
  if (layers.ansi && text.includes('\x1b')) text = text.replace(ANSI, '');
  if (layers.html && /[&<]/.test(text)) text = unescaped(text);
  if (layers.hardBlanks) text = text.replace(HARD_BLANK, ' ');
  if (layers.numbers) text = text.replace(NUMBER, '');
  if (layers.mark !== '') {
    const m = MARK.exec(text);
    // Headers of tracefs begin with the same sign.
    const rest = m?.[1] === layers.mark ? text.slice(m[0].length).replace(/^ /, '') : text;
    if (layers.mark !== '#' || EVENT.test(rest)) text = rest;
  }
  if (layers.prefix !== null) text = text.replace(layers.prefix, '');
  if (!layers.grep) return { text, file: '' };
  const m = GREP.exec(text);
  // Between the lines of two contexts.
  if (text === '--') return { text: '', file: '' };
  if (m === null) return { text, file: '' };
  const rest = text.slice(m[0].length);
  const whole = m[0].length > 0 && (PADDED.test(rest) || /^(?:#|CPU:|cpus=)/.test(rest));
  return whole ? { text: rest, file: m[1] ?? '' } : { text, file: '' };
}

/** The dialect behind the layers. Line numbers and offsets stay those of the input. */
export function undecorated(inner: LineDialect, layers: Layers): LineDialect {
  let file = '';
  let told = false;
  return {
    id: inner.id,
    wholeLines: inner.wholeLines === true,
    // Of the other machines.
    amongOthers: layers.machine !== '' || inner.amongOthers === true,
    line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
      if (!told) {
        told = true;
        tell(layers, host);
      }
      const bare = bareLine(latin1(buf, start, end), layers);
      if (bare === null) return LINE.foreign;
      if (bare.file !== '' && bare.file !== file) {
        // Lines of two files share no order.
        if (file !== '') host.fact(RESERVED.segment, -1, 0);
        file = bare.file;
      }
      const { text } = bare;
      for (let i = 0; i < text.length; i++) buf[start + i] = text.charCodeAt(i);
      return inner.line(buf, start, start + text.length, host);
    },
    finish(host: LineHost): void {
      inner.finish?.(host);
    },
  };
}

/** The same for reading one line again. */
export const decorated = (info: DialectInfo, layers: Layers): DialectInfo => ({
  ...info,
  open: (sample) => undecorated(info.open(sample), layers),
});

function tell(layers: Layers, host: LineHost): void {
  if (layers.machine !== '') {
    host.note(
      'machine',
      `${layers.machine} is one of several machines in the report: each is read by itself`,
    );
    return;
  }
  const off: string[] = [];
  if (layers.ansi) off.push('colours of a terminal');
  if (layers.html) off.push('HTML tags and entities');
  if (layers.numbers) off.push('line numbers');
  if (layers.mark !== '')
    off.push(`marks before the lines (${layers.mark === '\xe2\x94\x82' ? '\u2502' : layers.mark})`);
  if (layers.grep) off.push("grep's prefix");
  if (layers.prefix !== null) off.push('what stands before the column of the task');
  if (layers.hardBlanks) off.push('no-break spaces');
  host.note('decorations', `taken off its lines: ${off.join(', ')}`);
  // A file's name with a blank in it ends in a colon, too.
  if (!layers.grep && layers.prefix?.source.endsWith(':)') !== true) return;
  host.fact(RESERVED.silentLoss, -1, 0);
  host.note('grep', 'its lines were picked out by grep: what is absent here proves nothing');
}
