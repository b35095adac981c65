import { latin1 } from '../../timeline/batch.js';
import type { LineHost, LineKind } from '../input/dialect.js';
import { FlagsColumn } from '../tracefs/column-caches.js';
import { type CanonicalRows, EVENT_KINDS, type HeadParts, isFlags } from './canonical-rows.js';
import { type CsvColumn, type CsvHeader, utf8 } from './csv-columns.js';
import { PIECE, PIECES, PieceHeads } from './piece-heads.js';

const QUOTE = 34;
const QUOTE_WORD = 0x22222222;
/** Of a stamp in ns: more do not fit in whole seconds and ns without a loss. */
const MAX_STAMP_DIGITS = 19;
const PIECE_COLUMNS: readonly CsvColumn[] = ['kind', 'event', 'symbol', 'caller', 'stamp'];

/**
 * Reads the records that nearly all are, byte by byte and without making strings: as many cells as the header has, on
 * one line, quotes only around whole cells and none within; whole numbers, stamps without sign. It says nothing of any
 * other record, right or wrong: those are cut into strings, by csv-parse where quotes stand elsewhere.
 */
export class PlainCsv {
  private readonly delimiter: number;
  private readonly delimiterWord: number;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private readonly at: Readonly<Record<(typeof USED)[number], number>>;
  private readonly pieceAt: readonly number[];
  /** Columns that are arguments by their own names, each with `name=`. */
  private readonly free: readonly { readonly column: number; readonly name: Uint8Array }[];
  private readonly heads = new PieceHeads();
  private readonly flags = new FlagsColumn();
  /** The cells that name the event stand side by side, in the order of `PIECE`. */
  private readonly together: boolean;
  private sec = 0;
  private ns = 0;
  /** Arguments put together of several cells. */
  private body = new Uint8Array(256);
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);

  constructor(header: CsvHeader) {
    const place = (column: CsvColumn): number => header.at.get(column) ?? -1;
    this.delimiter = header.delimiter.charCodeAt(0);
    this.delimiterWord = Math.imul(this.delimiter, 0x01010101);
    this.starts = new Int32Array(header.columns.length);
    this.ends = new Int32Array(header.columns.length);
    this.at = Object.fromEntries(USED.map((column) => [column, place(column)])) as PlainCsv['at'];
    this.pieceAt = PIECE_COLUMNS.map(place);
    this.together = this.pieceAt.every((column, piece) => column >= 0 && column === this.pieceAt[0]! + piece);
    this.free = header.columns.flatMap((kind, column) =>
      kind === 'free' ? [{ column, name: Buffer.from(`${header.names[column]}=`, 'latin1') }] : [],
    );
  }

  /**
   * The kind of a line that begins a record; -1, and nothing changed, where it is for the reader of any record to judge.
   * `digits`: of a ns in one unit of the stamps, null not known yet.
   */
  line(
    buf: Uint8Array,
    start: number,
    end: number,
    digits: number | null,
    rows: CanonicalRows,
    host: LineHost,
  ): LineKind | -1 {
    const { at, starts, ends } = this;
    const { batch, names } = host;
    const i = batch.length;
    if (buf !== this.bytes) {
      this.bytes = buf;
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    if (digits === null || buf[start] === 35 || !this.split(buf, start, end)) return -1;
    if (!this.isEmpty(at.comm_hex) || !this.isEmpty(at.args_hex)) return -1;
    if (!this.stamp(buf, digits)) return -1;
    const cpu = this.whole(buf, at.cpu, 8191);
    const pid = this.whole(buf, at.pid, 4 << 20);
    const tgid = this.whole(buf, at.tgid, 2 ** 31 - 1);
    if (cpu < -1 || pid < -1 || tgid < -1 || !this.isFlagsColumn(buf)) return -1;
    const aux = this.isEmpty(at.aux) ? Number.NaN : this.whole(buf, at.aux, 2 ** 53);
    if (aux < 0) return -1;
    const length = this.free.length > 0 ? this.gather(buf) : 0;
    if (length > end - start) return -1;
    const event = this.event(buf, start, rows, host);
    if (event < 0) return -1;
    batch.cpu[i] = cpu;
    batch.pid[i] = pid;
    batch.tgid[i] = tgid;
    batch.event[i] = event;
    batch.aux[i] = this.heads.span ? aux : 0;
    batch.flags[i] = this.isEmpty(at.flags)
      ? 0
      : this.flags.pack(buf, this.view, starts[at.flags]!, ends[at.flags]!);
    batch.comm[i] =
      at.comm < 0 ? names.intern(buf, 0, 0) : names.intern(buf, starts[at.comm]!, ends[at.comm]!);
    if (this.free.length > 0) {
      // Over the line, which has been read.
      for (let k = 0; k < length; k++) buf[start + k] = this.body[k]!;
      batch.bodyStart[i] = start;
      batch.bodyEnd[i] = start + length;
    } else {
      batch.bodyStart[i] = at.args < 0 ? start : starts[at.args]!;
      batch.bodyEnd[i] = at.args < 0 ? start : ends[at.args]!;
    }
    return rows.commitAt(this.sec, this.ns, host);
  }

  /** Where the cells begin and end; false for a record that is not as above. */
  private split(buf: Uint8Array, start: number, end: number): boolean {
    const { starts, ends, delimiter, delimiterWord, view } = this;
    const columns = starts.length;
    let p = start;
    for (let column = 0; column < columns; column++) {
      if (column > 0) {
        if (p >= end || buf[p] !== delimiter) return false;
        p++;
      }
      const open = p;
      const c = p < end ? buf[p]! : delimiter;
      if (c === delimiter) starts[column] = ends[column] = p;
      else if (c === QUOTE) {
        p = stop(buf, view, ++p, end, QUOTE_WORD, QUOTE_WORD);
        starts[column] = open + 1;
        if (p === end) return false;
        ends[column] = p++;
      } else {
        p = stop(buf, view, p, end, delimiterWord, QUOTE_WORD);
        starts[column] = open;
        ends[column] = p;
        if (p < end && buf[p] === QUOTE) return false;
      }
    }
    return p === end;
  }

  private isEmpty(column: number): boolean {
    return column < 0 || this.starts[column] === this.ends[column];
  }

  /** -1 not said, -2 not a whole number of at most `max` as `integer()` of the other reader takes it. */
  private whole(buf: Uint8Array, column: number, max: number): number {
    if (column < 0) return -1;
    const from = this.starts[column]!;
    const end = this.ends[column]!;
    if (from === end || (end - from === 2 && buf[from] === 45 && buf[from + 1] === 49)) return -1;
    if (end - from > 10) return -2;
    let n = 0;
    for (let p = from; p < end; p++) {
      const c = buf[p]!;
      if (c < 48 || c > 57) return -2;
      n = n * 10 + c - 48;
    }
    return n <= max ? n : -2;
  }

  private stamp(buf: Uint8Array, digits: number): boolean {
    const column = this.at.ts;
    const from = this.starts[column]!;
    const end = this.ends[column]!;
    let dot = from;
    while (dot < end && buf[dot]! >= 48 && buf[dot]! <= 57) dot++;
    const total = dot - from + digits;
    if (dot === from || total > MAX_STAMP_DIGITS) return false;
    if (dot < end) {
      if (buf[dot] !== 46 || end - dot < 2 || end - dot > 19) return false;
      for (let p = dot + 1; p < end; p++) if (buf[p]! < 48 || buf[p]! > 57) return false;
    }
    let sec = 0;
    let ns = 0;
    let k = total;
    for (let p = from; p < dot; p++, k--) {
      if (k > 9) sec = sec * 10 + buf[p]! - 48;
      else ns = ns * 10 + buf[p]! - 48;
    }
    for (let p = dot + 1; k > 0; p++, k--) {
      const digit = p < end ? buf[p]! - 48 : 0;
      if (k > 9) sec = sec * 10 + digit;
      else ns = ns * 10 + digit;
    }
    this.sec = sec;
    this.ns = ns;
    return true;
  }

  private isFlagsColumn(buf: Uint8Array): boolean {
    const column = this.at.flags;
    if (this.isEmpty(column)) return true;
    const from = this.starts[column]!;
    // A number is the columns packed.
    return (buf[from]! < 48 || buf[from]! > 57) && isFlags(buf, from, this.ends[column]!);
  }

  private event(buf: Uint8Array, start: number, rows: CanonicalRows, host: LineHost): number {
    const { heads, pieceAt } = this;
    if (this.isEmpty(pieceAt[PIECE.event]!)) return -1;
    let count = 1;
    const first = this.starts[pieceAt[0]!]!;
    // Of a quoted first cell the bytes alone would not say where it ends.
    if (this.together && (first === start || buf[first - 1] !== QUOTE)) {
      heads.from[0] = first;
      heads.to[0] = this.ends[pieceAt[PIECES - 1]!]!;
    } else {
      count = PIECES;
      for (let piece = 0; piece < PIECES; piece++) {
        const column = pieceAt[piece]!;
        heads.from[piece] = column < 0 ? start : this.starts[column]!;
        heads.to[piece] = column < 0 ? start : this.ends[column]!;
      }
    }
    const known = heads.find(buf, this.view, count);
    if (known >= 0) return known;
    const parts = this.parts(buf);
    if (parts === null) return -1;
    const id = rows.head(parts, host);
    heads.span = parts.kind === 'span';
    heads.remember(buf, count, id, heads.span);
    return id;
  }

  /** What names the event; null for a kind or an end of a span that there is not. */
  private parts(buf: Uint8Array): HeadParts | null {
    const text = (piece: number): string => {
      const column = this.pieceAt[piece]!;
      return column < 0 ? '' : latin1(buf, this.starts[column]!, this.ends[column]!);
    };
    const kind = text(PIECE.kind);
    const end = text(PIECE.stamp);
    if (!EVENT_KINDS.has(kind) || (end !== '' && end !== 'start' && end !== 'end')) return null;
    const [event, symbol, caller] = [PIECE.event, PIECE.symbol, PIECE.caller].map((piece) =>
      utf8(text(piece)),
    );
    return { kind, event: event!, symbol: symbol!, caller: caller!, end };
  }

  /** The arguments and the cells of the free columns as `name=cell` in `body`; returns their length. */
  private gather(buf: Uint8Array): number {
    const { starts, ends, free, at } = this;
    let used = 0;
    const put = (from: Uint8Array, a: number, b: number): void => {
      while (used + b - a + 1 > this.body.length) {
        const bigger = new Uint8Array(this.body.length * 2);
        bigger.set(this.body);
        this.body = bigger;
      }
      for (let p = a; p < b; p++) this.body[used++] = from[p]!;
    };
    if (!this.isEmpty(at.args)) put(buf, starts[at.args]!, ends[at.args]!);
    for (const { column, name } of free) {
      if (starts[column] === ends[column]) continue;
      if (used > 0) put(BLANK, 0, 1);
      put(name, 0, name.length);
      put(buf, starts[column]!, ends[column]!);
    }
    return used;
  }
}

const USED = ['ts', 'cpu', 'pid', 'tgid', 'comm', 'flags', 'aux', 'args', 'comm_hex', 'args_hex'] as const;
const BLANK = Uint8Array.of(32);

/** Where the first byte of one of two kinds stands, each given as a word of four; `end` if there is none. */
function stop(
  buf: Uint8Array,
  view: DataView,
  from: number,
  end: number,
  one: number,
  other: number,
): number {
  let p = from;
  for (; p + 4 <= end; p += 4) {
    const word = view.getInt32(p, true);
    const found = zeroBytes(word ^ one) | zeroBytes(word ^ other);
    if (found !== 0) return p + ((31 - Math.clz32(found & -found)) >> 3);
  }
  for (; p < end; p++) if (buf[p] === (one & 255) || buf[p] === (other & 255)) return p;
  return end;
}

/** The high bit of each byte that is 0; beyond the lowest such byte others may be marked. */
const zeroBytes = (word: number): number => (word - 0x01010101) & ~word & 0x80808080;
