import { isTableFunc, OP, type Op } from '../kernel/ops.js';
import type { CallbackRec, CostSamples } from './recorded.js';

const MAX_PENDING = 1 << 20;
const MAX_KEPT = 1 << 18;

interface Running {
  readonly startNs: number;
  readonly table: boolean;
  readonly tables: number;
}

/** Follows RCU callbacks of any function from queueing to their start, and how long those of tables run. */
export class CallbackWatch {
  readonly callbacks: CallbackRec[] = [];
  /** Number of the operation now being told. */
  at = 0;
  private readonly samples: CostSamples;
  /** By key of the head: tracepoints print another (hashed) one than probes do. */
  private readonly traced = new Map<number, { cpu: number; ns: number }>();
  private readonly probed = new Map<number, { cpu: number; ns: number }>();
  private readonly running: (Running | null)[] = [];
  private readonly lastInvoke: number[] = [];
  private tracepoints = false;

  constructor(samples: CostSamples) {
    this.samples = samples;
  }

  /** A callback runs on this CPU: what the task there shows is not its own. */
  inside(cpu: number): boolean {
    return cpu >= 0 && this.running[cpu] != null;
  }

  /** The task below is back: whatever ran on top of it is over. */
  left(cpu: number): void {
    if (cpu >= 0 && this.running[cpu]) this.running[cpu] = null;
  }

  segment(): void {
    this.lost();
    this.traced.clear();
    this.probed.clear();
  }

  lost(): void {
    this.running.length = 0;
    this.lastInvoke.length = 0;
  }

  /** Returns the ns a table callback took that has just returned, otherwise null. */
  see(op: Op): number | null {
    switch (op.kind) {
      case OP.RQ:
        this.tracepoints = true;
        remember(this.traced, op.a0, op);
        return null;
      case OP.RI:
        this.invoked(op);
        return null;
      case OP.CR:
        remember(this.probed, op.a0, op);
        return null;
      case OP.CB:
        if (!this.tracepoints) this.ran(this.probed, op.a0, op);
        if (op.cpu >= 0)
          this.running[op.cpu] = {
            startNs: op.tsNs,
            table: isTableFunc(op.a1),
            tables: op.a3 > 0 ? op.a3 : op.nTables,
          };
        return null;
      case OP.CBret:
        return this.returned(op);
      default:
        return null;
    }
  }

  private invoked(op: Op): void {
    this.ran(this.traced, op.a0, op);
    if (op.cpu < 0) return;
    const before = this.lastInvoke[op.cpu];
    if (before !== undefined && op.tsNs - before < 1e6) this.samples.invoke.add(op.tsNs - before);
    this.lastInvoke[op.cpu] = op.tsNs;
    if (isTableFunc(op.a1)) this.lastInvoke.length = 0;
  }

  private returned(op: Op): number | null {
    const run = op.cpu >= 0 ? this.running[op.cpu] : null;
    if (!run) return null;
    this.running[op.cpu] = null;
    const ns = op.tsNs - run.startNs;
    if (!run.table || !(ns >= 0)) return null;
    if (run.tables > 0) this.samples.callbackTable.add(ns / run.tables);
    return ns;
  }

  private ran(from: Map<number, { cpu: number; ns: number }>, key: number, op: Op): void {
    const queued = from.get(key);
    if (!queued) return;
    from.delete(key);
    if (this.callbacks.length < MAX_KEPT && op.tsNs >= queued.ns) {
      this.callbacks.push({ cpu: queued.cpu, queuedNs: queued.ns, ranNs: op.tsNs, op: this.at });
    }
  }
}

function remember(map: Map<number, { cpu: number; ns: number }>, key: number, op: Op): void {
  if (!(key > 0) || (map.size >= MAX_PENDING && !map.has(key))) return;
  map.set(key, { cpu: op.cpu, ns: op.tsNs });
}
