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

/** An entry besides the one of mm A that every table has. */
export interface EntrySpec {
  readonly name: string;
  /** Number of the table it leads to. */
  readonly table: number;
  /** Number of its mm (`MM_NAMES`). */
  readonly mm: number;
  /** It is set from the start. */
  readonly set: boolean;
  /** At the address of the table's first entry; else it has one of its own. */
  readonly sameAddress: boolean;
}

export interface ProgramKind {
  readonly name: string;
  readonly what: string;
  readonly source: string;
  /** Level of its tables; default 1, PTE tables. */
  readonly level?: number;
  /** CPUs that it takes, from CPU 0 on; default 1. */
  readonly cpus?: number;
  /** mm that each of them has loaded; default mm A. */
  readonly mms?: readonly number[];
  /** Those of them whose page walker takes part. */
  readonly walkers?: readonly number[];
  readonly entries?: readonly EntrySpec[];
  /** It is about so many tables; default: as many as asked for. */
  readonly tables?: number;
  /** Data pages below the tables are part of it. */
  readonly pages?: true;
  /** A device shares the tables of mm A. */
  readonly device?: boolean;
  /** It needs nobody beside it. */
  readonly alone?: true;
  readonly write: (cpu: number, freer: Freer) => void;
}
