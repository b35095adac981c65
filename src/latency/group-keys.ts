import { UsageError } from '../result/usage-error.js';
import type { RecordBatch } from '../timeline/batch.js';
import { Interner } from '../timeline/interner.js';
import { BodyArg } from './body-args.js';
import type { OpenPairs } from './open-pairs.js';

/**
 * One part of a map key. `pid` is the thread id as the trace prints it, `tgid` the process where it is recorded;
 * `machines`: names by the number of the input.
 */
export type KeyPart =
  | 'comm'
  | 'pid'
  | 'tgid'
  | 'cpu'
  | { readonly arg: string }
  | { readonly machines: readonly string[] };

/** `comm,cpu,arg:len` → parts. Throws UsageError for an unknown part. */
export function parseKeyParts(text: string): KeyPart[] {
  return text
    .split(',')
    .map((p) => p.trim())
    .filter((p) => p !== '')
    .map((p) => {
      if (p === 'comm' || p === 'pid' || p === 'tgid' || p === 'cpu') return p;
      if (p === 'tid') return 'pid';
      if (p.startsWith('arg:') && p.length > 4) return { arg: p.slice(4) };
      throw new UsageError(`--by wants comm, pid, tgid, cpu or arg:NAME, not "${p}"`);
    });
}

/** Distinct groups told apart; further ones are put together. */
const MAX_GROUPS = 1 << 16;
const MAX_TAGS = 1 << 20;
const OTHER = '(other)';
const UNKNOWN = '?';

/**
 * Numbers the groups of spans by the values of their key parts. Task, CPU and arguments are those of the row that ends
 * the span, as in a bpftrace probe on it; an argument it does not have is taken from the begin.
 */
export class GroupKeys {
  private readonly parts: readonly KeyPart[];
  private readonly names: Interner;
  private readonly args: (BodyArg | null)[];
  private readonly values = new Interner();
  /** (group so far, part value) → group. */
  private readonly next = new Map<number, number>();
  private readonly parents: number[] = [0];
  private readonly partValues: number[] = [0];
  private readonly tags: number[][] = [[]];
  private readonly tagOf = new Map<string, number>();
  private readonly hasArgs: boolean;
  /** The input whose rows are read now. */
  input = 0;
  private scratch = new Uint8Array(64);
  /** Group into which everything beyond `MAX_GROUPS` falls; 0 until then. */
  overflow = 0;

  constructor(parts: readonly KeyPart[], names: Interner) {
    this.parts = parts;
    this.names = names;
    this.args = parts.map((p) => (typeof p === 'object' && 'arg' in p ? new BodyArg(p.arg) : null));
    this.hasArgs = this.args.some((a) => a !== null);
    this.values.internString(UNKNOWN);
  }

  /** Arguments of a begin worth keeping; 0 when the key needs none. */
  capture(batch: RecordBatch, row: number, hex: boolean): number {
    if (!this.hasArgs) return 0;
    const ids = this.args.map((a) => (a === null ? 0 : this.value(a, batch, row, hex)));
    const text = ids.join(' ');
    let tag = this.tagOf.get(text);
    if (tag === undefined) {
      if (this.tags.length >= MAX_TAGS) return 0;
      tag = this.tags.push(ids) - 1;
      this.tagOf.set(text, tag);
    }
    return tag;
  }

  /** Group of a span that ends at `row`. */
  atEnd(batch: RecordBatch, row: number, tag: number): number {
    let g = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i]!;
      let v: number;
      if (part === 'comm') v = batch.comm[row]!;
      else if (part === 'pid') v = batch.pid[row]!;
      else if (part === 'tgid') v = batch.tgid[row]!;
      else if (part === 'cpu') v = batch.cpu[row]!;
      else if ('machines' in part) v = this.input;
      else {
        v = this.value(this.args[i]!, batch, row, false);
        if (v === 0) v = this.tags[tag]?.[i] ?? 0;
      }
      g = this.step(g, v);
    }
    return g;
  }

  /** Group of a span whose end was not seen. */
  atBegin(open: OpenPairs, slot: number): number {
    let g = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i]!;
      let v: number;
      if (part === 'comm') v = open.comm[slot]!;
      else if (part === 'pid') v = open.pid[slot]!;
      else if (part === 'tgid') v = open.tgid[slot]!;
      else if (part === 'cpu') v = open.startCpu[slot]!;
      else if ('machines' in part) v = this.input;
      else v = this.tags[open.tag[slot]!]?.[i] ?? 0;
      g = this.step(g, v);
    }
    return g;
  }

  /** Parts of a group's key as bpftrace prints them: numbers in decimal (signed 64 bit), text as it stands. */
  text(group: number): string[] {
    if (group === this.overflow && group !== 0) return this.parts.map(() => OTHER);
    const out: string[] = [];
    for (let i = this.parts.length - 1; i >= 0; i--) {
      const v = this.partValues[group]!;
      const part = this.parts[i]!;
      if (part === 'comm') out.unshift(this.names.text(v));
      else if (typeof part === 'object' && 'machines' in part) out.unshift(part.machines[v] ?? UNKNOWN);
      else if (typeof part === 'object') out.unshift(printed(this.values.text(v)));
      else out.unshift(v < 0 ? UNKNOWN : String(v));
      group = this.parents[group]!;
    }
    return out;
  }

  private step(g: number, v: number): number {
    const key = g * 2 ** 33 + v + 2 ** 31;
    const found = this.next.get(key);
    if (found !== undefined) return found;
    if (this.parents.length >= MAX_GROUPS) {
      if (this.overflow === 0) this.overflow = this.add(0, 0);
      return this.overflow;
    }
    const made = this.add(g, v);
    this.next.set(key, made);
    return made;
  }

  private add(parent: number, value: number): number {
    this.partValues.push(value);
    return this.parents.push(parent) - 1;
  }

  /** `hex`: numbers without 0x are hexadecimal (syscall entries of kernels up to 6.18). */
  private value(arg: BodyArg, batch: RecordBatch, row: number, hex: boolean): number {
    const b = batch.bytes;
    if (!arg.find(b, batch.bodyStart[row]!, batch.bodyEnd[row]!)) return 0;
    if (this.values.size >= MAX_TAGS) return 0;
    if (!hex || (b[arg.start] === 0x30 && b[arg.start + 1] === 0x78)) {
      return this.values.intern(b, arg.start, arg.end);
    }
    const n = arg.end - arg.start;
    if (n + 2 > this.scratch.length) this.scratch = new Uint8Array(n + 2);
    this.scratch[0] = 0x30;
    this.scratch[1] = 0x78;
    for (let i = 0; i < n; i++) this.scratch[i + 2] = b[arg.start + i]!;
    return this.values.intern(this.scratch, 0, n + 2);
  }
}

function printed(value: string): string {
  if (/^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt.asIntN(64, BigInt(value)).toString();
  const quoted = /^"(.*)"$/s.exec(value);
  return quoted ? quoted[1]! : value;
}
