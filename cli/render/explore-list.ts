import type { ProgramKind } from '../../src/machine/program.js';
import type { ReaderKind } from '../../src/machine/readers.js';
import type { MmuRule } from '../../src/machine/rules.js';

/** Programs, readers and rules by name, each with its source. */
export function formatExploreList(
  programs: readonly ProgramKind[],
  readers: readonly ReaderKind[],
  rules: readonly MmuRule[],
): string {
  const width = Math.max(...[...programs, ...readers, ...rules].map((x) => x.name.length));
  const entry = (name: string, what: string, source: string): string =>
    `  ${name.padEnd(width)}  ${what}\n  ${' '.repeat(width)}  ${source}`;
  return `${[
    'Programs of CPU 0',
    ...programs.map((p) => entry(p.name, p.what, p.source)),
    entry(
      'hugetlb-unshare',
      'a process gives its share of a hugetlb table back (CPU 0), the other frees it (CPU 1)',
      'mm/hugetlb.c huge_pmd_unshare(); 8ce720d5bd91',
    ),
    '',
    'Readers of the other CPUs',
    ...readers.map((r) => entry(r.name, r.what, r.source)),
    '',
    'Rules that --broken switches off: what goes wrong, and the rule',
    ...rules.map((r) => entry(r.name, `${r.broken}; ${r.rule}`, r.source)),
  ].join('\n')}\n`;
}
