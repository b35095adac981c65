import { LINE, type LineKind, type SkipReason } from './dialect.js';
import { quote } from './line-bytes.js';

const MAX_REASONS = 64;

/** Lines that look like trace and cannot be used, by reason. One line, one reason: the first, although it may hold several texts that are skipped. */
export class Skips {
  readonly reasons: SkipReason[] = [];
  private ofLine: SkipReason | null = null;

  nextLine(): void {
    this.ofLine = null;
  }

  /** Counts line `line` at `offset`, which is `bytes[start, end)`. */
  add(reason: string, line: number, offset: number, bytes: Uint8Array, start: number, end: number): LineKind {
    if (this.ofLine !== null) return LINE.skipped;
    let known = this.reasons.find((s) => s.reason === reason) ?? null;
    if (known === null && this.reasons.length < MAX_REASONS) {
      known = { reason, count: 0, firstLine: line, firstOffset: offset, text: quote(bytes, start, end) };
      this.reasons.push(known);
    }
    this.ofLine = known ?? this.reasons[MAX_REASONS - 1]!;
    this.ofLine.count++;
    return LINE.skipped;
  }

  /** This line was recognised after all, or is skipped for another reason. */
  takeBack(): void {
    const { ofLine } = this;
    if (!ofLine) return;
    ofLine.count--;
    if (ofLine.count === 0) this.reasons.splice(this.reasons.indexOf(ofLine), 1);
    this.ofLine = null;
  }
}
