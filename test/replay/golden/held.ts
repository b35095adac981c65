import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect } from 'vitest';
import { CATALOGUE } from '../../../src/replay/rules/catalogue.js';

/** PTTRACE_GOLDEN=write makes the files anew. */
const WRITE = process.env.PTTRACE_GOLDEN === 'write';
const HEAD = 'Rules held: ';

/**
 * What is said of `rules` and of no other: a rule that a golden file does not know may pass, or have no instance; then its
 * lines are left out. What else it says stays, and is a difference.
 */
export function heldOnly(lines: readonly string[], rules: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (const line of lines) {
    if (/^passed(?: I\d+)*\s*$/.test(line)) {
      const known = line
        .split(' ')
        .slice(1)
        .filter((id) => rules.has(id));
      kept.push(['passed', ...known].join(' '));
      continue;
    }
    const id = /^(I\d+) (?:pass: \d+ .* violated 0 unknown 0 |(?:unknown|not-applicable): (?!\d+ \())/.exec(
      line,
    )?.[1];
    if (id === undefined || rules.has(id)) kept.push(line);
  }
  return kept;
}

/** Sections of text by name, held to a file: `## NAME` and lines, blank lines between. */
export class GoldenFile {
  private readonly path: URL;
  private readonly sections = new Map<string, string>();
  private readonly said = new Map<string, string>();
  /** Ids of the rules that the file knows. */
  readonly rules: ReadonlySet<string>;

  constructor(name: string, about: string) {
    this.path = new URL(name, import.meta.url);
    const [head = '', ...parts] = WRITE ? [] : readFileSync(this.path, 'utf8').split(/^## /m);
    const known = head.split(HEAD)[1]?.trim().split(/\s+/) ?? CATALOGUE.map((rule) => rule.id);
    this.rules = new Set(known);
    for (const part of parts) {
      const end = part.indexOf('\n');
      this.sections.set(part.slice(0, end), part.slice(end + 1).trimEnd());
    }
    afterAll(() => {
      if (!WRITE) return;
      const text = [...this.said].map(([section, lines]) => `\n## ${section}\n${lines}\n`).join('');
      writeFileSync(
        this.path,
        `${about}\nWritten by the test beside it with PTTRACE_GOLDEN=write.\n${HEAD}${known.join(' ')}\n${text}`,
      );
    });
  }

  /** `part`: which lines of the section are held, where a part was tried. */
  hold(
    section: string,
    lines: readonly string[],
    part: (lines: readonly string[]) => readonly string[] = (all) => all,
  ): void {
    const text = heldOnly(lines, this.rules).join('\n').trimEnd();
    this.said.set(section, text);
    if (WRITE) return;
    const held = this.sections.get(section)?.split('\n');
    expect(text, section).toBe(held && part(held).join('\n').trimEnd());
  }

  /** Sections of the file that nothing was held to. */
  get unheld(): string[] {
    return WRITE ? [] : [...this.sections.keys()].filter((section) => !this.said.has(section));
  }
}
