import { type Command, namesIn, rewrite, type Variable, written } from './command.js';

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

/** A finished machine: variables in the order of the state, and everything that anybody may do. */
export interface Machine {
  readonly title: string;
  readonly cpus: number;
  readonly variables: readonly Variable[];
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
}

/** Collects variables and commands; `build` drops what nobody ever changes. */
export class Model {
  readonly cpus: number;
  private readonly vars = new Map<string, Variable>();
  private readonly list: Command[] = [];
  private readonly wrongs: Unsafe[] = [];
  readonly ends = new Map<string, number>();
  readonly roles: string[] = [];
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

  /** Variables that are assigned by no command become numbers; the rest is ordered by machine, then CPU by CPU. */
  build(title: string, alike: readonly Alike[]): Machine {
    const commands = this.withoutDead(this.list);
    const changed = new Set(commands.flatMap((c) => c.set.map(written)));
    for (const c of commands) {
      for (const text of [c.guard, ...c.set]) {
        for (const name of namesIn(text)) if (!this.vars.has(name)) throw new Error(`no variable ${name}: ${text}`);
      }
    }
    const constant = (word: string): string =>
      changed.has(word) ? word : String(this.vars.get(word)!.init);
    const folded = commands.map((c) => ({
      ...c,
      guard: rewrite(c.guard, constant),
      set: c.set.map((a) => `${written(a)} = ${rewrite(a.slice(written(a).length + 3), constant)}`),
    }));
    const kept = [...this.vars.values()].filter((v) => changed.has(v.name) || v.name === 'bad');
    const order = (v: Variable): string => v.name.replace(/_\d+$/, '');
    const variables = [
      ...kept.filter((v) => v.cpu < 0),
      ...Array.from({ length: this.cpus }, (_, cpu) =>
        kept.filter((v) => v.cpu === cpu).sort((a, b) => (order(a) < order(b) ? -1 : 1)),
      ).flat(),
    ];
    const setups = this.setups;
    return {
      title,
      cpus: this.cpus,
      variables,
      commands: folded,
      constants: new Map(
        [...this.vars.values()].filter((v) => !kept.includes(v)).map((v) => [v.name, v.init]),
      ),
      unsafe: this.wrongs,
      ends: new Map([...this.ends].filter(([pc]) => changed.has(pc))),
      alike,
      setup: (emit, read) => {
        for (const ops of setups) ops(emit, read);
      },
      roles: this.roles,
    };
  }

  /** Commands whose guard compares a constant with another value never run; without them more variables are constant. */
  private withoutDead(list: readonly Command[]): Command[] {
    let alive = [...list];
    for (;;) {
      const changed = new Set(alive.flatMap((c) => c.set.map(written)));
      const next = alive.filter((c) => !this.dead(c.guard, changed));
      if (next.length === alive.length) return alive;
      alive = next;
    }
  }

  private dead(guard: string, changed: ReadonlySet<string>): boolean {
    return conjuncts(guard).some((part) => {
      if (part === '0') return true;
      const m = /^(\w+) (==|!=) (\d+)$/.exec(part);
      const known = m && !changed.has(m[1]!) ? this.vars.get(m[1]!) : undefined;
      if (!m || !known) return false;
      return m[2] === '==' ? known.init !== Number(m[3]) : known.init === Number(m[3]);
    });
  }
}

/** The parts of a guard that must all hold; what stands in parentheses is one part. */
function conjuncts(guard: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < guard.length; i++) {
    if (guard[i] === '(') depth++;
    else if (guard[i] === ')') depth--;
    else if (depth === 0 && guard.startsWith(' && ', i)) {
      parts.push(guard.slice(from, i));
      from = i + 4;
    }
  }
  return [...parts, guard.slice(from)];
}
