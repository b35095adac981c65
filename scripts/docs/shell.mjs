// Command lines as the pages have them: pipelines, `;`, `> file`, `for`. `pttrace` runs in this process, where starting one is most
// of what it costs; all other programs are run by sh.
import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Words that change the shell itself, or join what stands behind them. */
const KEYWORD = /^(?:cd|export|set|if|while|until|case|for|exec|\.|[A-Za-z_]\w*=\S*)(?: |$)/;

/** Splits at `mark` outside quotes; undefined where there is syntax that is not known here. */
function split(text, mark) {
  const parts = [''];
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quote !== '') {
      if (c === quote) quote = '';
      else if (quote === '"' && (c === '\\' || c === '`')) return undefined;
    } else if (c === '"' || c === "'") quote = c;
    else if (/[&<`(){}#\\\n]/.test(c) || (c === '|' && text[i + 1] === '|')) return undefined;
    if (quote === '' && c === mark) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return quote === '' ? parts.map((part) => part.trim()) : undefined;
}

/** `for NAME in WORDS; do BODY; done` written out. */
const unrolled = (command) => {
  const loop = /^for (\w+) in ([\w ]+); do\s+(.*); done$/s.exec(command);
  return loop
    ? loop[2]
        .split(' ')
        .map((word) => loop[3].replaceAll(`$${loop[1]}`, word))
        .join('; ')
    : command;
};

/** Pipelines of a command line, each a list of `{ text, target, append }`; undefined where only a shell can run it. */
export function pipelinesOf(command) {
  const pipelines = split(unrolled(command), ';')?.map((pipeline) => split(pipeline, '|'));
  if (!pipelines?.every((stages) => stages?.every((text) => text !== '' && !KEYWORD.test(text))))
    return undefined;
  const parsed = pipelines.map((stages) =>
    stages.map((stage) => {
      const [, text, append, target] = /^(.*?)(?:(?<!\d)\s*(>>?)\s*([\w./-]+))?$/s.exec(stage);
      return { text: text.trimEnd(), target, append: append === '>>' };
    }),
  );
  const unknown = ({ text }) => /\$(?!\?)|\d?>/.test(text.replaceAll(/'[^']*'/g, ''));
  return parsed.flat().some(unknown) ? undefined : parsed;
}

/**
 * Runs a command line in `dir`: `pttrace(args, input)` gives `{ status, stdout, stderr }` (bytes) of ours; `sh(text, input)`
 * the same of a shell. Returns `{ status, output }` of the last pipeline and of all, or undefined where only a shell can run it.
 */
export async function runLine(command, { dir, pttrace, sh }) {
  const pipelines = pipelinesOf(command);
  if (pipelines === undefined) return undefined;
  const output = [];
  let status = 0;
  for (const stages of pipelines) {
    const before = status;
    let input = Buffer.alloc(0);
    for (const { text, target, append } of stages) {
      const known = text.replaceAll('$?', String(before));
      const ours = /^(?:npx )?pttrace(?: (.*))?$/s.exec(known);
      const ran = ours ? await pttrace(wordsOf(ours[1] ?? '', dir), input) : sh(known, input);
      output.push(ran.stderr);
      status = ran.status;
      input = ran.stdout;
      if (target !== undefined) {
        (append ? appendFileSync : writeFileSync)(resolve(dir, target), input);
        input = Buffer.alloc(0);
      }
    }
    output.push(input);
  }
  return { status, output: Buffer.concat(output).toString() };
}

/** Words as a shell sees them: quotes taken off, patterns replaced by the files that match. */
function wordsOf(text, dir) {
  if (/^[\w./:=,%+@ -]*$/.test(text)) return text.split(' ').filter((word) => word !== '');
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${text}`], { cwd: dir, encoding: 'utf8' });
  return stdout.split('\0').slice(0, -1);
}
