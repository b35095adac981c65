// What must hold for any bytes: every line counted once, rows inside their line, columns in range, errors by name.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { must } from './must.mjs';
import { mutate, noise, random } from './mutate.mjs';
import { texts } from './texts.mjs';
import { traceDat } from './trace-dat.mjs';

/** Pieces of fixtures: enough lines to carry state, few enough to be fast. */
const PIECE = 3000;
/** NR_CPUS of x86 is at most this. */
const MAX_CPU = 8192;

/** Every fixture's first bytes. */
export function corpus(root) {
  const found = [];
  for (const name of readdirSync(join(root, 'fixtures'), { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(root, 'fixtures', name);
    if (!statSync(path).isFile() || /README|\.(?:dat|json\.gz)$/.test(name)) continue;
    const raw = readFileSync(path);
    const bytes = name.endsWith('.gz') ? gunzipSync(raw) : raw;
    found.push({ name, bytes: bytes.subarray(0, PIECE) });
  }
  return found;
}

/** Lines as anybody counts them: newlines, and a last line without one. */
function countLines(bytes) {
  let n = 0;
  for (const c of bytes) if (c === 10) n++;
  return bytes.length > 0 && bytes[bytes.length - 1] !== 10 ? n + 1 : n;
}

/** Runs the scanner with one dialect over bytes in chunks, and checks what it delivers. */
function scan(modules, info, bytes, chunk) {
  const { LineScanner, EventTable, Interner, TimeBase, LINE_NAMES } = modules;
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const rows = [];
  let count = 0;
  const scanner = new LineScanner(info.open(bytes.subarray(0, 65_536)), {
    input: 0,
    context,
    sink: (batch) => {
      for (let i = 0; i < batch.length; i++) {
        count++;
        must(batch.event[i] < context.events.size, 'event id');
        must(batch.cpu[i] >= -1 && batch.cpu[i] < MAX_CPU, 'cpu');
        must(batch.bodyStart[i] <= batch.bodyEnd[i] && batch.bodyEnd[i] <= batch.bytes.length, 'body range');
        must(batch.line[i] >= 1 && batch.offset[i] >= 0 && batch.offset[i] < bytes.length, 'place');
        const ts = batch.tsNs[i];
        must(Number.isFinite(ts) || Number.isNaN(ts), 'stamp');
        if (rows.length >= 300) continue;
        const head = context.events.head(batch.event[i]);
        // Facts about the recording have no task.
        const comm = head.kind === 'reserved' ? '' : context.names.text(batch.comm[i]);
        rows.push(
          `${batch.line[i]} ${batch.offset[i]} ${ts} ${batch.cpu[i]} ${batch.pid[i]} ${comm} ${JSON.stringify(head)} ${batch.body(i)} ${batch.aux[i]}`,
        );
      }
    },
  });
  for (let p = 0; p < bytes.length; p += chunk)
    scanner.push(Uint8Array.prototype.slice.call(bytes, p, p + chunk));
  scanner.finish();
  const kinds = LINE_NAMES.map((_, k) => scanner.counts[k]);
  const total = kinds.reduce((a, b) => a + b, 0);
  must(total === scanner.lineNumber, `kinds sum to ${total}, lines ${scanner.lineNumber}`);
  must(total === countLines(bytes), `${total} lines counted, there are ${countLines(bytes)}`);
  must(kinds[0] <= count, 'event lines without a row');
  const skipped = scanner.skips.reduce((a, s) => a + s.count, 0);
  must(skipped === kinds[LINE_NAMES.indexOf('skipped')], 'reasons of skipped lines');
  return { rows: rows.join('\n'), kinds: kinds.join() };
}

/** A fixture's beginning, mostly a short one: what a few lines cannot break, many seldom do. */
const beginning = (bytes, next) => bytes.subarray(0, 300 + Math.floor(next() ** 3 * (PIECE - 300)));

/** `load(path)` imports a module of src by its path without extension. */
export async function targets(load, root) {
  const [scanner, events, interner, time, dialect, detect, analyse, errors, blocks, mail, wrap] =
    await Promise.all(
      [
        'parsers/input/line-scanner',
        'timeline/events',
        'timeline/interner',
        'timeline/time-base',
        'parsers/input/dialect',
        'parsers/input/detect',
        'analyse/analyse',
        'parsers/input/trace-error',
        'parsers/input/blocks',
        'parsers/mail/mail',
        'parsers/mail/mail-wrap',
      ].map(load),
    );
  const loaded = async (paths) =>
    Object.fromEntries(
      await Promise.all(Object.entries(paths).map(async ([name, path]) => [name, await load(path)])),
    );
  const binary = await loaded({
    scan: 'parsers/trace-dat/scan',
    recording: 'parsers/trace-dat/recording',
    source: 'parsers/trace-dat/byte-source',
    report: 'parsers/trace-dat/report',
  });
  const text = await loaded({
    policy: 'gate/policy-file',
    kernelInfo: 'record/kernel-info',
    plan: 'record/plan',
    print: 'record/print',
    levels: 'record/levels',
    probes: 'kernel/probes-file',
    litmus: 'litmus/parse',
    workload: 'simulate/workload',
    histograms: 'latency/printed/read-hist',
    usage: 'result/usage-error',
  });
  const modules = { ...scanner, ...events, ...interner, ...time, ...dialect };
  const pieces = corpus(root);
  const list = [];
  for (const info of detect.DIALECTS) {
    // What the dialect claims is its own; the rest is fed to it too, less often.
    const own = pieces.filter((p) => info.score(p.bytes) > 0.3);
    list.push({
      name: info.id,
      run: (next) => {
        const from = own.length > 0 && next() < 0.8 ? own : pieces;
        const piece = beginning(from[Math.floor(next() * from.length)].bytes, next);
        const bytes =
          next() < 0.04
            ? noise(next)
            : mutate(
                piece,
                pieces.map((p) => p.bytes),
                next,
              );
        const whole = scan(modules, info, bytes, Math.max(1, bytes.length));
        // The same again in pieces costs as much again.
        if (next() < 0.5) return;
        const parts = scan(modules, info, bytes, [1, 7, 64, 4096][Math.floor(next() * 4)]);
        must(whole.kinds === parts.kinds && whole.rows === parts.rows, 'chunks change the result');
      },
    });
  }
  list.push(mixture(modules, detect, blocks, pieces), letter({ ...mail, ...wrap }, pieces));
  list.push(traceDat({ ...binary, errors, timeline: { ...interner, ...events, ...time } }, root));
  list.push(...texts({ ...text, errors }, root));
  list.push({
    name: 'analyse',
    weight: 1 / 30,
    run: async (next) => {
      const piece = pieces[Math.floor(next() * pieces.length)].bytes;
      const bytes = mutate(
        piece,
        pieces.map((p) => p.bytes),
        next,
      );
      try {
        const result = await analyse.analyse({ paths: ['-'], stdin: Readable.from([bytes]) });
        const { total, ...kinds } = result.inputs[0].lines;
        must(Object.values(kinds).reduce((a, b) => a + b, 0) === total, 'accounting');
        JSON.stringify(result);
      } catch (error) {
        if (!(error instanceof errors.TraceError)) throw error;
      }
    },
  });
  return { list, pieces };
}

/** Runs a target; throws with the seed that shows the fault. */
export async function fuzz(target, iterations, seed) {
  for (let i = 0; i < iterations; i++) {
    const from = (seed + i * 2654435761) >>> 0;
    try {
      await target.run(random(from));
    } catch (error) {
      throw new Error(`${target.name}, seed ${from}: ${error.message}`, { cause: error });
    }
  }
  return iterations;
}

/** Several pieces in one input, read from the first line on as any dialect that may open one. */
function mixture(modules, { BLOCK_DIALECTS, opensBlocks, DIALECTS }, { BlockDialect }, pieces) {
  const openers = DIALECTS.filter(opensBlocks);
  return {
    name: 'blocks',
    run: (next) => {
      const pick = () => pieces[Math.floor(next() * pieces.length)].bytes.subarray(0, 1000);
      const bytes = mutate(
        Buffer.concat([pick(), Buffer.from('\n'), pick(), Buffer.from('\n\nsome words\n'), pick()]),
        pieces.map((p) => p.bytes),
        next,
      );
      const first = openers[Math.floor(next() * openers.length)];
      const excerpt = next() < 0.5;
      const info = {
        open: (sample) =>
          new BlockDialect({
            first,
            open: () => first.open(sample),
            why: '',
            others: BLOCK_DIALECTS,
            excerpt,
          }),
      };
      const whole = scan(modules, info, bytes, Math.max(1, bytes.length));
      const parts = scan(modules, info, bytes, [1, 7, 64, 4096][Math.floor(next() * 4)]);
      must(whole.kinds === parts.kinds && whole.rows === parts.rows, 'chunks change the result');
    },
  };
}

const LETTER = Buffer.from('From: a@b\nSubject: c\nContent-Transfer-Encoding: quoted-printable\n\n');

/** Mail decoding: every line of the file has its place, and none is lost. */
function letter({ readMail, looksLikeMail, unwrapMail }, pieces) {
  return {
    name: 'mail',
    run: (next) => {
      const piece = pieces[Math.floor(next() * pieces.length)].bytes;
      let body = piece.toString('latin1').replace(/^/gm, next() < 0.5 ? '> ' : '');
      if (next() < 0.5) body = body.replace(/(.{60,72}) /g, next() < 0.5 ? '$1\n' : '$1\n> ');
      const text = Buffer.concat([LETTER, Buffer.from(body, 'latin1')]);
      const bytes = mutate(text, [...pieces.map((p) => p.bytes), LETTER], next);
      looksLikeMail(bytes);
      const mail = unwrapMail(readMail(bytes));
      const { lines, offsets, joined, notes } = mail;
      // A base64 part is read decoded: as many lines as it codes, several of them in one line of the file.
      const decoded = notes.some((note) => note.code === 'base64');
      must(decoded || lines.length + joined === countLines(bytes), 'lines of the file');
      must(countLines(mail.bytes) === lines.length, 'lines of the text');
      for (let i = 0; i < lines.length; i++) {
        const at = offsets[i];
        must(at === 0 || bytes[at - 1] === 10, 'an offset inside a line');
        const behind = i === 0 || (lines[i] > lines[i - 1] && at > offsets[i - 1]);
        must(behind || (decoded && lines[i] >= lines[i - 1] && at >= offsets[i - 1]), 'order of places');
      }
    },
  };
}
