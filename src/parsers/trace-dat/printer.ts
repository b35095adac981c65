import { BprintText } from './bprint.js';
import type { CpuStream, Merge } from './cpu-stream.js';
import type { EventFormat } from './event-format.js';
import { EventText } from './event-text.js';
import { callSite, graphDuration, HANDLERS, type Handler, type HandlerState } from './handlers.js';
import { type Knowledge, Record, type Value } from './record.js';
import type { Recording } from './recording.js';

interface Plan {
  readonly format: EventFormat;
  readonly handler: Handler | null;
  readonly text: EventText;
}

/** Makes the text of records as trace-cmd report prints it; one per pass, since some texts depend on earlier ones. */
export class Printer implements HandlerState {
  readonly stacks = new Map<number, string[]>();
  private readonly record = new Record();
  private readonly peeked = new Record();
  private readonly plans = new Map<number, Plan>();
  private readonly bprint = new BprintText();
  private readonly rec: Recording;
  private readonly knowledge: Knowledge;
  private readonly merge: Merge;
  private readonly returnFormat: EventFormat | undefined;
  private readonly plainChars: boolean;
  /** The current record has been left behind by `takeReturn`. */
  private moved = false;

  constructor(rec: Recording, knowledge: Knowledge, merge: Merge, plainChars: boolean) {
    this.rec = rec;
    this.knowledge = knowledge;
    this.merge = merge;
    this.plainChars = plainChars;
    for (const r of [this.record, this.peeked]) {
      r.littleEndian = rec.head.littleEndian;
      r.longSize = rec.head.longSize;
    }
    for (const f of rec.formats.values()) {
      if (f.system === 'ftrace' && f.name === 'funcgraph_exit') this.returnFormat = f;
    }
  }

  /** The record of `s` as a `Record`; reused by the next call. */
  load(s: CpuStream): Record {
    this.moved = false;
    return this.fill(this.record, s);
  }

  /** Text of the record last loaded. `merge` may have moved on to the next record: see `finish`. */
  text(format: EventFormat): string {
    this.moved = false;
    let plan = this.plans.get(format.id);
    if (plan === undefined) {
      const handler = HANDLERS.get(`${format.system}/${format.name}`) ?? null;
      this.plans.set(format.id, (plan = { format, handler, text: new EventText(format) }));
    }
    const r = this.record;
    const own = plan.handler?.(format, r, this.knowledge, this) ?? null;
    if (own !== null) return own;
    if (format.system === 'ftrace' && format.name === 'bprint')
      return this.bprint.render(format, r, this.knowledge);
    const prefix = format.system === 'kmem' ? callSite(format, r, this.knowledge) : '';
    return prefix + plan.text.render(r, this.knowledge, this.plainChars);
  }

  /** Duration of the function_graph return last loaded. */
  durationOf(format: EventFormat): bigint {
    this.moved = false;
    return graphDuration(format, this.record);
  }

  /** Duration of the function_graph entry last loaded when its return is the next record, which is taken then. */
  leafDuration(format: EventFormat): bigint | null {
    this.moved = false;
    const func = format.byName.get('func');
    if (func === undefined) return null;
    const pid = Number(this.record.read(this.rec.common.pidAt, 4)) | 0;
    return this.takeReturn(this.record.field(func), pid);
  }

  takeReturn(func: Value, pid: number): bigint | null {
    const f = this.returnFormat;
    if (f === undefined || this.moved) return null;
    this.merge.advance();
    this.moved = true;
    const next = this.merge.peek();
    if (next === null) return null;
    const r = this.fill(this.peeked, next);
    const c = this.rec.common;
    if (r.read(c.typeAt, c.typeSize) !== f.id || (Number(r.read(c.pidAt, 4)) | 0) !== pid) return null;
    const field = f.byName.get('func');
    if (field === undefined || r.field(field) !== func) return null;
    this.moved = false;
    return graphDuration(f, r);
  }

  /** After `text`: whether the merge still stands on a record that is done with. */
  get pending(): boolean {
    return !this.moved;
  }

  private fill(r: Record, s: CpuStream): Record {
    r.bytes = s.bytes;
    r.start = s.at;
    r.size = s.size;
    r.cpu = s.cpu;
    return r;
  }
}
