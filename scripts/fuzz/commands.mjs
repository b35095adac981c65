// Whole commands in this process: no internal error, no order to a terminal or a runner, what is written is read back.

import { must, pick, upTo } from './must.mjs';
import { mutate } from './mutate.mjs';

/** What a terminal or a CI runner would take for an order. */
const ORDERS =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|^\s*::[A-Za-z-]+[^:\n]*::|##\[|##vso\[/m;
const NAMES = [
  '##[error]x',
  '##vso[task.x]y',
  'e\x1b[31mv',
  'b\x07\x1b]0;t\x07',
  '::error::no',
  '::error file=a,line=1::no',
  'a\r::error::b',
  'r\u202el',
  '\u009b31m',
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  'x y-1',
  '-',
  '<idle>-0',
  'a|b,"c',
  "$(touch x)'`",
];
const COMMANDS = [
  ['replay', '-'],
  ['replay', '-', '--plain', '--by', 'comm'],
  ['replay', '-', '--json'],
  ['info', '-'],
  ['hist', '-', '--by', 'comm'],
  ['hist', '-', '--json'],
  ['breakdown', '-'],
  ['readers', '-'],
  ['validate', '-'],
  ['validate', '-', '--plain', '--annotations'],
  ['convert', '-', '--to', 'jsonl'],
  ['convert', '-', '--to', 'csv'],
  ['convert', '-', '--to', 'ftrace'],
];
/** Clean, finding, usage, unreadable: nothing a file holds may lead to another end. */
const ENDS = [0, 1, 2, 3];

/** Task and event names replaced by such that give orders. */
function renamed(bytes, next) {
  const name = pick(NAMES, next);
  const text = bytes.toString('utf8');
  if (next() < 0.5)
    return Buffer.from(text.replace(/^( *)\S+(-\d+ )/gm, `$1${name.replaceAll('$', '$$$$')}$2`));
  return Buffer.from(
    text.replace(/(\d: )(\w+)(:| )/g, (all, a, _, c) => (next() < 0.2 ? `${a}${name}${c}` : all)),
  );
}

/** Bytes in pieces, perhaps cut short by an error, as a pipe may bring them. */
function pipe(bytes, next, Readable) {
  const pieces = [];
  for (let p = 0; p < bytes.length; ) {
    const n = 1 + upTo(2000, next);
    pieces.push(bytes.subarray(p, p + n));
    p += n;
  }
  const breaks = next() < 0.2 ? upTo(pieces.length + 1, next) : -1;
  return Readable.from(
    (function* give() {
      for (const [i, piece] of pieces.entries()) {
        if (i === breaks) throw Object.assign(new Error('read EIO'), { code: 'EIO' });
        yield piece;
      }
    })(),
    { objectMode: false },
  );
}

/** `runCommand` of scripts/in-process.mjs. */
export function commands(runCommand, Readable, pieces, root) {
  const all = pieces.map((p) => p.bytes);
  return {
    name: 'commands',
    weight: 1 / 60,
    run: async (next) => {
      let bytes = pick(all, next);
      if (next() < 0.6) bytes = mutate(bytes, all, next);
      if (next() < 0.6) bytes = renamed(bytes, next);
      const args = pick(COMMANDS, next);
      const { status, stdout, stderr } = await runCommand(root, args, { input: pipe(bytes, next, Readable) });
      const [out, said] = [stdout.toString(), stderr.toString()];
      must(ENDS.includes(status), `${args.join(' ')} ended with ${status}: ${said.slice(-400)}`);
      const raw = ORDERS.exec(said);
      must(raw === null, `${args.join(' ')}: an order on stderr: ${JSON.stringify(raw?.[0])}`);
      if (args.includes('--json')) {
        if (out !== '') JSON.parse(out);
        return;
      }
      if (args[0] === 'convert') {
        if (status === 0 && out !== '') await readBack(args.at(-1), stdout, said);
        return;
      }
      const shown = args.includes('--annotations')
        ? out.replace(/^::(?:error|warning) file=/gm, 'file=')
        : out;
      const order = ORDERS.exec(shown);
      must(order === null, `${args.join(' ')}: an order on stdout: ${JSON.stringify(order?.[0])}`);
    },
  };

  /** What was written has as many events as were read, and not a line that its reader skips. */
  async function readBack(form, written, said) {
    const { status, stdout } = await runCommand(root, ['replay', '-', '--json'], { input: written });
    must(ENDS.includes(status), `what convert wrote as ${form} ends with ${status}`);
    // A recording without events is none.
    if (stdout.length === 0) return;
    const { lines } = JSON.parse(stdout.toString()).inputs[0];
    must(
      lines.skipped === 0 && lines.foreign === 0,
      `convert to ${form}: ${lines.skipped} lines not read back`,
    );
    void said;
  }
}
