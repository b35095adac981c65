import { STEPS } from '../../../src/litmus/steps.js';
import type { LitmusOrder, LitmusStep, LitmusTest } from '../../../src/litmus/test.js';

/** Numbers in [0, 1) from a seed: disguises must be repeatable (mulberry32). */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Draft {
  setup: LitmusStep[];
  steps: LitmusStep[];
  levels: Map<string, number>;
}
type Random = () => number;

const MAX_CPU = 12;
const pick = <T>(list: readonly T[], r: Random): T => list[Math.floor(r() * list.length)]!;
const upTo = (n: number, r: Random): number => Math.floor(r() * (n + 1));
const on = (cpu: number, text: string): LitmusStep => {
  const [op, ...args] = text.split(' ');
  return { cpu, device: -1, op: op!, args, line: 0 };
};

/**
 * The same bug (or fix) in another dress: CPUs permuted, everything renamed, unrelated processes interleaved, more
 * readers, other table levels, more tables in each batch. The verdict must not change.
 */
export function disguise(test: LitmusTest, order: LitmusOrder, seed: number): [LitmusTest, LitmusOrder] {
  const r = random(seed);
  const draft: Draft = { setup: [...test.setup], steps: [...order.steps], levels: new Map(test.levels) };
  otherLevels(draft, r);
  fullerBatches(draft, r);
  harmlessReaders(draft, r);
  const unrelated = upTo(2, r);
  for (let i = 0; i < unrelated; i++) unrelatedProcess(draft, i, r);
  permuteCpus(draft, r);
  rename(draft, r);
  const orders = [{ ...order, steps: draft.steps }];
  return [{ ...test, setup: draft.setup, levels: draft.levels, orders }, orders[0]!];
}

const cpusOf = (draft: Draft): number[] => [
  ...new Set([0, ...[...draft.setup, ...draft.steps].filter((s) => s.cpu >= 0).map((s) => s.cpu)]),
];
const tablesOf = (steps: readonly LitmusStep[]): string[] =>
  steps.filter((s) => s.op === 'map').map((s) => s.args[2]!);

/** The rules are the same at every level below the top. */
function otherLevels(draft: Draft, r: Random): void {
  for (const table of tablesOf(draft.setup)) {
    if (!draft.levels.has(table)) draft.levels.set(table, 1 + upTo(3, r));
  }
}

/** Innocent tables travel in the same batch. */
function fullerBatches(draft: Draft, r: Random): void {
  const at = draft.steps.findIndex((s) => s.op === 'callrcu' && !s.args[0]!.endsWith('.pt'));
  if (at < 0) return;
  const call = draft.steps[at]!;
  const more = Array.from({ length: upTo(4, r) }, (_, i) => `Batched${i}`);
  const back = draft.steps.findIndex((s, i) => i > at && s.op === 'cb' && s.args[0] === call.args[0]);
  if (back >= 0) draft.steps.splice(back + 1, 0, ...more.map((t) => on(draft.steps[back]!.cpu, `free ${t}`)));
  draft.steps[at] = { ...call, args: [...call.args, ...more] };
  draft.steps.splice(at, 0, ...more.map((t) => on(call.cpu, `unlink Crowd ${t.toLowerCase()}`)));
  draft.setup.push(...more.map((t) => on(call.cpu, `map Crowd ${t.toLowerCase()} ${t}`)));
}

/** Walks that are over before anything happens. */
function harmlessReaders(draft: Draft, r: Random): void {
  const tables = tablesOf(draft.setup);
  if (tables.length === 0) return;
  for (let i = upTo(3, r); i > 0; i--) {
    const table = pick(tables, r);
    const cpu = pick([...cpusOf(draft), 30 + i], r);
    const kind = pick(['irqoff', 'rcu', 'preemptoff', 'lock:other'], r);
    draft.setup.push(on(cpu, `rd ${kind} ${table}`), on(cpu, `deref ${table}`), on(cpu, `rdend ${table}`));
  }
}

/**
 * Another process is unmapped in the right order, somewhere in between. It must be an execution that could happen: its
 * callback waits for every walker of the test, callbacks of one CPU run in their order, and a CPU that spins for an
 * answer does nothing else.
 */
function unrelatedProcess(draft: Draft, n: number, r: Random): void {
  const own = `Other${n}`;
  const killer = 40 + n;
  const spins = [...draft.setup, ...draft.steps].some((s) => s.op === 'switch');
  const walker = spins ? 50 + n : pick([...cpusOf(draft), killer], r);
  const [mm, table, frame, va] = [`${own}mm`, `${own}table`, `${own}frame`, `${own}va`];
  const story = [
    on(killer, `map ${mm} ${va} ${table}`),
    on(killer, `set ${table} ${va} ${frame}`),
    on(walker, `walk ${mm} ${va}`),
    on(killer, `clr ${table} ${va}`),
    on(killer, `unlink ${mm} ${va}`),
    on(walker, `inval ${mm}`),
    on(killer, `ret ${mm} ${va}`),
    on(killer, `callrcu ${own}batch ${table}`),
    on(killer, `free ${frame}`),
  ];
  const walkers = draft.steps.some((s) => s.op === 'rd');
  const last = [on(killer, `cb ${own}batch`), on(killer, `free ${table}`)];
  let at = 0;
  for (const step of [...story, ...(walkers ? [] : last)]) {
    at += upTo(draft.steps.length - at, r) * (r() < 0.5 ? 0 : 1);
    draft.steps.splice(at, 0, step);
    at++;
  }
  if (walkers) draft.steps.push(...last);
  const read = at === 0 ? 0 : upTo(draft.steps.indexOf(story[5]!), r);
  if (read > draft.steps.indexOf(story[0]!)) {
    draft.steps.splice(read, 0, on(walker, `rd rcu ${table}`), on(walker, `rdend ${table}`));
  }
}

function permuteCpus(draft: Draft, r: Random): void {
  const free = Array.from({ length: MAX_CPU }, (_, i) => i);
  const to = new Map<number, number>();
  for (const cpu of cpusOf(draft)) to.set(cpu, free.splice(upTo(free.length - 1, r), 1)[0]!);
  const move = (s: LitmusStep): LitmusStep => (s.cpu < 0 ? s : { ...s, cpu: to.get(s.cpu)! });
  draft.setup = draft.setup.map(move);
  draft.steps = draft.steps.map(move);
}

/** Names become numbers of another kernel, where names have numbers. */
function rename(draft: Draft, r: Random): void {
  const given = new Map<string, string>();
  const used = new Set<string>();
  const fresh = (kind: string, name: string): string => {
    const key = `${kind} ${name}`;
    let to = given.get(key);
    while (to === undefined || (to !== given.get(key) && used.has(to))) to = invent(kind, name, r);
    used.add(to);
    given.set(key, to);
    return to;
  };
  const page = (name: string): string => (/^PFN/.test(name) ? name : fresh('page', name));
  const arg = (kind: string | undefined, value: string): string => {
    if (kind === 'mm' || kind === 'address') return fresh(kind, value);
    if (kind === 'page') return page(value);
    if (kind === 'head')
      return value.endsWith('.pt') ? `${page(value.slice(0, -3))}.pt` : fresh('head', value);
    if (kind === 'lock') return fresh('lock', value);
    if (kind === 'reader') return value.replace(/:(.+)$/, (_, name: string) => `:${fresh('lock', name)}`);
    return value;
  };
  const step = (s: LitmusStep): LitmusStep => {
    const spec = STEPS[s.op]!;
    const kinds = [...spec.args, ...(spec.optional ?? [])];
    return { ...s, args: s.args.map((a, i) => arg(kinds[i] ?? (spec.many ? kinds.at(-1) : undefined), a)) };
  };
  draft.setup = draft.setup.map(step);
  draft.steps = draft.steps.map(step);
  draft.levels = new Map([...draft.levels].map(([name, level]) => [page(name), level]));
}

function invent(kind: string, name: string, r: Random): string {
  const n = Math.floor(r() * 2 ** 20);
  if (kind === 'mm') return `0xffff8881${(n * 64).toString(16).padStart(8, '0')}`;
  if (kind === 'address') return `0x${(0x5000_0000_0000 + n * 4096).toString(16)}`;
  if (kind === 'page') return `0x${(0x20_0000 + n).toString(16)}`;
  // What a lock is shows in how its name begins.
  return kind === 'lock' ? `${name}_${n.toString(36)}` : `H${n.toString(36)}`;
}
