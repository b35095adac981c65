import { latin1 } from '../../timeline/batch.js';
import type { LineHost, LineKind } from '../input/dialect.js';
import { FlagsColumn } from '../tracefs/column-caches.js';
import { type CanonicalRows, EVENT_KINDS, type HeadParts } from './canonical-rows.js';
import { JsonLineScan } from './json-line-scan.js';
import { PIECE, PIECES, PieceHeads } from './piece-heads.js';

const STAMPS: ReadonlySet<string> = new Set(['', 'start', 'end']);

/** Fills rows from the JSON lines that `JsonLineScan` reads. */
export class PlainJsonLines {
  private readonly scan = new JsonLineScan();
  private readonly heads = new PieceHeads();
  private readonly flags = new FlagsColumn();
  /** The scanner's buffer and a view of it. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);

  /** The line's kind; -1, and nothing changed, where the line is for the reader of any JSON to judge. */
  line(buf: Uint8Array, start: number, end: number, rows: CanonicalRows, host: LineHost): LineKind | -1 {
    const { scan, heads } = this;
    const { batch } = host;
    const i = batch.length;
    if (buf !== this.bytes) {
      this.bytes = buf;
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    if (!scan.parse(buf, this.view, start, end)) return -1;
    const count = this.pieces();
    let event = heads.find(buf, this.view, count);
    if (event < 0) {
      event = this.newHead(buf, rows, host);
      if (event < 0) return -1;
      heads.remember(buf, count, event, heads.span);
    }
    batch.cpu[i] = scan.cpu;
    batch.pid[i] = scan.pid;
    batch.tgid[i] = scan.tgid;
    batch.flags[i] = this.flagsOf(buf);
    batch.comm[i] = host.names.intern(buf, scan.commStart, scan.commEnd);
    batch.event[i] = event;
    batch.aux[i] = heads.span ? scan.durNs : 0;
    batch.bodyStart[i] = scan.argsStart;
    batch.bodyEnd[i] = scan.argsEnd;
    return rows.commitAt(scan.sec, scan.ns, host);
  }

  /** Sets the pieces that the head is found by: one where the fields that name it stand side by side. */
  private pieces(): number {
    const { scan, heads } = this;
    if (scan.namedTo > 0) {
      heads.from[0] = scan.namedFrom;
      heads.to[0] = scan.namedTo;
      return 1;
    }
    for (let piece = 0; piece < PIECES; piece++) {
      heads.from[piece] = scan.pieceFrom[piece]!;
      heads.to[piece] = scan.pieceTo[piece]!;
    }
    return PIECES;
  }

  private newHead(buf: Uint8Array, rows: CanonicalRows, host: LineHost): number {
    const { scan } = this;
    const text = (piece: number): string => latin1(buf, scan.pieceFrom[piece]!, scan.pieceTo[piece]!);
    const parts: HeadParts = {
      kind: text(PIECE.kind),
      event: text(PIECE.event),
      symbol: text(PIECE.symbol),
      caller: text(PIECE.caller),
      end: text(PIECE.stamp),
    };
    if (!EVENT_KINDS.has(parts.kind) || !STAMPS.has(parts.end)) return -1;
    this.heads.span = parts.kind === 'span';
    return rows.head(parts, host);
  }

  private flagsOf(buf: Uint8Array): number {
    const { flagsStart, flagsEnd } = this.scan;
    return flagsStart === flagsEnd ? 0 : this.flags.pack(buf, this.view, flagsStart, flagsEnd);
  }
}
