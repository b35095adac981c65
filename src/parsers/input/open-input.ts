import type { RecordBatch } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { Reorder } from '../../timeline/reorder.js';
import { decorated, undecorated, withoutLayers } from '../mail/decorations.js';
import type { MailText } from '../mail/mail.js';
import { MailGather } from '../mail/mail-gather.js';
import { isTraceDatFile, scanTraceDat } from '../trace-dat/trace-dat-input.js';
import { beginsTraceDat, TraceDatSpool } from '../trace-dat/trace-dat-spool.js';
import { BlockDialect } from './blocks.js';
import { BLOCK_DIALECTS, type Detection, opensBlocks, SAMPLE } from './detect.js';
import type { DialectInfo } from './dialect.js';
import { FormatFinder } from './format-finder.js';
import { inputReport } from './input-report.js';
import { LineScanner } from './line-scanner.js';
import { splitMachine } from './machines.js';
import { quoteMail } from './quoted-line.js';
import { behindFacts } from './recording-facts.js';
import type { ScanInputOptions, ScannedInput } from './scanned-input.js';
import { isStored, readSource } from './source.js';
import { Spool } from './spool.js';

export type { QuotedLine, ScanInputOptions, ScannedInput } from './scanned-input.js';

/**
 * Reads one input, or one machine of it (`FILE#MACHINE`), into batches. Throws TraceError when it cannot be read at all (nothing was delivered);
 * damage in the middle is told in `report.error`, with what came before in the counts.
 */
export async function scanInput(argument: string, options: ScanInputOptions): Promise<ScannedInput> {
  const { path, machine } = splitMachine(argument);
  if (options.format === undefined && isTraceDatFile(path)) return scanTraceDat(path, options);
  const stored = isStored(path);
  const spool = !stored && options.spoolDir !== undefined ? new Spool(options.spoolDir, options.input) : null;
  let scanner: LineScanner | null = null;
  let dialect: DialectInfo | null = null;
  let why = '';
  let reorder: Reorder | null = null;
  let dat: TraceDatSpool | null = null;
  let blocks: BlockDialect | null = null;
  let mail: MailText | null = null;
  const letter = new MailGather();
  const finder = new FormatFinder(argument, options.format, machine);

  const start = (found: Detection): LineScanner => {
    const head = finder.take();
    const info = found.dialect;
    // Lines are quoted by the same columns later.
    const { layers } = finder;
    const first = behindFacts(head.subarray(0, SAMPLE));
    const sample = layers ? withoutLayers(first, layers) : first;
    dialect = { ...info, open: () => info.open(sample) };
    why = found.why;
    if (info.unordered) reorder = new Reorder(options.sink);
    if (options.format === undefined && opensBlocks(info)) {
      const open = dialect.open;
      blocks = new BlockDialect({
        first: dialect,
        open,
        why,
        others: BLOCK_DIALECTS,
        excerpt: mail !== null,
      });
    }
    const reader = blocks ?? dialect.open();
    const made = new LineScanner(layers ? undecorated(reader, layers) : reader, {
      ...options,
      ...(reorder ? { sink: (batch: RecordBatch) => reorder!.push(batch) } : {}),
      places: mail ?? undefined,
      unordered: info.unordered,
    });
    scanner = made;
    if (info.silentLoss !== undefined) {
      made.fact(RESERVED.silentLoss, -1, 0);
      made.note('silent-loss', info.silentLoss);
    }
    made.push(head);
    return made;
  };
  try {
    const end = await readSource(
      {
        path,
        stdin: options.stdin,
        signal: options.signal,
        gate: options.gate,
        onBytes: (bytes, totalBytes) =>
          options.onProgress?.({ bytes, totalBytes, events: scanner?.counts[0] ?? 0 }),
      },
      (chunk) => {
        spool?.write(chunk);
        if (scanner) {
          scanner.push(chunk);
          return;
        }
        // Read by position: from a pipe or compressed it is gathered first.
        if (dat === null && finder.bytes === 0 && options.format === undefined && beginsTraceDat(chunk)) {
          dat = new TraceDatSpool(spool);
        }
        if (dat) {
          dat.write(chunk);
          return;
        }
        const bytes = letter.add(chunk);
        const found = bytes && finder.add(bytes);
        if (found) start(found);
      },
    );
    if (dat) return await (dat as TraceDatSpool).finish(path, options, end);
    const gathered = letter.finish();
    mail = gathered.mail;
    const rest = mail?.bytes ?? gathered.rest;
    if (!scanner && end.error && finder.bytes === 0 && (rest === null || rest.length === 0)) throw end.error;
    if (rest !== null) {
      const found = finder.add(rest);
      if (found) start(found);
    }
    const done = scanner ?? start(finder.finish());
    if (spool?.cut)
      done.note('copy-cut', 'more than there is room for a copy of: lines behind that are named, not quoted');
    done.finish();
    if (reorder) putInOrder(reorder, done);
    const { compression, error } = end;
    const report = inputReport(done, {
      path: argument,
      dialect: dialect!,
      why,
      compression,
      error,
      blocks,
      mail,
    });
    const letterText = mail;
    const parts = blocks as BlockDialect | null;
    const { layers } = finder;
    const dialectAt = (offset: number): DialectInfo => {
      const info = parts?.at(offset) ?? dialect!;
      return layers ? decorated(info, layers) : info;
    };
    return {
      report: mail ? { ...report, bytes: gathered.bytes } : report,
      header: done.header,
      dialect: dialect!,
      dialectAt,
      ...(letterText
        ? { quote: (offsets) => quoteMail(letterText, offsets, dialectAt, options.input, options.context) }
        : {}),
      checkpoints: done.checkpoints,
      file: stored ? path : (spool?.file ?? ''),
      compression: stored ? end.compression : 'none',
    };
  } finally {
    spool?.close();
    (dat as TraceDatSpool | null)?.close();
  }
}

function putInOrder(reorder: Reorder, scanner: LineScanner): void {
  reorder.finish();
  const { displaced, worst, late } = reorder;
  if (displaced > 0) {
    scanner.note(
      'sorted',
      `${displaced} lines stood behind later ones, by up to ${worst} ns: sorted by time`,
    );
  }
  if (late > 0) {
    scanner.note(
      'out-of-order',
      `${late} lines came too late to be put in their place: what is absent around them proves nothing`,
    );
  }
}
