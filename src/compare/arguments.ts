import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resultHistograms } from '../latency/printed/read-result.js';
import { histogramName, openInput, splitTitle } from '../measure/histogram-input.js';
import { machinesOf } from '../parsers/input/machines.js';
import { recordingsOf } from '../read/recordings.js';
import { UsageError } from '../result/usage-error.js';

/** Between two groups of runs: what `--` is replaced with, as no file is called so. */
export const BETWEEN = '\0--\0';

/**
 * The two sides of a comparison from what stands on the command line: `BEFORE AFTER`, `b1 b2 -- a1 a2`, or one file
 * that holds exactly two histograms. A name with `*`, `?` or `[` that is no file stands for the files it matches, a folder
 * for those below it.
 * Throws UsageError for anything else.
 */
export async function sidesOf(words: readonly string[]): Promise<{ before: string[]; after: string[] }> {
  const at = words.indexOf(BETWEEN);
  if (at >= 0) {
    const [before, after] = [words.slice(0, at), words.slice(at + 1)];
    if (before.length === 0 || after.length === 0 || after.includes(BETWEEN)) {
      throw new UsageError('give runs on both sides of one --: compare before*.gz -- after*.gz');
    }
    return { before: runsOf(before), after: runsOf(after) };
  }
  if (words.length === 2) return { before: runsOf([words[0]!]), after: runsOf([words[1]!]) };
  if (words.length === 1) {
    const there = await partsOf(words[0]!);
    if (there.length === 2) return { before: [there[0]!.path], after: [there[1]!.path] };
    const what =
      there.length === 0
        ? `${words[0]} holds no two histograms or machines to compare`
        : `${words[0]} holds ${there.length === 1 ? `only ${there[0]!.name}` : `${there.length}: ${there.map((p) => p.name).join(', ')}`}`;
    throw new UsageError(`give BEFORE and AFTER: ${what}`);
  }
  if (words.length === 0) throw new UsageError('give BEFORE and AFTER');
  throw new UsageError(
    `${words.length} runs: say where the second side begins, compare ${words[0]} … -- ${words.at(-1)}`,
  );
}

/** The runs that words stand for: the files that a pattern matches, the files below a folder. */
export const runsOf = (words: readonly string[]): string[] => recordingsOf(words.flatMap(matched));

/** The printed histograms or machines of a file, and what each is called on the command line. */
async function partsOf(path: string): Promise<{ path: string; name: string }[]> {
  if (path === '-' || splitTitle(path).title !== null) return [];
  const machines = await machinesOf(path);
  if (machines.length > 0) return machines.map((m) => ({ path: `${path}#${m}`, name: m }));
  const opened = await openInput(path, {});
  if (opened.kind === 'recording') return [];
  const list = opened.kind === 'result' ? resultHistograms(opened.value, path) : opened.found.histograms;
  const titles = list.map((h) => h.title.replace(/:$/, ''));
  const unlike = (names: readonly string[]): boolean =>
    new Set(names).size === names.length && !names.includes('');
  const maps = list.map((h) => `${h.name}${h.key === null ? '' : `[${h.key}]`}`);
  const named = unlike(titles) ? titles : opened.kind === 'result' && unlike(maps) ? maps : null;
  return list.map((h, i) => ({
    path: `${path}#${named === null ? `line ${h.line}` : named[i]!}`,
    name: histogramName(h),
  }));
}

/** The files a pattern stands for, in byte order; a name without magic, or that exists, stands for itself. */
export function matched(word: string): string[] {
  if (!/[*?[]/.test(word) || existsSync(word) || existsSync(splitTitle(word).path)) return [word];
  const found = expand(word.split('/'));
  if (found.length === 0) throw new UsageError(`no file matches ${word}`);
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function expand(parts: readonly string[]): string[] {
  let found: string[] = [parts[0] === '' ? '/' : ''];
  for (const part of parts[0] === '' ? parts.slice(1) : parts) {
    found = found.flatMap((folder) => {
      if (!/[*?[]/.test(part)) {
        const path = join(folder, part);
        return existsSync(path) ? [path] : [];
      }
      const pattern = regular(part);
      return names(folder)
        .filter((n) => pattern.test(n) && (part.startsWith('.') || !n.startsWith('.')))
        .map((n) => join(folder, n));
    });
  }
  return found;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder === '' ? dirname('x') : folder);
  } catch {
    return [];
  }
}

/** A shell pattern of one name: `*`, `?`, `[a-z]`, `[!a]`. */
function regular(part: string): RegExp {
  let out = '';
  for (let i = 0; i < part.length; i++) {
    const c = part[i]!;
    const end = c === '[' ? part.indexOf(']', i + 2) : -1;
    if (c === '*') out += '.*';
    else if (c === '?') out += '.';
    else if (end > 0) {
      out += `[${part
        .slice(i + 1, end)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')}]`;
      i = end;
    } else out += c.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  }
  return new RegExp(`^${out}$`, 's');
}
