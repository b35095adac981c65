import type { EventHead } from '../timeline/events.js';
import { ascii, DIGIT } from './bytes.js';
import type { Hits } from './hits.js';
import { BASIS, type Basis, FUNC, OP, type Op, type OpKind } from './ops.js';
import { type ArgumentPlan, argumentNames, isPointer, resolveLayout } from './probe-args.js';
import type { ProbesFile } from './probes-file.js';
import { SYMBOLS, type SymbolSpec, symbolOfEventName } from './symbols.js';
import { BODY, type BodyForm, TRACEPOINTS } from './tracepoints.js';

/** How a body is read; values above `BODY`'s continue its numbering. */
export const FORM = { ...BODY, syscallEnter: 20, syscallExit: 21, marker: 22, fact: 23 } as const;
export type Form = (typeof FORM)[keyof typeof FORM] | BodyForm;

/** What a head says of its plan; all else has its default. */
interface PlanOf {
  readonly kind?: OpKind;
  readonly form?: Form;
  readonly fixed?: readonly (readonly [number, number])[];
  readonly symbol?: string;
  readonly spec?: SymbolSpec | null;
  readonly args?: readonly ArgumentPlan[] | null;
  readonly basis?: Basis;
  readonly alike?: boolean;
  readonly syscall?: string;
}

/**
 * What one event head means, worked out once per head. A class, so that all plans are of one shape: every record reads one.
 */
export class EventPlan {
  readonly kind: OpKind;
  readonly form: Form;
  readonly fixed: readonly (readonly [number, number])[];
  /** Probes: what their arguments are matched against. */
  readonly symbol: string;
  readonly spec: SymbolSpec | null;
  /** Roles to read, in the order of the line; null until the first line was seen. */
  args: readonly ArgumentPlan[] | null;
  basis: Basis;
  /** Basis of the head alone, before the argument layout is taken into account. */
  readonly headBasis: Basis;
  /** Its lines all say the same (`lacksSlots`). */
  readonly alike: boolean;
  /** Bits of the arguments that its lines show. */
  present = 0;
  /** Bits of those that have shown a pointer of full length. */
  wide = 0;
  /** Bytes of the longest body that held nothing else. */
  longest = 0;
  /** Lines in a row that lacked some. */
  lesser = 0;
  /** How often the layout was worked out anew because a line did not match it. */
  relearned = 0;
  /** Name of the syscall. */
  readonly syscall: string;
  /** What else shows the same hits; null where nothing can. */
  hits: Hits | null = null;
  /** Its number there. */
  source = 0;

  constructor(of: PlanOf) {
    this.kind = of.kind ?? OP.none;
    this.form = of.form ?? FORM.fields;
    this.fixed = of.fixed ?? [];
    this.symbol = of.symbol ?? '';
    this.spec = of.spec ?? null;
    this.args = of.args === undefined ? [] : of.args;
    this.basis = this.headBasis = of.basis ?? BASIS.observed;
    this.alike = of.alike ?? false;
    this.syscall = of.syscall ?? '';
  }
}

/** Plan of a head, null if it means nothing to the machine. */
export function planOf(head: EventHead, probes: ProbesFile | undefined): EventPlan | null {
  switch (head.kind) {
    case 'reserved':
      if (head.name === 'lost') return new EventPlan({ kind: OP.lost, form: FORM.fact });
      return head.name === 'segment' ? new EventPlan({ kind: OP.segment, form: FORM.fact }) : null;
    case 'tracepoint':
      return tracepointPlan(head.name);
    case 'syscall-enter':
      return new EventPlan({ kind: OP.SE, form: FORM.syscallEnter, syscall: head.name });
    case 'syscall-exit':
      return new EventPlan({ kind: OP.SX, form: FORM.syscallExit, syscall: head.name });
    case 'print':
      return new EventPlan({ form: FORM.marker });
    case 'function':
      return functionPlan(head.symbol || head.name, false);
    case 'span':
      return functionPlan(head.symbol || head.name, head.stamp === 'end');
    default:
      return probePlan(head, probes);
  }
}

function tracepointPlan(name: string): EventPlan | null {
  if (!Object.hasOwn(TRACEPOINTS, name)) return null;
  const t = TRACEPOINTS[name]!;
  const args = t.roles.map((role) => ({ name: ascii(role.role), role }));
  return new EventPlan({ kind: t.kind, form: t.form, alike: ALIKE.has(t.form), fixed: t.fixed, args });
}

/** Function tracers give order and place, but (before func-args) no arguments: inferred. */
function functionPlan(symbol: string, ret: boolean): EventPlan | null {
  const spec = specOf(symbol, ret);
  if (!spec) return null;
  const { kind, fixed } = spec;
  return new EventPlan({ kind, fixed, symbol, spec, args: null, basis: BASIS.inferred });
}

function specOf(symbol: string, ret: boolean): SymbolSpec | undefined {
  if (!Object.hasOwn(SYMBOLS, symbol)) return undefined;
  return ret ? SYMBOLS[symbol]!.ret : SYMBOLS[symbol]!.entry;
}

function probePlan(head: EventHead, probes: ProbesFile | undefined): EventPlan | null {
  let symbol = head.symbol;
  let ret = head.kind === 'retprobe';
  let headBasis: Basis = BASIS.observed;
  if (symbol === '' || /^(?:0x)?[0-9a-f]{8,}$/i.test(symbol)) {
    const defined = probes?.byEvent.get(head.name);
    const named = defined ?? symbolOfEventName(head.name);
    if (!named) return null;
    symbol = named.symbol;
    ret = ret || named.ret;
    if (!defined) headBasis = BASIS.inferred;
  }
  const spec = specOf(symbol, ret);
  if (!spec) return null;
  const args = spec.roles.length === 0 ? [] : null;
  return new EventPlan({ kind: spec.kind, fixed: spec.fixed, symbol, spec, args, basis: headBasis });
}

/** Settle which arguments to read from the body of a line. Called for the first line and on a mismatch. */
export function learnArguments(
  plan: EventPlan,
  head: EventHead,
  body: string,
  probes: ProbesFile | undefined,
): void {
  if (!plan.spec) return;
  const names = argumentNames(body);
  const layout = resolveLayout(plan.symbol, plan.spec, names, probes?.byEvent.get(head.name));
  plan.args = layout.args.filter((a) => a.role !== null);
  plan.basis = Math.max(plan.headBasis, layout.basis) as Basis;
  // A function line that prints its arguments (func-args) is as good as a probe.
  if (head.kind === 'function' && plan.args.length > 0) plan.basis = layout.basis;
}

/** Does the nr read from a rcu_head's page mean anything for this callback? Only a batch has one. */
export const batchCount = (func: number, nr: number): number =>
  func === FUNC.tlb_remove_table_rcu ? nr : func > 0 && func <= FUNC.pte_free_now ? 1 : Number.NaN;

/** Of 16 digits, with or without `0x`. */
export const POINTER_LENGTH = 16;
const DECIMALS = 10;
const CLOSE = 0x29;
/** Digits that all pointers of the kernel begin with, as far as is left of them. */
const SAME_DIGITS = 4;

/**
 * Pointers of the kernel are all of one length: an argument that was one on other lines, and is now as short as `b[at, end)`, has
 * lost its end. Short numbers that are no beginning of one are what a log made by hand has for them.
 */
export function isCutPointer(arg: ArgumentPlan, b: Uint8Array, at: number, end: number): boolean {
  const first = DIGIT[b[at]!]!;
  return first >= 0 && first < DECIMALS && isPointer(arg) && beginsPointer(b, at, end);
}

function beginsPointer(b: Uint8Array, at: number, end: number): boolean {
  let p = at;
  if (end - at >= 2 && b[at] === 0x30 && (b[at + 1]! | 0x20) === 0x78) p += 2;
  const last = Math.min(end, p + SAME_DIGITS);
  while (p < last && (b[p]! | 0x20) === 0x66) p++;
  return p === last;
}

/** Tracepoints whose lines all say the same. */
const ALIKE: ReadonlySet<Form> = new Set([FORM.tlbFlush, FORM.gracePeriod, FORM.schedSwitch, FORM.pageAlloc]);

/** Lines of this tracepoint have said more before: this one has been damaged there. */
export function lacksSlots(plan: EventPlan, op: Op): boolean {
  if (!plan.alike) return false;
  // A failed allocation says nothing more.
  if (plan.form === FORM.pageAlloc && op.a0 <= 0) return false;
  const present = (op.a0 === op.a0 ? 1 : 0) | (op.a1 === op.a1 ? 2 : 0) | (op.a2 === op.a2 ? 4 : 0);
  if ((plan.present & ~present) !== 0) return true;
  plan.present |= present;
  return false;
}

/** `sys_x(…)`: where all end with the bracket, one that does not has not got its end. */
export function lacksBracket(plan: EventPlan, b: Uint8Array, end: number): boolean {
  if (b[end - 1] !== CLOSE) return plan.present === 1;
  plan.present = 1;
  return false;
}
