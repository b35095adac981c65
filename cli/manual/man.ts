import { commandsOf, flagsOf, type Manifest, type ManifestCommand, plainText } from './manifest.js';

/** Text for troff: no request at a line's start, backslashes and hyphens as they are. */
const troff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    // As any locale of troff takes it.
    .replaceAll(
      /[^\x00-\x7f]/gu,
      (c) => `\\[u${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');

const bold = (text: string): string => `\\fB${troff(text)}\\fR`;
const italic = (text: string): string => `\\fI${troff(text)}\\fR`;
const heading = (name: string, title: string, version: string): string =>
  `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "" "pttrace ${version}" "${title}"\n`;
const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  ['0', 'nothing violated; what is undecided is printed'],
  ['1', 'a finding, or nothing found that was asked for'],
  ['2', 'wrong usage'],
  ['3', 'an input cannot be read, holds no events, or is not whole'],
  ['4', 'internal error, or a report that could not be written whole'],
  ['130', 'interrupted'],
];

/** Manual pages by file name: `pttrace.1`, and one of each command. */
export function manualPages(manifest: Manifest): Record<string, string> {
  const pages = new Map<string, string>([['pttrace.1', overview(manifest)]]);
  for (const [name, command] of commandsOf(manifest))
    pages.set(`pttrace-${name}.1`, page(name, command, manifest.version));
  return Object.fromEntries(pages);
}

function overview(manifest: Manifest): string {
  const list = commandsOf(manifest)
    .map(([name, c]) => `.TP\n${bold(`pttrace-${name}`)}(1)\n${troff(sentence(c.summary ?? ''))}\n`)
    .join('');
  return `${heading('pttrace', 'pttrace', manifest.version)}.SH NAME
pttrace \\- replay traces of page\\-table freeing on a simulated MMU and RCU core
.SH SYNOPSIS
${bold('pttrace')} ${italic('COMMAND')} [${italic('ARGUMENT')}...] [${italic('FLAG')}...]
.SH DESCRIPTION
Linux frees page\\-table pages while other CPUs may still be walking them; what keeps that safe is order. pttrace reads a
log of ftrace, trace\\-cmd, perf or bpftrace, a trace.dat or a mail, replays it, and says of each rule whether the recording
keeps it, violates it or cannot decide it, with the lines that show it.
.SH COMMANDS
${list}.SH ENVIRONMENT
.TP
${bold('NO_COLOR')}
no colours; ${bold('--color=always')} overrides it.
.TP
${bold('PTTRACE_PAGER')}, ${bold('PAGER')}
what shows a report that is longer than the terminal; empty or ${bold('cat')}: nothing does. Default: less.
.SH EXIT STATUS
${exits()}`;
}

const exits = (): string => EXIT_STATUS.map(([code, means]) => `.TP\n${code}\n${troff(means)}\n`).join('');

function page(name: string, command: ManifestCommand, version: string): string {
  const usage = command.usage === undefined ? [name] : [command.usage].flat();
  const args = Object.values(command.args ?? {})
    .map((a) => `.TP\n${italic(a.name.toUpperCase())}\n${troff(plainText(a.description ?? ''))}\n`)
    .join('');
  const flags = flagsOf(command)
    .map((f) => {
      const value = f.type === 'boolean' ? '' : ` ${italic(f.helpValue ?? 'VALUE')}`;
      const short = f.char === undefined ? '' : `${bold(`-${f.char}`)}, `;
      const of = f.options ? ` (${f.options.join(', ')})` : '';
      const standard =
        f.default === undefined || f.type === 'boolean' ? '' : `; default ${String(f.default)}`;
      return `.TP\n${short}${bold(`--${f.name}`)}${value}\n${troff(`${plainText(f.description ?? '')}${of}${standard}`)}\n`;
    })
    .join('');
  const examples = (command.examples ?? [])
    .map((e) => (typeof e === 'string' ? { description: '', command: e } : e))
    .map((e) => `.PP\n${troff(e.description)}\n.PP\n.RS\n.nf\n${troff(plainText(e.command))}\n.fi\n.RE\n`)
    .join('');
  const paragraphs = plainText(command.description ?? '')
    .split('\n\n')
    .map((p) => `.PP\n${troff(p)}\n`)
    .join('');
  return `${heading(`pttrace-${name}`, 'pttrace', version)}.SH NAME
pttrace\\-${name} \\- ${troff(plainText(command.summary ?? ''))}
.SH SYNOPSIS
${usage.map((line) => `${bold('pttrace')} ${troff(plainText(line))}`).join('\n.br\n')}
.SH DESCRIPTION
${paragraphs}${args === '' ? '' : `.SH ARGUMENTS\n${args}`}${flags === '' ? '' : `.SH OPTIONS\n${flags}`}${examples === '' ? '' : `.SH EXAMPLES\n${examples}`}.SH SEE ALSO
${bold('pttrace')}(1)
`;
}
