import { freePath } from '../kernel/free-paths.js';
import { FUNC, OP } from '../kernel/ops.js';
import type { Variant } from '../kernel/variants.js';
import { type Compiled, compile, reader } from '../machine/compile.js';
import { Emitter } from '../machine/emitter.js';
import type { RecordedStep } from '../machine/recorded.js';
import { DEFAULTS, machineOf } from '../machine/scenario.js';
import type { FreedPath } from '../predict/freed.js';
import { UsageError } from '../result/usage-error.js';
import { FLAG } from '../timeline/flags.js';

/** As recorded; a table may be queued with a batch or by itself. */
export type ConformStep = RecordedStep | 'call-rcu-alone';

type Context = NonNullable<FreedPath['under']>;

/** Which program of the machine unlinks like that. */
const PROGRAM: Readonly<Record<Context, string>> = {
  munmap: 'munmap',
  exit: 'exit_mmap',
  reclaim: 'madvise-dontneed',
  retract: 'retract',
};
export const CONTEXTS = Object.keys(PROGRAM) as Context[];

/**
 * All that the machine of a variant can do with one table from its unlink to its release: every execution of the
 * program, as far as a recording would show it of that table. Empty: the variant has no such path.
 */
export function languageOf(variant: Variant, context: Context): ReadonlySet<string> {
  const out = new Set<string>();
  if (context === 'reclaim' && !variant.reclaim) return out;
  for (const flush of ['ipi', 'kvm'] as const) {
    if (!exists(variant, flush === 'kvm')) continue;
    const machine = machineOf({
      ...DEFAULTS,
      variant: variant.id,
      program: PROGRAM[context],
      readers: ['hardware'],
      cpus: 2,
      flush,
    });
    for (const word of wordsOf(compile(machine))) out.add(word);
  }
  return out;
}

function exists(variant: Variant, guest: boolean): boolean {
  try {
    freePath(variant.id, guest);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** What is shown of the table on every path from the start to a state without next; each state is looked at once. */
function wordsOf(compiled: Compiled): ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  const from = (state: Int32Array): ReadonlySet<string> => {
    const key = state.join(' ');
    const seen = known.get(key);
    if (seen) return seen;
    const next: { step: ConformStep | null; state: Int32Array }[] = [];
    compiled.from.set(state);
    compiled.successors((i) => next.push({ step: shownBy(compiled, i, state), state: compiled.to.slice() }));
    const words = new Set<string>(next.length === 0 ? [''] : []);
    for (const { step, state: after } of next) {
      for (const word of from(after))
        words.add(step === null ? word : [step, ...word.split(' ')].join(' ').trim());
    }
    known.set(key, words);
    return words;
  };
  return from(compiled.initial);
}

/** What a command shows that concerns the table. */
function shownBy(compiled: Compiled, index: number, state: Int32Array): ConformStep | null {
  const command = compiled.machine.commands[index]!;
  if (!command.ops) return null;
  const e = new Emitter();
  command.ops(e, reader(compiled, state));
  const table = e.names.page('T0');
  for (const op of e.ops) {
    if (op.kind === OP.FR) return op.slots[4] === 0 ? 'leaf-flush' : 'flush';
    if (op.kind === OP.SYNC1 && op.slots[0] === 1) return 'sync-ipi';
    if (op.kind === OP.SYNCR && op.slots[0] === 1) return 'sync-rcu';
    if (op.kind === OP.CR) return op.slots[1] === FUNC.tlb_remove_table_rcu ? 'call-rcu' : 'call-rcu-alone';
    if (op.kind === OP.FREE && op.slots[0] === table && (op.flags & FLAG.softirq) === 0) return 'free';
  }
  return null;
}
