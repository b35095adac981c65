import { Interner } from './interner.js';

/** Id of a distinct event *head*, see `EventTable`. */
export type EventId = number;

/** Rows that are not events of the recorder but facts about the recording, in band so that order is kept. */
export const RESERVED = {
  /** Never used for a row. */
  none: 0,
  /** Events were lost on `cpu` before this point; `aux` = how many, -1 unknown. */
  lost: 1,
  /** A new capture starts here (concatenated files, or time jumped back): nothing may be carried across. */
  segment: 2,
  /** Per-CPU history of `cpu` begins here (`##### CPU n buffer started ####`). */
  bufferStart: 3,
  /** The recorder tells of losses elsewhere (bpftrace: on its standard error): any of its events may be missing. */
  silentLoss: 4,
} as const;
/** `aux` of a `segment` that begins with a header of its own: nothing learnt of the kernel holds there. */
export const NEW_HEADER = 1;
/**
 * `aux` of a `silentLoss` that says more: missing is only what was hit inside the handler of another probe, or in an interrupt
 * of that. What a task itself does is never hit there.
 */
export const IN_HANDLERS = 1;
/** `aux` of a `silentLoss` behind which events come that are older than some before: they stand where they do not belong. */
export const MISPLACED = 2;
/** `aux` of a `bufferStart`: the ring buffers have overwritten events; those of this CPU before it may be among them. */
export const OVERWRITTEN = 1;
/** Ids above are events. */
export const LAST_RESERVED = 4;

/**
 * What sort of line an event head belongs to.
 * `probe`/`retprobe`: dynamic (k/u/f)probe, its symbol stands in parentheses on the line.
 */
export type EventKind =
  | 'reserved'
  | 'tracepoint'
  | 'probe'
  | 'retprobe'
  | 'function'
  | 'syscall-enter'
  | 'syscall-exit'
  | 'print'
  | 'span';

export interface EventHead {
  readonly kind: EventKind;
  /** Event name as printed (probe: the recorder's own choice); function: the function; syscall: without `sys_`. */
  readonly name: string;
  /**
   * Kernel symbol the event stands for, clean of `+0xoff/0xsize`, `.isra.0`, `.part.0`, `.cold`, `.cfi_jt`, ` [mod]`.
   * Probes: the probed function (retprobe: the function that returned). Function lines: the function itself.
   * Empty where the line names no symbol.
   */
  readonly symbol: string;
  /** Retprobe: function returned into, clean. Otherwise empty. */
  readonly caller: string;
  /** Spans only: which end of the span the row's time is; the other end lies `aux` ns away. */
  readonly stamp?: 'start' | 'end';
}

/**
 * Distinct event heads of a recording. A head is the constant first part of a body:
 * `tlb_flush`, `pte_free_tlb: (___pte_free_tlb+0x4/0x80)`, `sys_munmap(`, `sys_munmap ->`, `call_rcu <-`.
 * Parsed once per distinct head, so nothing about the name is worked out per event.
 */
export class EventTable {
  private readonly interner = new Interner();
  private readonly heads: EventHead[] = [];
  private readonly wrong: (string | null)[] = [];

  constructor() {
    for (const name of ['none', 'lost', 'segment', 'buffer-start', 'silent-loss']) {
      this.interner.internString(`\u0000${name}`);
      this.add({ kind: 'reserved', name, symbol: '', caller: '' });
    }
  }

  get size(): number {
    return this.heads.length;
  }

  /**
   * Id of the head whose bytes are `buf[start, end)`; `parse` is called only for bytes never seen before.
   * Dialects whose bytes would collide in meaning must intern different bytes.
   */
  intern(
    buf: Uint8Array,
    start: number,
    end: number,
    hash: number,
    parse: (text: string) => EventHead,
  ): EventId {
    const id = this.interner.internHashed(buf, start, end, hash);
    if (id === this.heads.length) this.add(parse(this.interner.text(id)));
    return id;
  }

  /** Slow path: intern a head by its parts (readers that already know kind and name). */
  internHead(key: string, head: EventHead): EventId {
    const id = this.interner.internString(key);
    if (id === this.heads.length) this.add(head);
    return id;
  }

  head(id: EventId): EventHead {
    return this.heads[id]!;
  }

  /** Why no recorder printed a line with this head; null if one may have. */
  whyNone(id: EventId): string | null {
    return this.wrong[id]!;
  }

  private add(head: EventHead): void {
    this.heads.push(head);
    this.wrong.push(head.kind === 'reserved' ? null : whyNoHead(head));
  }
}

/**
 * Control bytes, and bytes that are no UTF-8: what a crash or a bad block leaves. Events and symbols of the kernel are
 * C identifiers, and a name with such bytes would otherwise count as an event nobody knows, its real one as absent.
 */
const DAMAGE = /[\u0000-\u001f\u007f-\u009f\ufffd]/;

/** A name that no event, function or symbol has. */
export const isDamaged = (name: string): boolean => DAMAGE.test(name);

/** Brackets, and `=` but in perf's `cpu/event=0x3c/`: pieces of two lines that stand as one. */
const PIECES = /[()[\]{}<>]|^[^/]*=[^/]*$/;

function whyNoHead({ kind, name, symbol, caller }: EventHead): string | null {
  if (name === '' && symbol === '') return 'an event without a name';
  if (kind === 'tracepoint' && PIECES.test(name)) return 'an event whose name is put together from pieces';
  return isDamaged(name) || isDamaged(symbol) || isDamaged(caller)
    ? 'an event whose name is damaged (control bytes)'
    : null;
}

/** `tlb_remove_table_rcu.isra.0+0x4/0x40 [mod]` → `tlb_remove_table_rcu`. */
export function cleanSymbol(text: string): string {
  let s = text.trim();
  const mod = s.indexOf(' [');
  if (mod > 0) s = s.slice(0, mod);
  const plus = s.indexOf('+');
  if (plus > 0) s = s.slice(0, plus);
  return s.replace(/\.(?:isra|part|cold|constprop|cfi_jt|cfi|llvm|lto_priv)(?:\.\d+)*(?=\.|$)/g, '').trim();
}
