import { closeSync, openSync, readSync } from 'node:fs';
import type { EventQuote } from '../../result/types.js';
import { type EvidenceRef, makeRef, refInput, refOffset } from '../../timeline/batch.js';
import type { TraceContext } from './dialect.js';
import { CHECKPOINT_LINES } from './line-scanner.js';
import { parseQuoted } from './quoted-line.js';
import { lastAtMost, type RecentLines } from './recent-lines.js';
import type { QuotedLine, ScannedInput } from './scanned-input.js';
import { readSource } from './source.js';

const READ = 64 << 10;
const LF = 10;

/**
 * Reads the given lines again: from the file itself, by one more pass over a compressed one where `recent` has not kept
 * them, or from the copy of stdin. Lines that cannot be found (no copy was kept) are missing from the answer.
 */
export async function quoteLines(
  refs: readonly EvidenceRef[],
  inputs: readonly ScannedInput[],
  context: TraceContext,
  recent: RecentLines | null = null,
): Promise<Map<EvidenceRef, QuotedLine>> {
  const found = new Map<EvidenceRef, QuotedLine>();
  const byInput = new Map<number, number[]>();
  const take = (number: number, offset: number, line: number, bytes: Uint8Array): void => {
    const { dialectAt, dialect } = inputs[number]!;
    const quoted = parseQuoted(dialectAt?.(offset) ?? dialect!, number, offset, line, bytes, context);
    found.set(makeRef(number, offset), quoted);
  };
  for (const ref of refs) {
    const kept = inputs[refInput(ref)]?.quote ? undefined : recent?.get(ref);
    if (kept) {
      take(refInput(ref), refOffset(ref), kept.line, kept.bytes);
      continue;
    }
    const list = byInput.get(refInput(ref));
    if (list) list.push(refOffset(ref));
    else byInput.set(refInput(ref), [refOffset(ref)]);
  }
  for (const [number, offsets] of byInput) {
    const input = inputs[number];
    if (!input || (input.file === '' && !input.quote)) continue;
    if (input.quote) {
      for (const [offset, line] of await input.quote(new Set(offsets)))
        found.set(makeRef(number, offset), line);
      continue;
    }
    offsets.sort((a, b) => a - b);
    const takeOf: Take = (offset, line, bytes) => take(number, offset, line, bytes);
    if (input.compression === 'none' && input.wrapped !== true) seekLines(input, offsets, takeOf);
    else await streamLines(input, offsets, takeOf);
  }
  return found;
}

/** A line as results quote it; null where it was not found. */
export function eventQuote(
  line: QuotedLine | undefined,
  ref: EvidenceRef,
  role: string,
  { time }: TraceContext,
): EventQuote | null {
  if (!line) return null;
  const { cpu, task, text } = line;
  const tsNs = Number.isFinite(line.tsNs) ? time.absolute(line.tsNs) : '0';
  return { input: refInput(ref), line: line.line, offset: line.offset, tsNs, cpu, task, text, role };
}

type Take = (offset: number, line: number, bytes: Uint8Array) => void;

/** Plain file: jump to each line; count newlines from the nearest place whose number is known. */
function seekLines(input: ScannedInput, offsets: readonly number[], take: Take): void {
  const fd = openSync(input.file, 'r');
  const buffer = new Uint8Array(READ);
  let knownOffset = 0;
  let knownLine = 1;
  try {
    for (const offset of offsets) {
      const checkpoint = lastAtMost(input.checkpoints, offset);
      if (checkpoint >= 0 && input.checkpoints[checkpoint]! > knownOffset) {
        knownOffset = input.checkpoints[checkpoint]!;
        knownLine = checkpoint * CHECKPOINT_LINES + 1;
      }
      while (knownOffset < offset) {
        const n = readSync(fd, buffer, 0, Math.min(READ, offset - knownOffset), knownOffset);
        if (n === 0) break;
        for (let i = buffer.indexOf(LF); i >= 0 && i < n; i = buffer.indexOf(LF, i + 1)) knownLine++;
        knownOffset += n;
      }
      const n = readSync(fd, buffer, 0, READ, offset);
      if (n === 0) continue;
      const lf = buffer.indexOf(LF);
      take(offset, knownLine, buffer.subarray(0, lf >= 0 && lf < n ? lf : n));
    }
  } finally {
    closeSync(fd);
  }
}

/** Compressed file: pass over it once more, up to the last line wanted. */
async function streamLines(input: ScannedInput, offsets: readonly number[], take: Take): Promise<void> {
  const stop = new AbortController();
  let next = 0;
  let line = 1;
  let base = 0;
  let lineStart = 0;
  let carry: Uint8Array | null = null;
  await readSource({ path: input.file, signal: stop.signal }, (chunk) => {
    let at = 0;
    while (next < offsets.length) {
      const lf = chunk.indexOf(LF, at);
      const end = lf < 0 ? chunk.length : lf;
      // Several events may stand on one line: what is wanted may begin anywhere in it.
      const lineEnd = base + end;
      if (lf < 0 || offsets[next]! < lineEnd) {
        const piece = chunk.subarray(at, end);
        const whole: Uint8Array = carry ? concat(carry, piece) : piece;
        for (; lf >= 0 && next < offsets.length && offsets[next]! < lineEnd; next++) {
          const from = offsets[next]! - lineStart;
          if (from >= 0 && from < whole.length) take(offsets[next]!, line, whole.subarray(from));
        }
        carry = lf < 0 ? whole.slice(0, READ) : null;
      } else carry = null;
      if (lf < 0) break;
      line++;
      lineStart = base + lf + 1;
      at = lf + 1;
    }
    base += chunk.length;
    if (next >= offsets.length) stop.abort();
  });
  for (; next < offsets.length && carry !== null; next++) {
    const from = offsets[next]! - lineStart;
    if (from >= 0 && from < (carry as Uint8Array).length) {
      take(offsets[next]!, line, (carry as Uint8Array).subarray(from));
    }
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
