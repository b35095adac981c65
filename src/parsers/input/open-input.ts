import type { RecordBatch } from '../../timeline/batch.js';
import { Doubles } from '../../timeline/doubles.js';
import { IN_HANDLERS, RESERVED } from '../../timeline/events.js';
import { Pasted } from '../../timeline/pasted.js';
import { Reorder } from '../../timeline/reorder.js';
import { decorated, undecorated, withoutLayers } from '../mail/decorations.js';
import type { MailText } from '../mail/mail.js';
import { MailGather } from '../mail/mail-gather.js';
import { isTraceDatFile, scanTraceDat } from '../trace-dat/trace-dat-input.js';
import { beginsTraceDat, TraceDatSpool } from '../trace-dat/trace-dat-spool.js';
import { BlockDialect } from './blocks.js';
import { isStored } from './chunks.js';
import { cutWidthOf } from './cut-width.js';
import { BLOCK_DIALECTS, type Detection, opensBlocks, SAMPLE } from './detect.js';
import type { DialectInfo } from './dialect.js';
import { FormatFinder } from './format-finder.js';
import { inputReport } from './input-report.js';
import { LineScanner } from './line-scanner.js';
import { splitMachine } from './machines.js';
import { quoteMail } from './quoted-line.js';
import type { RecentLines } from './recent-lines.js';
import { behindFacts, saysNoneLost } from './recording-facts.js';
import type { ScanInputOptions, ScannedInput } from './scanned-input.js';
import { readSource, type SourceEnd } from './source.js';
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
  const input = new OpenInput(argument, machine, options, spool);
  try {
    const end = await readSource(
      {
        path,
        stdin: options.stdin,
        signal: options.signal,
        gate: options.gate,
        onPacked: () => input.packed(stored),
        onBytes: (bytes, totalBytes) => options.onProgress?.({ bytes, totalBytes, events: input.events }),
      },
      (chunk) => input.chunk(chunk),
    );
    if (input.dat) return await input.dat.finish(path, options, end);
    return {
      ...input.finish(end),
      file: stored ? path : (spool?.file ?? ''),
      compression: stored ? end.compression : 'none',
      wrapped: stored && end.wrapped,
    };
  } finally {
    spool?.close();
    input.dat?.close();
  }
}

/** One input while it is read: first its format is found, then its lines go to the reader of that format. */
class OpenInput {
  /** A trace.dat that comes from a pipe or compressed: it is read by position, so it is gathered first. */
  dat: TraceDatSpool | null = null;
  private readonly argument: string;
  private readonly options: ScanInputOptions;
  private readonly spool: Spool | null;
  private readonly finder: FormatFinder;
  private readonly letter = new MailGather();
  private mail: MailText | null = null;
  private scanner: LineScanner | null = null;
  private dialect: DialectInfo | null = null;
  private why = '';
  private reorder: Reorder | null = null;
  private recent: RecentLines | null = null;
  private readonly doubles: Doubles;
  private readonly pasted: Pasted;
  private blocks: BlockDialect | null = null;

  constructor(argument: string, machine: string, options: ScanInputOptions, spool: Spool | null) {
    this.argument = argument;
    this.options = options;
    this.spool = spool;
    this.finder = new FormatFinder(argument, options.format, machine);
    this.doubles = new Doubles(options.context.events, options.sink);
    this.pasted = new Pasted(options.context.events, (batch) => this.doubles.push(batch));
  }

  /** Events read so far. */
  get events(): number {
    return this.scanner?.counts[0] ?? 0;
  }

  /** The text of a packed file is kept for a while. */
  packed(stored: boolean): void {
    const { recent, input } = this.options;
    if (!stored || !recent) return;
    recent.begin(input);
    this.recent = recent;
  }

  chunk(chunk: Uint8Array): void {
    this.spool?.write(chunk);
    if (this.scanner) {
      this.recent?.push(chunk);
      this.scanner.push(chunk);
      return;
    }
    const { finder, options } = this;
    if (this.dat === null && finder.bytes === 0 && options.format === undefined && beginsTraceDat(chunk)) {
      this.dat = new TraceDatSpool(this.spool);
    }
    if (this.dat) {
      this.dat.write(chunk);
      return;
    }
    this.recent?.push(chunk);
    const bytes = this.letter.add(chunk);
    const found = bytes && finder.add(bytes);
    if (found) this.start(found);
  }

  private start(found: Detection): LineScanner {
    const { finder, options, mail, pasted } = this;
    const head = finder.take();
    const info = found.dialect;
    // Lines are quoted by the same columns later.
    const { layers } = finder;
    const first = behindFacts(head.subarray(0, SAMPLE));
    const sample = layers ? withoutLayers(first, layers) : first;
    const dialect: DialectInfo = { ...info, open: () => info.open(sample) };
    this.dialect = dialect;
    this.why = found.why;
    const single = (batch: RecordBatch): void => pasted.push(batch);
    const reorder = info.unordered ? new Reorder(single) : null;
    this.reorder = reorder;
    if (options.format === undefined && opensBlocks(info)) {
      this.blocks = new BlockDialect({
        first: dialect,
        open: dialect.open,
        why: found.why,
        others: BLOCK_DIALECTS,
      });
    }
    const reader = this.blocks ?? dialect.open();
    const made = new LineScanner(layers ? undecorated(reader, layers) : reader, {
      ...options,
      sink: reorder ? (batch: RecordBatch) => reorder.push(batch) : single,
      places: mail ?? undefined,
      unordered: info.unordered,
      cut: cutWidthOf(first),
    });
    this.scanner = made;
    this.recent?.countedBy(made.checkpoints);
    if (info.silentLoss !== undefined) {
      const handlers = saysNoneLost(head) ? info.missedInHandlers : undefined;
      made.fact(RESERVED.silentLoss, -1, handlers === undefined ? 0 : IN_HANDLERS);
      made.note('silent-loss', handlers ?? info.silentLoss);
    }
    made.push(head);
    return made;
  }

  /** Reads what is left. Throws what ended the input if nothing of it came. */
  finish(end: SourceEnd): Omit<ScannedInput, 'file' | 'compression' | 'wrapped'> {
    const { finder } = this;
    const gathered = this.letter.finish();
    const { mail } = gathered;
    this.mail = mail;
    const rest = mail?.bytes ?? gathered.rest;
    if (!this.scanner && end.error && finder.bytes === 0 && (rest === null || rest.length === 0))
      throw end.error;
    if (rest !== null) {
      const found = finder.add(rest);
      if (found) this.start(found);
    }
    const done = this.scanner ?? this.start(finder.finish());
    if (this.spool?.cut)
      done.note('copy-cut', 'more than there is room for a copy of: lines behind that are named, not quoted');
    done.finish();
    if (this.reorder) putInOrder(this.reorder, done);
    this.pasted.finish();
    this.doubles.finish();
    const dialect = this.dialect!;
    const report = inputReport(done, {
      path: this.argument,
      dialect,
      why: this.why,
      compression: end.compression,
      wrapped: end.wrapped,
      error: end.error,
      blocks: this.blocks,
      mail,
      twice: this.doubles.leftOut,
      pasted: this.pasted.leftOut,
    });
    // The input goes; what names the columns of a line stays.
    const { blocks } = this;
    const { layers } = finder;
    const dialectAt = (offset: number): DialectInfo => {
      const info = blocks?.at(offset) ?? dialect;
      return layers ? decorated(info, layers) : info;
    };
    const { input, context } = this.options;
    return {
      report: mail ? { ...report, bytes: gathered.bytes } : report,
      header: done.header,
      dialect,
      dialectAt,
      ...(mail ? { quote: (offsets) => quoteMail(mail, offsets, dialectAt, input, context) } : {}),
      checkpoints: done.checkpoints,
    };
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
      `${late} lines came too late to be put in their place: sort the events by time (sort -s -n) and nothing is out of order`,
    );
  }
}
