import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../data/store-error.js';
import type { Answer } from './ask.js';
import type { RecordingRow } from './recording-row.js';

export const RESULT_FILE_SCHEMA = 'pttrace/recording-result/1';

/** Where an answer is kept, and what it is the answer to. */
export interface Place {
  readonly file: string;
  /** Hash of question, path and content of the recording. */
  readonly key: string;
  /** Wait until it is on the disk: what others rely on after a crash. */
  readonly durable: boolean;
}

/** A stored answer: its row, and its body as JSON text, in one line. */
export interface StoredAnswer {
  readonly row: RecordingRow;
  readonly body: string;
}

/**
 * Three lines of JSON: what it is an answer to with the hash of the rest, the row, the body. It appears whole or not at
 * all; who comes second with the same answer replaces it by the same bytes. Throws StoreError.
 */
export function writeAnswer(place: Place, { row, body }: Answer): void {
  const text = `${JSON.stringify(row)}\n${JSON.stringify(body)}\n`;
  const head = { schema: RESULT_FILE_SCHEMA, key: place.key, sha256: sha256(text) };
  replaceFile(place.file, `${JSON.stringify(head)}\n${text}`, place.durable);
}

/** Null where there is none, or where it is not whole or the answer to something else: as good as none. */
export function readAnswer({ file, key }: Pick<Place, 'file' | 'key'>): StoredAnswer | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StoreError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const [first, second] = [text.indexOf('\n'), text.indexOf('\n', text.indexOf('\n') + 1)];
  if (first < 0 || second < 0) return null;
  let head: { schema?: unknown; key?: unknown; sha256?: unknown };
  try {
    head = JSON.parse(text.slice(0, first));
  } catch {
    return null;
  }
  if (head.schema !== RESULT_FILE_SCHEMA || head.key !== key) return null;
  if (head.sha256 !== sha256(text.slice(first + 1))) return null;
  return {
    row: JSON.parse(text.slice(first + 1, second)) as RecordingRow,
    body: text.slice(second + 1, -1),
  };
}

/** The file as a whole in the place of what was there. Throws StoreError. */
export function replaceFile(file: string, text: string, durable: boolean): void {
  const part = `${file}.${process.pid}-${randomBytes(6).toString('hex')}.part`;
  try {
    const bytes = Buffer.from(text);
    const fd = openSync(part, 'wx');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      if (durable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, file);
    if (durable) syncFolder(dirname(file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new StoreError(`${file} cannot be written (${code ?? String(error)})`);
  } finally {
    rmSync(part, { force: true });
  }
}

/** A name is on the disk once its folder is. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } catch {
    // Some shared file systems have no such thing.
  } finally {
    closeSync(fd);
  }
}

export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
