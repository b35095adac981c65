import { createRequire } from 'node:module';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';
import { type CanonicalEvent, CanonicalRows, EVENT_KINDS } from './canonical-rows.js';
import { type CsvColumn, type CsvHeader, csvHeader, digitsOf, toNs, utf8 } from './csv-columns.js';
import { PlainCsv } from './plain-csv.js';
import { splitQuoted } from './quoted-cells.js';

/**
 * Events as CSV with a header line: the canonical columns of `pttrace convert --to csv` (docs/canonical-event.md), or
 * others by the names people give them, any further column being an argument of the event (`csv-columns.ts`):
 *
 *     ts_ns,cpu,pid,tgid,comm,flags,kind,event,symbol,caller,stamp,aux,args,comm_hex,args_hex
 *     Time (s);CPU;TID;Task;Event;addr
 *
 * RFC 4180 with comma, semicolon or tab; records may span lines, and quotes in other places are csv-parse's to judge. A
 * record that cannot be used is skipped under a reason that names the field and the first column. Cells are bytes: not decoded.
 */
export const CSV: DialectInfo = csv(true);

/** `plain` false: every record is cut into strings, which say what the reader of plain records must say too. */
export function csv(plain: boolean): DialectInfo {
  return { id: 'csv', title: 'events as CSV', score, open: () => new CsvDialect(plain) };
}

/** A quote that is never closed would swallow the file. */
const MAX_RECORD_LINES = 64;
const MAX_REASONS = 64;
class CsvDialect implements LineDialect {
  readonly id = 'csv';
  private header: CsvHeader | null = null;
  private digits: number | null = null;
  private readonly rows = new CanonicalRows();
  private readonly reasons = new Map<string, string>();
  /** Lines of a record whose quoted cell is still open. */
  private open: string[] = [];
  private cells: readonly string[] = [];
  private readonly readsPlain: boolean;
  private plain: PlainCsv | null = null;

  constructor(readsPlain: boolean) {
    this.readsPlain = readsPlain;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (this.plain !== null && this.open.length === 0) {
      const kind = this.plain.line(buf, start, end, this.digits, this.rows, host);
      if (kind !== -1) return kind;
    }
    const text = Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
    if (this.open.length === 0 && text.trim() === '') return LINE.blank;
    if (this.header === null) {
      this.header = csvHeader(text);
      this.digits = this.header?.digits ?? null;
      if (this.header !== null && this.readsPlain) this.plain = new PlainCsv(this.header);
      return this.header === null ? LINE.foreign : LINE.header;
    }
    if (this.open.length === 0 && text.startsWith('#')) return LINE.header;
    const quotes = text.includes('"') && countQuotes(text) % 2 === 1;
    if (this.open.length > 0 || quotes) {
      const closes = this.open.length > 0 && quotes;
      this.open.push(text);
      if (!closes && this.open.length <= MAX_RECORD_LINES) return LINE.continuation;
      const record = this.open.join('\n');
      this.open = [];
      if (!closes) return this.bad('a quoted cell', 'is not closed', 0, '', host);
      return this.record(record, buf, start, end, host);
    }
    return this.record(text, buf, start, end, host);
  }

  finish(host: LineHost): void {
    if (this.open.length > 0) {
      host.note('csv-quote', `a quoted cell is not closed: the last ${this.open.length} lines are in it`);
    }
  }

  private record(text: string, buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const { delimiter, columns, names } = this.header!;
    if (text.includes('"')) {
      try {
        this.cells = splitQuoted(text, delimiter) ?? parseCells(text, delimiter);
      } catch (error) {
        const what = (error as { code?: string }).code ?? 'error';
        return this.bad('a quoted cell', `is not well-formed (${what})`, 0, '', host);
      }
    } else this.cells = text.split(delimiter);
    const { cells } = this;
    if (cells.length !== columns.length) {
      // The header again: files put end to end.
      if (csvHeader(text) !== null) return LINE.header;
      return this.bad('the record', `has ${cells.length} cells, the header ${columns.length}`, 0, '', host);
    }
    if (cells.every((cell, i) => cell === names[i])) {
      return this.rows.mark({ mark: 'segment' }, host);
    }
    if (this.get('kind') === 'mark') return this.mark(host);
    return this.event(buf, start, end, host);
  }

  private event(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const { columns, names } = this.header!;
    const stamp = this.stamp(host);
    if (stamp === null) return this.wrong('ts', 'is no stamp', host);
    const cpu = this.integer('cpu', 8191);
    const pid = this.integer('pid', 4 << 20);
    const tgid = this.integer('tgid', 2 ** 31 - 1);
    if (cpu < -1) return this.wrong('cpu', 'is no CPU number', host);
    if (pid < -1) return this.wrong('pid', 'is no thread id', host);
    if (tgid < -1) return this.wrong('tgid', 'is no process id', host);
    const kind = this.get('kind');
    if (!EVENT_KINDS.has(kind)) return this.wrong('kind', 'is no kind of event', host);
    const event = this.get('event');
    if (event === '') return this.wrong('event', 'is empty', host);
    const flags = this.get('flags');
    const packed = /^\d{2,10}$/.test(flags);
    if (!packed && flags !== '' && !/^[.A-Za-z0-9]{3,8}$/.test(flags)) {
      return this.wrong('flags', 'is no flags column', host);
    }
    const aux = this.get('aux');
    const length = aux === '' ? Number.NaN : Number(aux);
    if (aux !== '' && !(length >= 0)) return this.wrong('aux', 'is no duration', host);
    const end_ = this.get('stamp');
    if (end_ !== '' && end_ !== 'start' && end_ !== 'end')
      return this.wrong('stamp', 'is neither start nor end', host);
    let body = this.get('args');
    const hex = this.get('args_hex');
    if (hex !== '') body = Buffer.from(hex, 'hex').toString('latin1');
    columns.forEach((column, i) => {
      if (column === 'free' && this.cells[i] !== '')
        body += `${body === '' ? '' : ' '}${names[i]}=${this.cells[i]}`;
    });
    if (body.length > end - start)
      return this.bad('the arguments', 'have no room on the last line', 0, '', host);
    for (let i = 0; i < body.length; i++) buf[start + i] = body.charCodeAt(i);
    const commHex = this.get('comm_hex');
    const e: CanonicalEvent = {
      stamp,
      ticks: false,
      cpu,
      pid,
      tgid,
      comm: commHex === '' ? Buffer.from(this.get('comm'), 'latin1') : Buffer.from(commHex, 'hex'),
      flags: packed ? Number(flags) : flags,
      kind,
      event: utf8(event),
      symbol: utf8(this.get('symbol')),
      caller: utf8(this.get('caller')),
      end: end_,
      aux: length,
    };
    return this.rows.commit(e, start, start + body.length, host);
  }

  private mark(host: LineHost): LineKind {
    const args = this.get('args');
    const pairs = args.includes('=') ? args.matchAll(/(\w+)=(\S+)/g) : [];
    const said = Object.fromEntries([...pairs].map((m) => [m[1], m[2]]));
    const number = (text: string | undefined): number | undefined =>
      text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
    const mark = this.get('event');
    const cpu = this.integer('cpu', 8191);
    if (cpu < -1) return this.wrong('cpu', 'is no CPU number', host);
    if (!MARKS.has(mark)) return this.wrong('event', 'is no mark', host);
    const aux = number(this.get('aux'));
    return this.rows.mark(
      {
        mark,
        cpu,
        count: aux,
        unit: this.get('args'),
        text: utf8(this.get('args')),
        resolutionNs: aux !== undefined && aux > 0 ? aux : undefined,
        tracer: said.tracer,
        clock: said.clock,
        cpus: number(said.cpus),
        entriesInBuffer: number(said.entriesInBuffer),
        entriesWritten: number(said.entriesWritten),
      },
      host,
    );
  }

  private get(column: CsvColumn): string {
    const i = this.header!.at.get(column);
    return i === undefined ? '' : this.cells[i]!;
  }

  /** -1 not said, -2 no such number. */
  private integer(column: CsvColumn, max: number): number {
    const text = this.get(column).trim();
    if (text === '' || text === '-1') return -1;
    const n = /^\d{1,10}$/.test(text) ? Number(text) : -2;
    return n <= max ? n : -2;
  }

  private stamp(host: LineHost): string | null {
    const text = this.get('ts').trim();
    if (this.digits === null && /^\d+(?:\.\d+)?$/.test(text)) {
      const { digits, why } = digitsOf(text);
      this.digits = digits;
      host.note('stamp-unit', `the column of the stamps says no unit: they are taken as ${why}`);
    }
    return toNs(text, this.digits ?? 0);
  }

  /** A cell that cannot be used, with the column it begins at. */
  private wrong(column: CsvColumn, what: string, host: LineHost): LineKind {
    const i = this.header!.at.get(column)!;
    const before = this.cells.slice(0, i).reduce((n, cell) => n + cell.length + 1, 0);
    return this.bad(`field "${this.header!.names[i]}"`, what, before + 1, this.cells[i]!, host);
  }

  private bad(field: string, what: string, column: number, cell: string, host: LineHost): LineKind {
    const key = `${field} ${what}`;
    let reason = this.reasons.get(key);
    if (reason === undefined) {
      const first = column > 0 ? ` (first at column ${column}: "${utf8(cell.slice(0, 40))}")` : '';
      reason = `CSV: ${key}${first}`;
      if (this.reasons.size < MAX_REASONS) this.reasons.set(key, reason);
    }
    return host.skip(reason);
  }
}

const MARKS = new Set(['lost', 'segment', 'buffer-start', 'silent-loss', 'clock', 'recorded', 'recording']);

function countQuotes(text: string): number {
  let n = 0;
  for (let i = text.indexOf('"'); i >= 0; i = text.indexOf('"', i + 1)) n++;
  return n;
}

type CsvParse = typeof import('csv-parse/sync').parse;
let csvParse: CsvParse | undefined;

/** One record, by csv-parse. Loaded when the first such input is. Throws CsvError. */
export function parseCells(text: string, delimiter: string): string[] {
  csvParse ??= (createRequire(import.meta.url)('csv-parse/sync') as { parse: CsvParse }).parse;
  const records = csvParse(text, {
    delimiter,
    relax_column_count: true,
    record_delimiter: '\u0000\u0000',
  }) as string[][];
  return records[0] ?? [];
}

/** The first line that says anything is a header with a stamp and an event. */
function score(sample: Uint8Array): number {
  const lines = sampleText(sample, 1 << 14).split(/\r?\n/, 20);
  const at = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('#'));
  if (at < 0) return 0;
  const header = csvHeader(lines[at]!.replace(/^\xef\xbb\xbf/, ''));
  if (header === null) return 0;
  const next = lines[at + 1];
  return next === undefined || next.split(header.delimiter).length >= header.columns.length ? 0.97 : 0.3;
}
