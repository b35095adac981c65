import { type Command, namesIn, rewrite, type Variable, written } from './command.js';
import { assigned, conjuncts } from './expression.js';

/** An unsafe state, or a promise that is broken: value of the variable `bad`. */
export interface Unsafe {
  readonly kind: string;
  /** What went wrong, in one sentence. */
  readonly text: string;
}

/** CPUs whose blocks may be exchanged without changing anything. */
export interface Alike {
  readonly cpus: readonly number[];
}

/** A variable that somebody changes. */
export interface Field extends Variable {
  /** Greatest value that it is ever given. */
  readonly max: number;
}

/** A finished machine: variables in the order of the state, and everything that anybody may do. */
export interface Machine {
  readonly title: string;
  readonly cpus: number;
  readonly variables: readonly Field[];
  readonly commands: readonly Command[];
  /** Variables that nobody ever changes, and what they are. */
  readonly constants: ReadonlyMap<string, number>;
  /** `bad` - 1 is an index. */
  readonly unsafe: readonly Unsafe[];
  /** Program counter → value at which the thread is done. */
  readonly ends: ReadonlyMap<string, number>;
  readonly alike: readonly Alike[];
  /** Setup as a trace would show it, before the first step. */
  readonly setup: NonNullable<Command['ops']> | null;
  /** What each CPU is for, in words. */
  readonly roles: readonly string[];
  /** Tables that the entries lead to, by the number of the entry. */
  readonly tables: readonly string[];
}

/** Collects variables and commands; `build` drops what nobody ever changes. */
export class Model {
  readonly cpus: number;
  private readonly vars = new Map<string, Variable>();
  private readonly list: Command[] = [];
  private readonly wrongs: Unsafe[] = [];
  readonly ends = new Map<string, number>();
  readonly roles: string[] = [];
  private readonly watched = new Set<string>();
  private readonly setups: NonNullable<Command['ops']>[] = [];

  constructor(cpus: number) {
    this.cpus = cpus;
    this.variable('bad');
  }

  /** Declares a byte variable, once; later calls only name it. */
  variable(name: string, init = 0, cpu = -1): string {
    if (!this.vars.has(name)) this.vars.set(name, { name, init, cpu });
    return name;
  }

  has(name: string): boolean {
    return this.vars.has(name);
  }

  /** Changes what a variable is at the start. */
  starts(name: string, init: number): void {
    const old = this.vars.get(name);
    if (!old) throw new Error(`no variable ${name}`);
    this.vars.set(name, { ...old, init });
  }

  /** Whoever drives the machine reads the variable: it is kept though no guard depends on it. */
  watch(name: string): void {
    this.watched.add(name);
  }

  command(command: Command): void {
    this.list.push(command);
  }

  onSetup(ops: NonNullable<Command['ops']>): void {
    this.setups.push(ops);
  }

  /** Number of an unsafe state for `bad`. */
  wrong(kind: string, text: string): number {
    const known = this.wrongs.findIndex((u) => u.kind === kind && u.text === text);
    if (known >= 0) return known + 1;
    this.wrongs.push({ kind, text });
    return this.wrongs.length;
  }

  /**
   * Commands that can never run are dropped, variables that nobody changes become numbers, those that nobody reads go;
   * the rest is ordered by machine, then CPU by CPU.
   */
  build(title: string, alike: readonly Alike[], tables: readonly string[]): Machine {
    this.checkNames();
    const commands = withoutUnread(withoutDead(this.list, this.vars), this.watched);
    const changed = new Set(commands.flatMap((c) => c.set.map(written)));
    const constant = (word: string): string =>
      /^\d/.test(word) || changed.has(word) ? word : String(this.vars.get(word)!.init);
    const folded = commands.map((c) => ({
      ...c,
      guard: rewrite(c.guard, constant),
      set: c.set.map((a) => `${written(a)} = ${rewrite(assigned(a), constant)}`),
    }));
    const isKept = (v: Variable): boolean => changed.has(v.name) || v.name === 'bad';
    const kept = [...this.vars.values()].filter(isKept);
    const stem = (v: Variable): string => v.name.replace(/_\d+$/, '');
    const values = valuesOf(folded, this.vars);
    const withMax = (v: Variable): Field => ({ ...v, max: Math.max(...(values.get(v.name) ?? [BYTE])) });
    const variables = [
      ...kept.filter((v) => v.cpu < 0),
      ...kept.filter((v) => v.cpu >= 0).sort((a, b) => a.cpu - b.cpu || (stem(a) < stem(b) ? -1 : 1)),
    ].map(withMax);
    const { setups } = this;
    return {
      title,
      cpus: this.cpus,
      variables,
      commands: folded,
      constants: new Map([...this.vars.values()].filter((v) => !isKept(v)).map((v) => [v.name, v.init])),
      unsafe: this.wrongs,
      ends: new Map([...this.ends].filter(([pc]) => changed.has(pc))),
      alike,
      setup: (emit, read) => {
        for (const ops of setups) ops(emit, read);
      },
      roles: this.roles,
      tables,
    };
  }

  private checkNames(): void {
    for (const c of this.list) {
      for (const text of [c.guard, ...c.set]) {
        for (const name of namesIn(text))
          if (!this.vars.has(name)) throw new Error(`no variable ${name}: ${text}`);
      }
    }
  }
}

/** Greatest value of a variable that is computed. */
const BYTE = 255;

/** What a variable can be: its first value and all it is assigned; null where that is computed. */
function valuesOf(
  commands: readonly Command[],
  vars: ReadonlyMap<string, Variable>,
): Map<string, Set<number> | null> {
  const values = new Map<string, Set<number> | null>([...vars].map(([name, v]) => [name, new Set([v.init])]));
  for (const c of commands) {
    for (const assignment of c.set) {
      const name = written(assignment);
      const to = assigned(assignment);
      const choice = /^\(.* \? (\w+) : (\w+)\)$/.exec(to);
      for (const word of choice ? [choice[1]!, choice[2]!] : [to]) {
        if (word === name) continue;
        if (/^\d+$/.test(word)) values.get(name)?.add(Number(word));
        else values.set(name, null);
      }
    }
  }
  return values;
}

/** Without the commands whose guard asks for a value that the variable never has. */
function withoutDead(list: readonly Command[], vars: ReadonlyMap<string, Variable>): Command[] {
  let alive = [...list];
  for (;;) {
    const values = valuesOf(alive, vars);
    const next = alive.filter((c) => !conjuncts(c.guard).some((part) => isNever(part, values)));
    if (next.length === alive.length) return alive;
    alive = next;
  }
}

function isNever(part: string, values: ReadonlyMap<string, Set<number> | null>): boolean {
  if (part === '0') return true;
  const m = /^(\w+) (==|!=) (\d+)$/.exec(part);
  const can = m ? values.get(m[1]!) : null;
  if (!m || !can) return false;
  return m[2] === '==' ? !can.has(Number(m[3])) : can.size === 1 && can.has(Number(m[3]));
}

/** Without the assignments of variables that no guard and no other value depends on. */
function withoutUnread(list: readonly Command[], watched: ReadonlySet<string>): Command[] {
  let commands = [...list];
  for (;;) {
    const read = new Set([
      'bad',
      ...watched,
      ...commands.flatMap((c) => [...namesIn(c.guard), ...c.set.flatMap((a) => namesIn(assigned(a)))]),
    ]);
    const next = commands.map((c) => ({ ...c, set: c.set.filter((a) => read.has(written(a))) }));
    if (next.every((c, i) => c.set.length === commands[i]!.set.length)) return next;
    commands = next;
  }
}
