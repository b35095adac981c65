import type { FreePath } from '../kernel/free-paths.js';
import type { Memory } from './gather.js';
import type { Kernel, Link } from './kernel.js';
import type { Callbacks } from './rcu.js';

/** What a program that frees or reuses tables gets. */
export interface Freer {
  readonly kernel: Kernel;
  readonly links: readonly Link[];
  readonly path: FreePath;
  readonly memory: Memory;
  readonly callbacks: Callbacks;
}

export interface ProgramKind {
  readonly name: string;
  readonly what: string;
  readonly source: string;
  /** Level of its tables; default 1, PTE tables. */
  readonly level?: number;
  readonly write: (cpu: number, freer: Freer) => void;
}
