import type { ProgramKind } from '../../src/machine/program.js';
import type { ReaderKind } from '../../src/machine/readers.js';
import type { MmuRule } from '../../src/machine/rules.js';
import type { Verb } from '../../src/machine/steps/verb.js';

/** Programs, readers, verbs and rules by name, each with its source. */
export function formatExploreList(
  programs: readonly ProgramKind[],
  readers: readonly ReaderKind[],
  verbs: readonly Verb[],
  rules: readonly MmuRule[],
): string {
  const width = Math.max(...[...programs, ...readers, ...rules].map((x) => x.name.length));
  const entry = (name: string, what: string, source: string): string =>
    `  ${name.padEnd(width)}  ${what}\n  ${' '.repeat(width)}  ${source}`;
  return `${[
    'Programs, from CPU 0 on',
    ...programs.map((p) => entry(p.name, p.what, p.source)),
    '',
    'Readers of the other CPUs',
    ...readers.map((r) => entry(r.name, r.what, r.source)),
    '',
    'Verbs of program files',
    ...verbs.map((v) => entry(v.name, `${v.args === '' ? '' : `${v.args}: `}${v.what}`, v.source)),
    '',
    'Rules that --broken switches off: what goes wrong, and the rule',
    ...rules.map((r) => entry(r.name, `${r.broken}; ${r.rule}`, r.source)),
  ].join('\n')}\n`;
}
