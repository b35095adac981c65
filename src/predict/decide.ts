import { pathTo } from '../explore/path.js';
import { search } from '../explore/search.js';
import type { FreeStep } from '../kernel/variants.js';
import { compile } from '../machine/compile.js';
import type { FlushBy } from '../machine/kernel.js';
import { type RecordedStep, recordedProgram, type Under } from '../machine/recorded.js';
import { DEFAULTS, machineOf } from '../machine/scenario.js';
import type { FreedPath } from './freed.js';

/** What is known of the machine that was recorded. */
export interface Recorded {
  /** How flushes may have reached other CPUs. */
  readonly flushBy: readonly FlushBy[];
  /** The kernel's grace periods wait for CPUs with interrupts off (since 4.20). */
  readonly irqsOffIsReader: boolean;
  /** What the kernels that it can be do with a table for whose batch there is no memory. */
  readonly singlePaths: readonly (readonly FreeStep[])[];
}

export interface Answer {
  /** `candidate`: some order lets the walker use the table after its release. */
  readonly verdict: 'safe' | 'candidate' | 'unknown';
  /** What alone suffices (safe), or what is not shown (unknown). */
  readonly because: string;
  /** Steps of a way there, for a candidate. */
  readonly steps: readonly string[];
}

const LOCKS = 'its locks keep the walker out: it cannot find the entry and still be there';
const SUFFICES: Readonly<Record<RecordedStep, string>> = {
  flush: 'the flush waits for it: its interrupt is answered only when interrupts are on',
  'leaf-flush': 'the flush waits for it',
  'sync-ipi': 'the IPI to all CPUs waits for it',
  'sync-rcu': 'the grace period on the spot waits for it',
  'call-rcu': 'the grace period before the callback waits for it',
  free: '',
};
const UNDERS: readonly Under[] = ['munmap', 'reclaim', 'retract'];

/** Asks the machine, over all orders, whether a walker may use a table that was freed like this; each question once. */
export class Decider {
  private readonly recorded: Recorded;
  private readonly asked = new Map<string, readonly string[] | null>();

  constructor(recorded: Recorded) {
    this.recorded = recorded;
  }

  answer(path: FreedPath, reader: string): Answer {
    if (path.end === null)
      return unknown('it was released outside its task, and call_rcu() was not recorded');
    if (path.under === 'exit' && reader !== 'hardware' && reader !== 'lazy')
      return { verdict: 'safe', because: 'the mm has no user left: nobody walks it in software', steps: [] };
    const ways = this.possible(path);
    const unders = path.under === null ? UNDERS : [path.under === 'exit' ? 'munmap' : path.under];
    let bad: readonly string[] | null = null;
    let good: readonly RecordedStep[] | null = null;
    for (const under of unders) {
      for (const steps of ways) {
        for (const by of this.recorded.flushBy) {
          const way = this.unsafe(under, steps, reader, by);
          if (way) bad ??= way;
          else good ??= steps;
        }
      }
    }
    if (bad && good) return unknown(missing(path, this.mayWait(path), this.recorded.flushBy));
    if (bad) return { verdict: 'candidate', because: '', steps: bad };
    return { verdict: 'safe', because: this.reason(unders, good!, reader), steps: [] };
  }

  /** All that may have happened between unlink and release. */
  private possible(path: FreedPath): RecordedStep[][] {
    const may = this.mayWait(path);
    const flushes: RecordedStep[][] =
      path.flush === 'tables'
        ? [['flush']]
        : path.flush === 'leaf'
          ? [['leaf-flush']]
          : path.flush === 'no'
            ? [[]]
            : [[], ['flush']];
    const maybe = (seen: FreedPath['syncIpi'], step: RecordedStep, can: boolean): RecordedStep[][] =>
      seen === 'yes' ? [[step]] : seen === 'no' || !can ? [[]] : [[], [step]];
    const out: RecordedStep[][] = [];
    for (const flush of flushes)
      for (const ipi of maybe(path.syncIpi, 'sync-ipi', may.ipi))
        for (const rcu of maybe(path.syncRcu, 'sync-rcu', may.rcu))
          out.push([
            ...(path.flushLate ? [] : flush),
            ...ipi,
            ...rcu,
            ...endOf(path),
            ...(path.flushLate ? flush : []),
          ]);
    return out;
  }

  /** Waits that some kernel it can be puts there, unseen. */
  private mayWait(path: FreedPath): { readonly ipi: boolean; readonly rcu: boolean } {
    const paths = this.recorded.singlePaths.filter((p) => !path.ownIpi || p.includes('sync-ipi'));
    return {
      ipi: paths.some((p) => p.includes('sync-ipi')),
      rcu: path.end === 'free' && paths.some((p) => p.includes('sync-rcu')),
    };
  }

  /** What alone would do, whatever kept walkers out at the unlink. */
  private reason(unders: readonly Under[], steps: readonly RecordedStep[], reader: string): string {
    const alone = (step: RecordedStep | null): boolean => {
      const only: RecordedStep[] = step === 'call-rcu' ? [step] : [...(step ? [step] : []), 'free'];
      return unders.every((under) =>
        this.recorded.flushBy.every((by) => this.unsafe(under, only, reader, by) === null),
      );
    };
    if (alone(null)) return LOCKS;
    const enough = [...new Set(steps)].filter((step) => step !== 'free' && alone(step));
    return enough.length > 0
      ? enough.map((step) => SUFFICES[step]).join('; ')
      : `${steps.filter((step) => step !== 'free').join(' and ')} together wait for it`;
  }

  /** Steps of a way to an unsafe state; null: there is none. */
  private unsafe(
    under: Under,
    steps: readonly RecordedStep[],
    reader: string,
    flush: FlushBy,
  ): readonly string[] | null {
    const key = [under, steps.join(' '), reader, flush].join('|');
    const known = this.asked.get(key);
    if (known !== undefined) return known;
    const machine = machineOf(
      {
        ...DEFAULTS,
        program: 'recorded',
        readers: [reader],
        cpus: 2,
        flush,
        vcpus: flush === 'kvm',
        broken:
          !this.recorded.irqsOffIsReader && steps.some((s) => s.endsWith('rcu'))
            ? ['gp-ignores-irqs-off']
            : [],
      },
      recordedProgram(under, steps),
    );
    const compiled = compile(machine);
    const reached = search(compiled, {
      maxStates: 1e6,
      maxBytes: 1 << 28,
      symmetry: false,
      edges: false,
      reduce: false,
    });
    const [first] = reached.unsafe;
    const way = first
      ? pathTo(compiled, reached, first.state, false).map(
          ({ command }) => `${command.cpu < 0 ? 'RCU' : `CPU ${command.cpu}`}: ${command.text}`,
        )
      : null;
    this.asked.set(key, way);
    return way;
  }
}

const endOf = ({ end }: FreedPath): RecordedStep[] => (end === 'early' ? ['call-rcu', 'free'] : [end!]);

const unknown = (because: string): Answer => ({ verdict: 'unknown', because, steps: [] });

function missing(
  path: FreedPath,
  mayWait: { readonly ipi: boolean; readonly rcu: boolean },
  flushBy: readonly FlushBy[],
): string {
  const out: string[] = [];
  if (path.under === null)
    out.push('under which locks it was unlinked (no syscall, no reclaim probe around it)');
  if (path.flush === 'unknown') out.push('whether it was flushed (flush_tlb_mm_range)');
  if (path.syncIpi === 'unknown' && mayWait.ipi)
    out.push('whether an IPI to all CPUs came first (tlb_remove_table_sync_one)');
  if (path.syncRcu === 'unknown' && mayWait.rcu)
    out.push('whether a grace period was waited for (tlb_remove_table_sync_rcu)');
  if (out.length === 0 && flushBy.length > 1)
    out.push('how flushes reach other CPUs (IPI, hypercall, INVLPGB)');
  return `not shown: ${out.join('; ')}`;
}
