import type { Command } from '../machine/command.js';
import { type Compiled, reader } from '../machine/compile.js';
import type { Reached } from './search.js';
import { sorter } from './symmetry.js';

/** One step of an execution. */
export interface Step {
  readonly command: Command;
  readonly before: Int32Array;
  readonly after: Int32Array;
}

/**
 * The steps from the start to a state, by the parents that the search kept. Under symmetry the states kept are
 * sorted: the execution is found by taking, from the real state, a step to one that sorts to the state kept.
 */
export function pathTo(compiled: Compiled, reached: Reached, state: number, symmetry: boolean): Step[] {
  const { words } = compiled;
  const canonical = symmetry ? sorter(compiled) : null;
  const chain: number[] = [];
  for (let at = state; at > 0; at = reached.parents[at]!) chain.push(at);
  chain.reverse();
  const steps: Step[] = [];
  let now: Int32Array = compiled.initial.slice();
  const sorted = new Int32Array(words);
  for (const target of chain) {
    const wanted = reached.arena.subarray(target * words, (target + 1) * words);
    let taken: Step | null = null;
    compiled.from.set(now);
    compiled.successors((command) => {
      if (taken !== null) return;
      sorted.set(compiled.to);
      canonical?.(sorted);
      if (!sorted.every((word, i) => word === wanted[i])) return;
      taken = { command: compiled.machine.commands[command]!, before: now, after: compiled.to.slice() };
    });
    if (taken === null) throw new Error('the search kept a state that no step leads to');
    steps.push(taken);
    now = (taken as Step).after;
  }
  return steps;
}

/** What the CPU holds in a state, in words: what the next step depends on. */
export function holds(compiled: Compiled, state: Int32Array, cpu: number): string {
  const read = reader(compiled, state);
  const has = (name: string): boolean => read(name) !== 0;
  const { tables } = compiled.machine;
  const name = (link: number): string => tables[link] ?? '?';
  const which = (stem: string): string =>
    tables.flatMap((_, link) => (has(`${stem}_${link}_${cpu}`) ? [name(link)] : [])).join(' ');
  const out: string[] = [];
  if (which('pw')) out.push(`may hold ${which('pw')}`);
  if (which('tl')) out.push(`TLB: ${which('tl')}'s page`);
  if (has(`reg_${cpu}`)) out.push(`walks ${name(read(`reg_${cpu}`) - 1)}`);
  if (has(`irq_${cpu}`)) out.push('IRQs off');
  if (has(`rcu_${cpu}`)) out.push(read(`pre_${cpu}`) === 1 ? 'in RCU, preempted' : 'in RCU');
  if (has(`lazy_${cpu}`)) out.push('lazy');
  if (has(`out_${cpu}`) && read(`out_${cpu}`) === 1) out.push('vCPU away');
  if (has(`owe_${cpu}`)) out.push('owes a QS');
  if (has(`held_${cpu}`)) out.push('holds up the GP');
  return out.join(', ');
}
