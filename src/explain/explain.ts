import { FEATURES } from '../kernel/features.js';
import { parseRelease } from '../kernel/releases.js';
import { namesOf, VARIANTS, type Variant } from '../kernel/variants.js';
import { releasedVariantsOf } from '../kernel/variants-of-release.js';
import { nearest } from '../litmus/nearest.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import type { Rule } from '../replay/rules/rule.js';
import { UsageError } from '../result/usage-error.js';
import { BUG_WORDS, type BugWords } from './bugs.js';
import { READER_WORDS, type ReaderWords } from './readers.js';
import { SEVERITY_TERMS, TERMS, termNamed } from './terms.js';
import { freePath } from './variant-trees.js';

/** One topic, ready to be laid out: prose is wrapped, lines are kept as they are. */
export interface Explanation {
  readonly title: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly heading: string;
  readonly prose?: readonly string[];
  readonly lines?: readonly string[];
}

export const FREE_PATH = 'free-path';
export const WORDS = 'terms';

/** Every topic that can be asked for, in the order of the list. */
export function topics(): string[] {
  return [
    ...CATALOGUE.map((r) => r.id),
    ...BUG_WORDS.map((b) => b.id),
    ...VARIANTS.map((v) => v.id),
    ...READER_WORDS.map((r) => r.kind),
    FREE_PATH,
    WORDS,
  ];
}

/**
 * Explains an invariant (I05 or its name), a litmus bug (L27), a kernel variant (C), a reader kind (rcu) or the
 * free path of a variant or of the variants that a release can be, the words of reports (terms) or one of them (S1).
 *
 * Throws UsageError for a topic that does not exist, with the nearest one that does.
 */
export function explain(topic: string, variant?: string, kernel?: string): Explanation {
  if (kernel === undefined) return explained(topic, variant);
  const [first, ...others] = variantsOfRelease(kernel);
  const whole = explained(topic, first);
  const seen = new Set(whole.sections.map((s) => JSON.stringify(s)));
  const more = others.flatMap((v) =>
    explained(topic, v).sections.filter((s) => !seen.has(JSON.stringify(s))),
  );
  const sections = [...whole.sections, ...more];
  if (topic.trim().toLowerCase() !== FREE_PATH) return { title: whole.title, sections };
  return {
    title: `free path of Linux ${kernel}: variants ${[first, ...others].join(', ')}`,
    sections: [first!, ...others].flatMap((v) => {
      const path = explained(FREE_PATH, v);
      return path.sections.map((s) => ({ ...s, heading: `${v}: ${s.heading}` }));
    }),
  };
}

/** What a release can be: bare metal and guests, with and without its options. Throws UsageError for what is none. */
function variantsOfRelease(kernel: string): string[] {
  if (!parseRelease(kernel)) throw new UsageError(`'${kernel}' is no kernel release, e.g. 7.3 or 6.12.117`);
  return namesOf(releasedVariantsOf({ release: kernel, config: null }));
}

function explained(topic: string, variant?: string): Explanation {
  const wanted = topic.trim();
  const v = variant === undefined ? undefined : variantOf(variant);
  if (wanted.toLowerCase() === FREE_PATH) return v ? freePathOf(v) : allFreePaths();
  if (wanted.toLowerCase() === WORDS) return allTerms();
  const rule = ruleOf(wanted);
  if (rule) return ruleExplained(rule, v);
  const bug = BUG_WORDS.find((b) => b.id === wanted.toUpperCase());
  if (bug) return bugOf(bug);
  const reader = READER_WORDS.find((r) => r.kind === wanted.toLowerCase());
  if (reader) return readerOf(reader);
  const asVariant = VARIANTS.find((x) => x.id.toLowerCase() === wanted.toLowerCase());
  if (asVariant) return variantExplained(asVariant);
  const named = termNamed(wanted);
  if (named)
    return { title: named.term.key, sections: [{ heading: named.heading, prose: [named.term.means] }] };
  const near = likely(wanted, [...topics(), ...CATALOGUE.map((i) => i.name)]);
  throw new UsageError(
    `there is no topic "${topic}"${near ? `; did you mean ${near}?` : '.'} Topics: I01 to ${CATALOGUE.at(-1)?.id}, ${BUG_WORDS[0]!.id} to ${BUG_WORDS.at(-1)?.id}, a variant (${VARIANTS.map((x) => x.id).join(' ')}), a reader (${READER_WORDS.map((r) => r.kind).join(' ')}), ${FREE_PATH}, ${WORDS}`,
  );
}

/** The nearest name that begins as the given one does: from "5" nobody meant "B". */
const likely = (given: string, names: readonly string[]): string | undefined =>
  nearest(
    given,
    names.filter((name) => name.slice(0, 1).toLowerCase() === given.slice(0, 1).toLowerCase()),
  ) ?? undefined;

function variantOf(id: string): Variant {
  const found = VARIANTS.find((x) => x.id.toLowerCase() === id.toLowerCase());
  if (found) return found;
  const near = likely(
    id,
    VARIANTS.map((x) => x.id),
  );
  throw new UsageError(
    `there is no kernel variant "${id}"${near ? `; did you mean ${near}?` : '.'} Variants: ${VARIANTS.map((x) => x.id).join(' ')}`,
  );
}

function ruleOf(topic: string): Rule | undefined {
  const m = /^[iI]0*(\d{1,2})$/.exec(topic);
  if (m) return CATALOGUE.find((r) => r.number === Number(m[1]));
  return CATALOGUE.find((r) => r.name === topic.toLowerCase());
}

function ruleExplained(rule: Rule, v: Variant | undefined): Explanation {
  const sections: Section[] = [
    { heading: 'In plain words', prose: [rule.words] },
    { heading: 'The rule', prose: [rule.statement] },
    { heading: 'Why', prose: [`${rule.why}.`] },
    {
      heading: 'Severity',
      prose: SEVERITY_TERMS.filter((t) => t.key === rule.severity).map((t) => `${t.key}: ${t.means}`),
    },
  ];
  sections.push({ heading: 'Decided from', lines: decidedFrom(rule) });
  const variants = namesOf(rule.variants);
  sections.push({
    heading: 'Kernel variants',
    prose: [variants.length === VARIANTS.length ? 'all' : variants.join(', ')],
  });
  if (rule.feature) {
    const { lacking } = FEATURES[rule.feature];
    sections.push({ heading: 'Nothing to decide', prose: [`where a recording says: ${lacking}.`] });
  }
  sections.push({ heading: 'Source', prose: [rule.source] });
  const [bug, ...others] = rule.bugs.map((b) => BUG_WORDS.find((x) => x.id === b)!);
  if (bug) {
    sections.push({
      heading: 'The bug that made it matter',
      prose: [`${bug.id}, ${bug.ref}: ${bug.title}.`, bug.story],
    });
  } else sections.push({ heading: 'Bugs', prose: [rule.instead ?? 'None is known.'] });
  if (others.length > 0) sections.push({ heading: 'Also', lines: others.map((b) => `${b.id}  ${b.title}`) });
  if (v) sections.push({ heading: `Free path of ${v.id}`, lines: freePath(v) });
  return { title: `${rule.id} ${rule.name}`, sections };
}

/** What a kernel can be asked comes first; where facts do as well, they are told by hand. */
function decidedFrom({ needs, byProbes }: Rule): string[] {
  const list = (of: Rule['needs']): string[] => of.map((need) => `- ${need.probe}`);
  if (byProbes) return [...list(byProbes), 'or from', ...list(needs)];
  return needs.length > 0 ? list(needs) : ['- any recording'];
}

function bugOf(b: BugWords): Explanation {
  const rule = CATALOGUE.find((r) => r.id === b.invariant);
  return {
    title: `${b.id} ${b.title}`,
    sections: [
      { heading: 'What happened', prose: [b.story] },
      { heading: 'Fixed by', prose: [b.ref] },
      { heading: `Breaks ${b.invariant}`, prose: [rule?.words ?? ''] },
      {
        heading: 'See it happen',
        lines: [`pttrace litmus ${b.id}`, `pttrace explain ${b.invariant}`],
      },
    ],
  };
}

function readerOf(r: ReaderWords): Explanation {
  const sections: Section[] = [
    { heading: 'Who', prose: [r.who] },
    { heading: 'What protects the walk', prose: [r.protectedBy] },
    { heading: 'Waited for by', prose: [r.waitedForBy] },
    { heading: 'Not waited for by', prose: [r.notBy] },
  ];
  if (r.note !== '') sections.push({ heading: 'Note', prose: [r.note] });
  return { title: `reader ${r.kind}`, sections };
}

const LEAF: Readonly<Record<Variant['leaf'], string>> = {
  sync: 'tables are released by the task itself after the flush; RCU has no part in it',
  rcu: 'tables are collected in batches and released by an RCU callback',
  either: 'on hardware released by the task after the flush, in a PV guest through RCU batches',
};

/** The path of a table for whose batch there is no memory, in words. */
function singleInWords({ singlePath: path }: Variant): string {
  if (path.length === 0) return 'there are no batches, so nothing can fail here';
  const waited = path.includes('sync-rcu');
  const words = {
    flush: null,
    'sync-ipi': 'an IPI to all CPUs',
    'sync-rcu': 'a grace period is waited for on the spot',
    'call-rcu': `call_rcu() on the head inside the table${waited || path.includes('sync-ipi') ? '' : ', no IPI'}`,
    free: waited ? 'released' : 'released at once: walkers under rcu_read_lock() are not waited for',
  };
  return path
    .map((step) => words[step])
    .filter((text) => text !== null)
    .join(', then ');
}

function variantExplained(v: Variant): Explanation {
  return {
    title: `variant ${v.id}: ${v.title}`,
    sections: [
      { heading: 'Kernels', prose: [`${v.kernels}; ${v.condition}`] },
      { heading: 'How a table is released', prose: [LEAF[v.leaf]] },
      { heading: 'No memory for a batch', prose: [singleInWords(v)] },
      { heading: 'Free path', lines: freePath(v) },
      { heading: 'Source', prose: [v.source] },
      { heading: 'The bug that made it matter', prose: bugBehind(v) },
    ],
  };
}

/** What was wrong with this variant, or what it puts right. */
function bugBehind(v: Variant): string[] {
  const path = v.singlePath;
  const id = v.leaf === 'sync' ? 'L02' : path.includes('sync-rcu') ? 'L36' : 'L27';
  const bug = BUG_WORDS.find((b) => b.id === id)!;
  const role =
    id !== 'L27'
      ? 'Its weak point'
      : path.includes('free')
        ? 'Its weak point, once page tables are also freed outside munmap and exit'
        : 'What it puts right';
  return [`${role}: ${bug.id}, ${bug.title} (${bug.ref}).`, bug.story];
}

function freePathOf(v: Variant): Explanation {
  return {
    title: `free path of variant ${v.id}: ${v.title}`,
    sections: [
      { heading: 'Call tree', lines: freePath(v) },
      { heading: 'No memory for a batch', prose: [singleInWords(v)] },
      { heading: 'The bug that made it matter', prose: bugBehind(v) },
    ],
  };
}

function allTerms(): Explanation {
  return {
    title: 'terms: the words of reports',
    sections: TERMS.map((group) => ({
      heading: group.heading,
      prose: group.terms.map((t) => `${t.key}: ${t.means}`),
    })),
  };
}

function allFreePaths(): Explanation {
  return {
    title: 'free path, by kernel variant',
    sections: [
      {
        heading: 'Variants',
        lines: VARIANTS.map((v) => `${v.id.padEnd(4)}${v.kernels.padEnd(17)}${v.title}`),
      },
      {
        heading: 'Call tree of D, the current kernels',
        lines: freePath(VARIANTS.find((v) => v.id === 'D')!),
      },
      { heading: 'Another one', prose: ['pttrace explain free-path --variant A2'] },
    ],
  };
}
