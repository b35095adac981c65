import { latin1 } from '../../timeline/batch.js';
import type { LineHost, LineKind } from '../input/dialect.js';
import { FlagsColumn } from '../tracefs/column-caches.js';
import { type CanonicalRow, type CanonicalRows, emptyRow, type HeadParts } from './canonical-rows.js';
import { JsonLineScan } from './json-line-scan.js';
import { PIECE, PieceHeads } from './piece-heads.js';

const KINDS: ReadonlySet<string> = new Set([
  '',
  'tracepoint',
  'probe',
  'retprobe',
  'function',
  'syscall-enter',
  'syscall-exit',
  'print',
  'span',
]);
const STAMPS: ReadonlySet<string> = new Set(['', 'start', 'end']);

/** Fills rows from the JSON lines that `JsonLineScan` reads. */
export class PlainJsonLines {
  private readonly scan = new JsonLineScan();
  private readonly heads = new PieceHeads();
  private readonly flags = new FlagsColumn();
  private readonly row: CanonicalRow = emptyRow();
  /** The scanner's buffer and a view of it. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);

  /** The line's kind; -1, and nothing changed, where the line is for the reader of any JSON to judge. */
  line(buf: Uint8Array, start: number, end: number, rows: CanonicalRows, host: LineHost): LineKind | -1 {
    const { scan, heads, row } = this;
    if (buf !== this.bytes) {
      this.bytes = buf;
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    if (!scan.parse(buf, this.view, start, end, heads.from, heads.to)) return -1;
    let event = heads.find(buf, this.view);
    if (event < 0) {
      event = this.newHead(buf, rows, host);
      if (event < 0) return -1;
    }
    row.sec = scan.sec;
    row.ns = scan.ns;
    row.cpu = scan.cpu;
    row.pid = scan.pid;
    row.tgid = scan.tgid;
    row.flags = this.flagsOf(buf);
    row.comm = host.names.intern(buf, scan.commStart, scan.commEnd);
    row.event = event;
    row.aux = heads.span ? scan.durNs : 0;
    row.bodyStart = scan.argsStart;
    row.bodyEnd = scan.argsEnd;
    return rows.commitRow(row, host);
  }

  private newHead(buf: Uint8Array, rows: CanonicalRows, host: LineHost): number {
    const { heads } = this;
    const text = (piece: number): string => latin1(buf, heads.from[piece]!, heads.to[piece]!);
    const parts: HeadParts = {
      kind: text(PIECE.kind),
      event: text(PIECE.event),
      symbol: text(PIECE.symbol),
      caller: text(PIECE.caller),
      end: text(PIECE.stamp),
    };
    if (!KINDS.has(parts.kind) || !STAMPS.has(parts.end)) return -1;
    const id = rows.head(parts, host);
    heads.span = parts.kind === 'span';
    heads.remember(buf, id, heads.span);
    return id;
  }

  private flagsOf(buf: Uint8Array): number {
    const { flagsStart, flagsEnd } = this.scan;
    return flagsStart === flagsEnd ? 0 : this.flags.pack(buf, this.view, flagsStart, flagsEnd);
  }
}
