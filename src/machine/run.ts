import type { Command, Read } from './command.js';
import { written } from './command.js';
import { expression } from './compile.js';
import type { Emitter } from './emitter.js';
import { assigned } from './expression.js';
import { type Layout, layoutOf, type Place } from './layout.js';
import type { Machine } from './model.js';

/** What one actor may do; by the place where its thread stands, where it has one. */
interface Actor {
  readonly place: Place | null;
  readonly commands: readonly (readonly number[])[];
}

const NOTHING: readonly number[] = [];

/** A machine as code that works on one state in place, for drivers that follow one execution. */
export class Steps {
  readonly machine: Machine;
  readonly layout: Layout;
  readonly initial: Int32Array;
  readonly guards: readonly ((state: Int32Array) => boolean)[];
  readonly effects: readonly ((state: Int32Array) => void)[];
  readonly actors = new Map<string, Actor>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.layout = layoutOf(machine);
    const { places, words } = this.layout;
    this.initial = new Int32Array(words);
    for (const v of machine.variables) {
      const { word, shift } = places.get(v.name)!;
      this.initial[word]! |= v.init << shift;
    }
    const list = machine.commands.map(
      (c) => `[(S) => !!(${inState(c.guard, places)}), (S) => {${effect(c, places)}}]`,
    );
    const pairs = new Function(`return [${list.join(',\n')}];`)() as [
      (state: Int32Array) => boolean,
      (state: Int32Array) => void,
    ][];
    this.guards = pairs.map(([guard]) => guard);
    this.effects = pairs.map(([, run]) => run);
    const byActor = new Map<string, number[]>();
    machine.commands.forEach((c, i) => {
      const known = byActor.get(c.actor);
      if (known) known.push(i);
      else byActor.set(c.actor, [i]);
    });
    for (const [actor, indices] of byActor) {
      const first = machine.commands[indices[0]!]!;
      const commands: number[][] = [];
      for (const i of indices) (commands[Math.max(0, machine.commands[i]!.at)] ??= []).push(i);
      this.actors.set(actor, { place: first.at < 0 ? null : places.get(`pc_${first.cpu}`)!, commands });
    }
  }
}

const inState = (text: string, places: Layout['places']): string =>
  expression(text, 'f', places).replace(/\bf(\d+)\b/g, 'S[$1]');

/** Assignments, one after the other: each sees what those before it have written. */
const effect = (c: Command, places: Layout['places']): string =>
  c.set
    .map((a) => {
      const { word, shift, mask } = places.get(written(a))!;
      return `S[${word}] = S[${word}] & ${~(mask << shift)} | ((${inState(assigned(a), places)}) & ${mask}) << ${shift};`;
    })
    .join(' ');

/** One execution of a machine: a driver asks who may do what, and has it done. */
export class Run {
  readonly steps: Steps;
  readonly state: Int32Array;

  constructor(steps: Steps) {
    this.steps = steps;
    this.state = steps.initial.slice();
  }

  /** Back to the start. */
  reset(): void {
    this.state.set(this.steps.initial);
  }

  readonly read: Read = (name) => {
    const place = this.steps.layout.places.get(name);
    if (!place) return this.steps.machine.constants.get(name) ?? 0;
    return (this.state[place.word]! >>> place.shift) & place.mask;
  };

  /** Numbers of the commands that the actor may run in this state. */
  enabled(actor: string): readonly number[] {
    const known = this.steps.actors.get(actor);
    if (!known) return NOTHING;
    const { place, commands } = known;
    const at = place ? (this.state[place.word]! >>> place.shift) & place.mask : 0;
    const list = commands[at] ?? NOTHING;
    const { guards } = this.steps;
    if (list.length === 1) return guards[list[0]!]!(this.state) ? list : NOTHING;
    return list.filter((i) => guards[i]!(this.state));
  }

  command(index: number): Command {
    return this.steps.machine.commands[index]!;
  }

  /** Runs an enabled command; `emit` gets what a trace would show. Throws Error if its guard does not hold. */
  take(index: number, emit: Emitter | null = null): void {
    const command = this.command(index);
    if (!this.steps.guards[index]!(this.state))
      throw new Error(`the machine does not allow: ${command.text}`);
    if (emit) command.ops?.(emit, this.read);
    this.steps.effects[index]!(this.state);
  }
}
