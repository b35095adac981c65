import { OP, READER } from '../kernel/ops.js';
import { parseLitmus } from '../litmus/parse.js';
import { runOrder } from '../litmus/run.js';
import type { ProgramOp } from '../machine/emitter.js';
import type { Execution } from './execution.js';

const READER_NAMES = Object.keys(READER);
const LEVELS = ['?', 'PTE', 'PMD', 'PUD', 'P4D', 'PGD'];

type Words = Execution['emitter']['names']['given'];
/** Steps of a litmus test that say what an operation says; none where they have no word for it. */
type Say = (a: readonly number[], words: Words, lock: (id: number) => string) => string;

const word = (map: ReadonlyMap<number, string>, value: number | undefined): string =>
  (map.get(value ?? Number.NaN) ?? '?').replaceAll(/[^\w.']/g, '_').replaceAll("'", '_');
const given = (value: number | undefined): boolean => value !== undefined && !Number.isNaN(value);
const place = (a: readonly number[], w: Words): string => `${word(w.mms, a[0])} ${word(w.vas, a[1])}`;

const SAY: Readonly<Record<number, Say>> = {
  [OP.LINK]: (a, w) => `map ${place(a, w)} ${word(w.pages, a[2])}`,
  [OP.UL]: (a, w) => `unlink ${place(a, w)} ${word(w.pages, a[2])}`,
  [OP.SETE]: (a, w) => `set ${word(w.pages, a[0])} ${word(w.vas, a[1])} ${word(w.pages, a[2])}`,
  [OP.CLRE]: (a, w) => `clr ${word(w.pages, a[0])} ${word(w.vas, a[1])}`,
  [OP.HW]: (a, w) => `walk ${place(a, w)}`,
  [OP.RB]: (a, w) => `rd ${READER_NAMES[a[0]!]} ${word(w.pages, a[1])}`,
  [OP.RE]: (a, w) => `rdend ${word(w.pages, a[1])}`,
  [OP.DR]: (a, w) => `deref ${word(w.pages, a[1])}`,
  [OP.INV]: (a, w) => `inval ${word(w.mms, a[1])}`,
  [OP.IOTLB]: (a, w) => `inval ${word(w.mms, a[0])}`,
  [OP.BCAST]: (a, w) => `invlpgb ${word(w.mms, a[0])}`,
  [OP.TLBSYNC]: () => 'tlbsync',
  [OP.SYNC1]: (a) => (a[0] === 0 ? 'syncipi' : ''),
  [OP.SYNCR]: (a) => (a[0] === 0 ? 'syncrcu' : ''),
  [OP.FREE]: (a, w) => `free ${word(w.pages, a[0])}`,
  [OP.REUSE]: (a, w) => `reuse ${word(w.pages, a[0])}`,
  [OP.EMPTY]: (a, w) => `reclaim ${word(w.pages, a[0])}`,
  [OP.PTL]: (a, w) => `${a[1] === 1 ? 'ptlock' : 'ptlfree'} ${word(w.pages, a[0])}`,
  [OP.LK]: (a, _, lock) => `lock ${lock(a[0]!)}`,
  [OP.UN]: (a, w, lock) =>
    given(a[2]) ? `drop ${lock(a[0]!)} ${place(a.slice(1), w)}` : `unlock ${lock(a[0]!)}`,
  [OP.NEED]: (a, _, lock) => `need ${lock(a[0]!)}`,
  [OP.VMAUL]: (a, w) => `vmaunlink ${place(a, w)}`,
  [OP.GONE]: (a, w) => `ret ${place(a, w)}`,
  [OP.HUGE]: (a, w) => `sethuge ${place(a, w)} ${word(w.pages, a[2])}`,
  [OP.MOVE]: (a, w) => `relink ${place(a, w)} ${a[2] === 0 ? 'PFN0' : word(w.pages, a[2])}`,
  // The process and the address are for people: any will do.
  [OP.PIN]: (a, w) =>
    `pin ${[...w.mms.values()][0]} ${[...w.vas.values()][0]} ${word(w.pages, a[0])} ${a[1] === 1 ? 'recheck' : 'norecheck'}`,
};

/** Operations of a device name it here: the step is not one of the CPU. */
const ofDevice = ({ kind, slots }: ProgramOp): boolean =>
  (kind === OP.HW && given(slots[2])) || (kind === OP.IOTLB && given(slots[1]));

/** An execution as a litmus test of one order, with the invariants that its own run finds violated. */
export function toLitmus(execution: Execution, id: string, title: string, variant: string): string {
  const { ops, emitter, body, funcs } = execution;
  const words = emitter.names.given;
  const lock = (opId: number): string => funcs.name(opId);
  const lines: string[] = [];
  const setup: string[] = [];
  const levels = new Set<string>();
  for (let i = 0; i < body.to; i++) {
    const op = ops[i]!;
    if (op.kind === OP.LINK) levels.add(`${word(words.pages, op.slots[2])}=${LEVELS[op.slots[3]!]}`);
    const text = told(ops, i, words, lock);
    // What comes before the setup is other work.
    const target = i < body.from ? setup : lines;
    if (text !== '' && (i >= body.from || op.kind === OP.LINK || op.kind === OP.SETE))
      target.push(`  ${ofDevice(op) ? 'D' : `P${op.cpu}`} ${text}`);
  }
  const header = [
    `litmus ${id} ${title}`,
    'note: found by pttrace explore',
    `levels: ${[...levels].join(' ')}`,
  ];
  const write = (expected: string): string =>
    `${[...header, '', 'setup:', ...setup, '', `found: ${expected}`, `  variant: ${variant}`, ...lines].join('\n')}\n`;
  const test = parseLitmus(write('silent'), id);
  const { violated } = runOrder(test, test.orders[0]!);
  return violated.length === 0 ? write('silent') : write(`violates ${violated.join(' ')}`);
}

function told(ops: readonly ProgramOp[], at: number, words: Words, lock: (id: number) => string): string {
  const op = ops[at]!;
  if (op.kind === OP.CR) {
    const tables: string[] = [];
    for (let i = at + 1; ops[i]?.kind === OP.RQ || ops[i]?.kind === OP.BIND; i++) {
      if (ops[i]!.kind === OP.BIND) tables.push(word(words.pages, ops[i]!.slots[2]));
    }
    return `callrcu ${word(words.heads, op.slots[0])} ${tables.join(' ')}`;
  }
  if (op.kind === OP.RI) {
    const name = [...words.heads.values()].find(
      (n) => n !== undefined && op.slots[0] === rhpOf(ops, n, words),
    );
    return `cb ${word(new Map([[0, name ?? '?']]), 0)}`;
  }
  // A wait that never ends here stands where it begins.
  if (op.kind === OP.SYNCR && op.slots[0] === 1) {
    const ends = ops.slice(at).some((o) => o.kind === OP.SYNCR && o.slots[0] === 0 && o.cpu === op.cpu);
    return ends ? '' : 'syncrcu';
  }
  return SAY[op.kind]?.(op.slots, words, lock) ?? '';
}

/** What the tracepoints print for a head. */
function rhpOf(ops: readonly ProgramOp[], name: string, words: Words): number {
  const at = ops.findIndex((op) => op.kind === OP.CR && words.heads.get(op.slots[0]!) === name);
  return ops[at + 1]?.slots[0] ?? Number.NaN;
}
