import type { ErrorObject } from 'ajv/dist/2020.js';
import { freePath } from '../kernel/free-paths.js';
import { VARIANTS } from '../kernel/variants.js';
import { UsageError } from '../result/usage-error.js';
import { validatorOf } from '../schema/validator.js';
import { readYaml, YamlFault, type YamlPlace, type YamlText } from '../schema/yaml-text.js';
import { PRIOR_GRACE_PERIOD_MS } from './costs.js';

/** One value, or a range that is drawn from uniformly. */
export type Amount = number | readonly [low: number, high: number];

/** What is simulated. `schema/workload.schema.json` says the same with its bounds. */
export interface Workload {
  /** Id of `kernel/variants.ts`. */
  readonly variant: string;
  /** A guest with paravirtual TLB flush, where the variant leaves that open. */
  readonly pv: boolean;
  readonly cpus: number;
  /** Threads of one process that map, touch and unmap; thread i runs on CPU i. */
  readonly threads: number;
  /** Further threads that do nothing, each on its CPU: targets of every flush. Not given: all CPUs left. */
  readonly spinners: number;
  /** Calls of munmap, all threads together. */
  readonly munmaps: number;
  /** PTE tables of one munmap. */
  readonly tables: Amount;
  /** Touched pages under each PTE table. */
  readonly pagesPerTable: Amount;
  /** Pause of a thread between two calls. */
  readonly thinkUs: Amount;
  /** Probability that an allocation for a batch of mmu_gather fails. */
  readonly pressure: number;
  readonly readers: {
    /** Threads in get_user_pages_fast(), interrupts off while they walk. */
    readonly gup: number;
    /** Threads that walk under rcu_read_lock() (pte_offset_map). */
    readonly rcu: number;
    readonly holdUs: Amount;
    readonly pauseUs: Amount;
  };
  readonly rcu: {
    readonly hz: number;
    /** Duration of a normal grace period. */
    readonly gracePeriodMs: Amount;
    /** Grace periods are expedited: tens of µs instead. */
    readonly expedited: boolean;
    /** Callbacks run in a kthread instead of softirq. */
    readonly nocb: boolean;
  };
  /** All prior costs times this: 10 is a slow virtual machine. */
  readonly slowdown: number;
  readonly seed: number;
}

export const DEFAULT_WORKLOAD: Workload = {
  variant: 'C',
  pv: false,
  cpus: 4,
  threads: 1,
  spinners: 3,
  munmaps: 100,
  tables: [1, 8],
  pagesPerTable: [1, 4],
  thinkUs: [20, 200],
  pressure: 0,
  readers: { gup: 0, rcu: 0, holdUs: [1, 5], pauseUs: [50, 200] },
  rcu: { hz: 250, gracePeriodMs: PRIOR_GRACE_PERIOD_MS, expedited: false, nocb: false },
  slowdown: 1,
  seed: 1,
};

/** A workload that cannot be simulated; the message names file, line and column. */
export class WorkloadError extends UsageError {}

/** Parts of a workload, as a file or flags give them. */
export type PartialWorkload = Partial<Omit<Workload, 'readers' | 'rcu'>> & {
  readonly readers?: Partial<Workload['readers']>;
  readonly rcu?: Partial<Workload['rcu']>;
};

const validator = validatorOf<PartialWorkload>(
  'workload',
  { allErrors: true, allowUnionTypes: true },
  withVariants,
);

/** The ids that a workload may name are those of the rows, not of the published schema. */
function withVariants(schema: Record<string, unknown>): Record<string, unknown> {
  const properties = schema.properties as Record<string, unknown>;
  return { ...schema, properties: { ...properties, variant: { enum: VARIANTS.map((v) => v.id) } } };
}

/** A workload file, YAML or JSON. Throws WorkloadError. */
export function parseWorkload(text: string, path: string): PartialWorkload {
  let yaml: YamlText;
  try {
    yaml = readYaml(text, 'workload');
  } catch (error) {
    if (error instanceof YamlFault) throw new WorkloadError(`${placed(path, error)}: ${error.message}`);
    throw error;
  }
  const value: unknown = yaml.value ?? {};
  const validate = validator();
  if (validate(value)) return value;
  const error = validate.errors![0]!;
  throw new WorkloadError(`${placed(path, yaml.placeOf(keysOf(error)))}: ${wordsOf(error)}`);
}

const placed = (path: string, { line, column }: YamlPlace): string =>
  line > 0 ? `${path}:${line}:${column}` : path;

function keysOf(error: ErrorObject): string[] {
  const keys = error.instancePath.split('/').slice(1);
  const unknown = (error.params as { additionalProperty?: string }).additionalProperty;
  return unknown === undefined ? keys : [...keys, unknown];
}

function wordsOf(error: ErrorObject): string {
  const where = error.instancePath.slice(1).replaceAll('/', '.');
  const unknown = (error.params as { additionalProperty?: string }).additionalProperty;
  if (unknown !== undefined) return `${where === '' ? '' : `${where}: `}unknown key '${unknown}'`;
  const params = error.params as { allowedValues?: readonly string[] };
  const list = params.allowedValues ? `: ${params.allowedValues.join(', ')}` : '';
  return `${where === '' ? 'the workload' : where} ${error.message}${list}`;
}

/** Defaults, then `parts` in order; checked as a whole. Throws WorkloadError. */
export function completeWorkload(...parts: readonly PartialWorkload[]): Workload {
  let all: Workload = DEFAULT_WORKLOAD;
  const validate = validator();
  for (const part of parts) {
    if (!validate(part)) throw new WorkloadError(wordsOf(validate.errors![0]!));
    all = {
      ...all,
      ...part,
      readers: { ...all.readers, ...part.readers },
      rcu: { ...all.rcu, ...part.rcu },
    };
  }
  const named = parts.some((part) => part.pv !== undefined);
  const machine = VARIANTS.find((v) => v.id === all.variant)?.machine;
  if (machine === 'pv-guest' && !named) all = { ...all, pv: true };
  try {
    freePath(all.variant, all.pv);
  } catch (error) {
    throw new WorkloadError((error as Error).message);
  }
  const busy = all.threads + all.readers.gup + all.readers.rcu;
  if (!parts.some((part) => part.spinners !== undefined))
    all = { ...all, spinners: Math.max(0, all.cpus - busy) };
  if (busy + all.spinners > all.cpus) {
    throw new WorkloadError(
      `${busy + all.spinners} threads (workers, readers, spinners) on ${all.cpus} CPUs: each needs a CPU of its own`,
    );
  }
  for (const [name, amount] of amountsOf(all)) {
    if (typeof amount !== 'number' && amount[0] > amount[1]) {
      throw new WorkloadError(`${name}: ${amount[0]} is more than ${amount[1]}`);
    }
  }
  return all;
}

const amountsOf = (w: Workload): (readonly [string, Amount])[] => [
  ['tables', w.tables],
  ['pagesPerTable', w.pagesPerTable],
  ['thinkUs', w.thinkUs],
  ['readers.holdUs', w.readers.holdUs],
  ['readers.pauseUs', w.readers.pauseUs],
  ['rcu.gracePeriodMs', w.rcu.gracePeriodMs],
];
