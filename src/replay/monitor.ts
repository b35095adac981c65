import type { Op, OpKind } from '../kernel/ops.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { Hooks } from './hooks.js';
import type { MechHooks } from './mech-hooks.js';
import type { Cpu, Task } from './state/contexts.js';

/** Facts about the recording itself, which no operation shows. Programs and explorations have none. */
export interface RecordingHooks {
  /** The stamp at `ref` is `by` (in `unit`) lower than the one at `before`, of the same CPU. */
  clockBack(cpu: number, by: number, unit: string, before: EvidenceRef, ref: EvidenceRef): void;
  /** Nothing was lost on this CPU up to now, and its probes were on (`record` ends so). */
  alive(cpu: number, tsNs: number): void;
  /** Events were lost; -1: nobody knows where. */
  eventsLost(ref: EvidenceRef): void;
  recordingEnded(facts: { readonly orderedEvents: number; readonly losslessCpus: number }): void;
}

/** By kind of operation; called before the machine takes the step. */
export type OpListeners = Readonly<Partial<Record<OpKind, (op: Op, task: Task) => void>>>;

/**
 * What watches a run: a rule's check, or facts that several rules share. It names what it wants to be told of, and is
 * told nothing else; objects are the machine's own state: read, do not write.
 */
export type Monitor = Partial<
  Omit<Hooks, 'mech' | 'walks' | 'tick'> & Omit<MechHooks, 'seen'> & RecordingHooks
> & {
  readonly on?: OpListeners;
  /** Before every operation that names a CPU: ask for it only where nothing less will do. */
  tick?(cpu: Cpu, op: Op): void;
  /** The first event of a CPU in this capture. */
  cpuAppeared?(cpu: Cpu): void;
  /** End of a capture: what is still open can no longer be decided. */
  end?(): void;
};
