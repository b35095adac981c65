import type { Decoder } from '../kernel/decoder.js';
import type { FuncTable } from '../kernel/func-table.js';
import { OP, Op } from '../kernel/ops.js';
import type { RecordBatch } from '../timeline/batch.js';
import { type EventTable, LAST_RESERVED, RESERVED } from '../timeline/events.js';
import type { Interner } from '../timeline/interner.js';
import { isKnown } from '../timeline/is-known.js';
import { BodyArg } from './body-args.js';
import { GroupKeys, type KeyPart } from './group-keys.js';
import { Distribution, MAX_DURATION_NS } from './histogram/distribution.js';
import { NONE } from './open-pairs.js';
import { bodyKey, cpuKey, dec, threadKey } from './pair-keys.js';
import { pairNotes, type RowCounts } from './pair-notes.js';
import { type Cut, ENDED, PairMatcher } from './pairs.js';
import { RowRoles } from './row-roles.js';
import { ROLE, type Role, type SpanSource, syscallNumber } from './span-source.js';

/** Whether a row is asked for. Called for the row that ends a span, so not in the hot path of other rows. */
export type SpanFilter = (tsNs: number, cpu: number, pid: number, comm: number) => boolean;

export interface CollectorOptions {
  readonly source: SpanSource;
  readonly by?: readonly KeyPart[];
  readonly events: EventTable;
  readonly names: Interner;
  /** What `call_rcu` and callbacks mean; needed for sources of kind `rcu` only. */
  readonly funcs?: FuncTable | undefined;
  readonly decoder?: Decoder | undefined;
  /** Decides by the row that ends a span (or, without one, by its begin). */
  readonly filter?: SpanFilter | undefined;
  /** Told of every duration kept, in the order the spans ended, with the row that ended it. */
  readonly onSpan?:
    | ((group: number, durationNs: number, batch: RecordBatch, row: number) => void)
    | undefined;
  readonly exactLimit?: number | undefined;
  /**
   * RCU is seen by probes on `call_rcu` and the callback (rcu_head pointers) or by the rcu tracepoints (often hashed
   * pointers); the two do not compare. Default `probes`.
   */
  readonly rcuWay?: 'probes' | 'tracepoints' | undefined;
  readonly maxOpen?: number | undefined;
  /** Where no line names a thread begins and ends are matched by CPU, which `notes` tells; default: they are dropped. */
  readonly cpuForThread?: boolean | undefined;
}

export interface SpanGroup {
  /** Parts of the key, see `GroupKeys.text`. */
  readonly keys: string[];
  readonly durations: Distribution;
  readonly censored: Record<Cut, number>;
}

/** How people name the only argument of a callback. */
const CALLBACK_ARGS = ['head', 'rcu', 'rhp', 'arg1', 'di'].map((name) => new BodyArg(name));

interface Group {
  readonly durations: Distribution;
  readonly censored: Record<Cut, number>;
}

/**
 * Collects the durations of one `SpanSource` from a timeline, by group. Feed every row in order: rows of other events
 * tell where threads ran, and in-band facts (`RESERVED`) where the recording has holes.
 */
export class PairCollector {
  readonly source: SpanSource;
  readonly rows: RowCounts = { begins: 0, ends: 0, keyless: 0, keylessEnds: 0, measured: 0 };
  private readonly options: CollectorOptions;
  private readonly matcher: PairMatcher;
  private readonly keys: GroupKeys;
  private readonly groups: (Group | undefined)[] = [];
  private readonly roles: RowRoles;
  private readonly byThread: boolean;
  private readonly beginArg: BodyArg | null;
  private readonly endArg: BodyArg | null;
  private readonly op = new Op();
  private readonly func: number;
  private readonly number: number;
  /** Of the probe on call_rcu() that counts, see `RowRoles.ignored`. */
  private enqueueSymbol = '';
  /** Durations of function_graph that were printed without a number. */
  private unprinted = 0;
  /** The recorder does not mark what it lost. */
  private silentLoss = false;
  /** Rows without a thread that were matched by their CPU instead. */
  private byCpu = 0;
  private sawThread = false;
  /** Ends of an event pair without a begin. */
  private unmatched = 0;

  constructor(options: CollectorOptions) {
    const { source } = options;
    this.source = source;
    this.options = options;
    this.roles = new RowRoles(source, options.events);
    const match = source.kind === 'events' ? source.match : 'tid';
    this.byThread = source.kind !== 'rcu' && match === 'tid';
    this.beginArg = typeof match === 'object' ? new BodyArg(match.begin) : null;
    this.endArg = typeof match === 'object' ? new BodyArg(match.end) : null;
    this.func = source.kind === 'rcu' ? required(options.funcs).idOfName(source.name) : 0;
    if (source.kind === 'rcu') required(options.decoder);
    this.number = source.kind === 'syscall' ? syscallNumber(source.name) : Number.NaN;
    this.matcher = new PairMatcher(
      {
        discipline: source.kind === 'func' || source.kind === 'span' ? 'nested' : 'single',
        scope: this.byThread || match === 'cpu' ? 'thread' : 'everywhere',
        ...(options.maxOpen === undefined ? {} : { maxOpen: options.maxOpen }),
      },
      (open, slot, why) => {
        const { filter } = this.options;
        if (filter && !filter(open.startNs[slot]!, open.startCpu[slot]!, open.pid[slot]!, open.comm[slot]!)) {
          return;
        }
        this.group(this.keys.atBegin(open, slot)).censored[why]++;
      },
    );
    this.keys = new GroupKeys(options.by ?? [], options.names);
  }

  observeBatch(batch: RecordBatch): void {
    this.keys.input = batch.input;
    for (let row = 0; row < batch.length; row++) this.observe(batch, row);
  }

  observe(batch: RecordBatch, row: number): void {
    const event = batch.event[row]!;
    const role = this.roles.of(event);
    if (role === ROLE.none) {
      if (event <= LAST_RESERVED) this.fact(event, batch.cpu[row]!);
      else if (this.byThread) {
        this.matcher.touch(threadKey(batch.pid[row]!, batch.cpu[row]!), batch.cpu[row]!);
      }
      return;
    }
    this.act(role as Role, batch, row);
  }

  /** A new input begins: nothing is carried across. */
  segment(): void {
    this.matcher.segment();
  }

  finish(): void {
    this.matcher.finish();
  }

  get keyed(): boolean {
    return (this.options.by?.length ?? 0) > 0;
  }

  /** Ends before their begin, or 52 days after it; begins followed by another begin. */
  get dropped(): { readonly badClock: number; readonly restarted: number } {
    return { badClock: this.matcher.badClock, restarted: this.matcher.restarted };
  }

  /** All durations were measured by the recorder: no clock of the recording went into them. */
  get measured(): boolean {
    return this.rows.measured > 0 && this.rows.measured === this.rows.ends;
  }

  /** Groups that occurred, in the order they did. */
  results(): SpanGroup[] {
    const out: SpanGroup[] = [];
    this.groups.forEach((g, id) => {
      if (g) out.push({ keys: this.keys.text(id), durations: g.durations, censored: g.censored });
    });
    return out;
  }

  /** What the numbers leave out, in words. */
  notes(): string[] {
    const { matcher, rows, roles, source, byThread, silentLoss, byCpu, unmatched, unprinted } = this;
    const { ignored } = roles;
    const overflow = this.keys.overflow;
    return pairNotes({
      matcher,
      rows,
      ignored,
      source,
      byThread,
      silentLoss,
      byCpu,
      unmatched,
      unprinted,
      overflow,
    });
  }

  private act(role: Role, batch: RecordBatch, row: number): void {
    if (role === ROLE.begin) this.begin(batch, row, this.keyOf(batch, row, this.beginArg));
    else if (role === ROLE.end) this.end(batch, row, this.keyOf(batch, row, this.endArg));
    else if (role === ROLE.endBegin) {
      this.end(batch, row, this.keyOf(batch, row, this.endArg), true);
      this.begin(batch, row, this.keyOf(batch, row, this.beginArg));
    } else if (role === ROLE.printed) this.printed(batch, row);
    else if (role === ROLE.rcu || role === ROLE.callback) this.rcu(role, batch, row);
    else if (dec(batch, row, 'NR ') === this.number) {
      const key = this.keyOf(batch, row, null);
      if (role === ROLE.rawBegin) this.begin(batch, row, key);
      else this.end(batch, row, key);
    }
  }

  private begin(batch: RecordBatch, row: number, key: number): void {
    if (!isKnown(key)) {
      this.rows.keyless++;
      return;
    }
    this.rows.begins++;
    const slot = this.matcher.begin(key, batch.tsNs[row]!, batch.cpu[row]!);
    const { open } = this.matcher;
    open.comm[slot] = batch.comm[row]!;
    open.pid[slot] = batch.pid[row]!;
    open.tgid[slot] = batch.tgid[row]!;
    open.tag[slot] = this.keys.capture(batch, row, this.source.kind === 'syscall');
  }

  private end(batch: RecordBatch, row: number, key: number, quiet = false): void {
    if (!isKnown(key)) {
      this.rows.keyless++;
      this.rows.keylessEnds++;
      return;
    }
    this.rows.ends++;
    const { matcher } = this;
    const outcome = matcher.end(key, batch.tsNs[row]!, batch.cpu[row]!);
    if (!this.wanted(batch, row)) return;
    if (outcome === ENDED.span) this.add(batch, row, matcher.durationNs, matcher.tag);
    else if (outcome === ENDED.cut)
      this.group(this.keys.atEnd(batch, row, matcher.tag)).censored[matcher.cut]++;
    else if (outcome === ENDED.unmatched) {
      // A free pair of events promises no begin for every end; the first of a row of equal events ends nothing.
      if (this.source.kind !== 'events') this.group(this.keys.atEnd(batch, row, 0)).censored[matcher.cut]++;
      else if (!quiet) this.unmatched++;
    }
  }

  /** The kernel measured it; the entry row, if there is one, only says that it was open. */
  private printed(batch: RecordBatch, row: number): void {
    this.rows.ends++;
    this.rows.measured++;
    const key = this.keyOf(batch, row, null);
    let tag = 0;
    if (this.options.events.head(batch.event[row]!).stamp === 'end' && isKnown(key)) {
      if (this.matcher.end(key, batch.tsNs[row]!, batch.cpu[row]!) !== ENDED.unmatched)
        tag = this.matcher.tag;
    }
    if (!this.wanted(batch, row)) return;
    const duration = batch.aux[row]!;
    if (duration >= 0 && duration <= MAX_DURATION_NS) this.add(batch, row, duration, tag);
    else this.unprinted++;
  }

  private rcu(role: Role, batch: RecordBatch, row: number): void {
    const { op } = this;
    const pointers = this.options.rcuWay !== 'tracepoints';
    if (this.options.decoder!.decode(batch, row, op)) {
      if (op.a1 !== this.func) return;
      if (op.kind === OP.CR && pointers) this.enqueue(batch, row, op.a0);
      else if (op.kind === OP.RQ && !pointers) this.begin(batch, row, op.a0);
      else if ((op.kind === OP.CB && pointers) || (op.kind === OP.RI && !pointers))
        this.end(batch, row, op.a0);
      return;
    }
    if (role !== ROLE.callback || !pointers) return;
    let key = Number.NaN;
    for (let i = 0; i < CALLBACK_ARGS.length && !isKnown(key); i++)
      key = bodyKey(CALLBACK_ARGS[i]!, batch, row);
    this.end(batch, row, key);
  }

  /** `call_rcu()` calls `__call_rcu_common()`: with probes on both, the first is the begin. */
  private enqueue(batch: RecordBatch, row: number, head: number): void {
    const name = this.options.events.head(batch.event[row]!).symbol;
    if (this.enqueueSymbol === '') this.enqueueSymbol = name;
    if (name !== this.enqueueSymbol && this.matcher.open.find(head) !== NONE) this.roles.ignored.add(name);
    else this.begin(batch, row, head);
  }

  private add(batch: RecordBatch, row: number, durationNs: number, tag: number): void {
    const id = this.keys.atEnd(batch, row, tag);
    this.group(id).durations.add(durationNs);
    this.options.onSpan?.(id, durationNs, batch, row);
  }

  private wanted(batch: RecordBatch, row: number): boolean {
    const { filter } = this.options;
    return !filter || filter(batch.tsNs[row]!, batch.cpu[row]!, batch.pid[row]!, batch.comm[row]!);
  }

  private keyOf(batch: RecordBatch, row: number, arg: BodyArg | null): number {
    if (arg !== null) return bodyKey(arg, batch, row);
    if (this.source.kind === 'events') {
      if (this.source.match === 'none') return 0;
      if (this.source.match === 'cpu') return batch.cpu[row]! < 0 ? Number.NaN : batch.cpu[row]!;
    }
    const key = threadKey(batch.pid[row]!, batch.cpu[row]!);
    if (isKnown(key)) this.sawThread = true;
    const byCpu = this.source.kind === 'span' || (this.options.cpuForThread === true && !this.sawThread);
    if (isKnown(key) || !byCpu || batch.cpu[row]! < 0) return key;
    // function_graph without task names still nests per CPU.
    if (this.source.kind !== 'span') this.byCpu++;
    return cpuKey(batch.cpu[row]!);
  }

  private group(id: number): Group {
    let g = this.groups[id];
    if (g === undefined) {
      g = {
        durations: new Distribution(this.options.exactLimit),
        censored: { start: 0, end: 0, loss: 0, evicted: 0 },
      };
      this.groups[id] = g;
    }
    return g;
  }

  private fact(event: number, cpu: number): void {
    if (event === RESERVED.lost) this.matcher.lost(cpu);
    else if (event === RESERVED.segment) this.matcher.segment();
    else if (event === RESERVED.bufferStart) this.matcher.bufferStart(cpu);
    else if (event === RESERVED.silentLoss) this.silentLoss = true;
  }
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new TypeError('spans of RCU callbacks need funcs and a decoder');
  return part;
}
