import { BaseLearner } from '../kernel/base-learner.js';
import { type Bases, makeBases, type Tops, unknownBases } from '../kernel/bases.js';
import { Decoder } from '../kernel/decoder.js';
import type { FuncTable } from '../kernel/func-table.js';
import type { ProbesFile } from '../kernel/probes-file.js';
import type { RecordBatch } from '../timeline/batch.js';
import { type EventTable, LAST_RESERVED } from '../timeline/events.js';
import type { Interner } from '../timeline/interner.js';
import { isKnown } from '../timeline/is-known.js';
import type { TimeBase } from '../timeline/time-base.js';
import { copyBatch, HoldBack, nextCapture } from '../timeline/window.js';

export interface Pipeline {
  readonly names: Interner;
  readonly events: EventTable;
  readonly time: TimeBase;
  readonly funcs: FuncTable;
}

/** What consumes the timeline once the bases are known. */
export interface Consumer {
  batch(batch: RecordBatch): void;
  /** A new capture begins. */
  boundary(): void;
}

/** What is known of the recorded kernel before its first event: from flags, else from the recording itself. */
export interface Known {
  readonly vmemmap: number;
  readonly directMap: number;
  readonly tops: Tops;
  readonly complete: boolean;
  readonly how: string;
  readonly probes: ProbesFile | undefined;
}

/** Bodies held back at most while the address bases are being learnt. */
const LEARN_BYTES = 16 << 20;

/**
 * Lets batches pass once it is known where the kernel of their capture has its pages. A file may hold captures of several
 * boots: each is held back anew. One that shows too little is read by what was known before.
 */
export class Captures {
  bases: Bases = unknownBases();
  private readonly pipeline: Pipeline;
  private readonly known: () => Known;
  private readonly consume: (decoder: Decoder, bases: Bases) => Consumer;
  private decoder: Decoder | null = null;
  private consumer: Consumer | null = null;
  private hold: HoldBack;

  constructor(pipeline: Pipeline, known: () => Known, consume: (decoder: Decoder, bases: Bases) => Consumer) {
    this.pipeline = pipeline;
    this.known = known;
    this.consume = consume;
    this.hold = this.begin();
  }

  push(batch: RecordBatch): void {
    let from = 0;
    for (let at = nextCapture(batch, 0); at >= 0; at = nextCapture(batch, at + 1)) {
      if (at > from) this.hold.push(copyBatch(batch, from, at));
      this.next();
      from = at;
    }
    this.hold.push(from === 0 ? batch : copyBatch(batch, from));
  }

  /** Other inputs follow. */
  boundary(): void {
    this.next();
    this.consumer!.boundary();
  }

  /** End of the stream. */
  release(): void {
    this.hold.release();
  }

  private next(): void {
    this.hold.release();
    this.hold = this.begin();
  }

  private begin(): HoldBack {
    const { events, funcs } = this.pipeline;
    let known: Known | null = null;
    let learner: BaseLearner | null = null;
    return new HoldBack(
      LEARN_BYTES,
      (batch) => {
        // What the recording says of itself stands before its first event.
        if (batch.event.subarray(0, batch.length).every((event) => event <= LAST_RESERVED)) return false;
        known ??= this.known();
        if (known.complete) return true;
        learner ??= new BaseLearner({
          events,
          funcs,
          before: this.decoder?.bases ?? this.bases,
          ...withProbes(known),
        });
        learner.observe(batch);
        return learner.done();
      },
      () => {
        known ??= this.known();
        this.found(known, basesOf(known, learner ?? new BaseLearner({ events, funcs })));
      },
      (batch) => this.consumer!.batch(batch),
    );
  }

  private found(known: Known, bases: Bases): void {
    if (this.decoder === null) {
      const { events, funcs } = this.pipeline;
      this.bases = bases;
      this.decoder = new Decoder({ events, funcs, bases, ...withProbes(known) });
      this.consumer = this.consume(this.decoder, bases);
    } else if (isKnown(bases.vmemmap) || isKnown(bases.directMap)) this.decoder.rebase(bases);
  }
}

const withProbes = (known: Known): { probes?: ProbesFile } => (known.probes ? { probes: known.probes } : {});

function basesOf(known: Known, learner: BaseLearner): Bases {
  if (known.complete) return makeBases(known.vmemmap, known.directMap, known.how, known.tops);
  const learnt = learner.finish();
  const some = isKnown(known.vmemmap) || isKnown(known.directMap);
  return makeBases(
    isKnown(known.vmemmap) ? known.vmemmap : learnt.vmemmap,
    isKnown(known.directMap) ? known.directMap : learnt.directMap,
    some ? `partly ${known.how}; ${learnt.how}` : learnt.how,
    {
      vmemmap: (isKnown(known.vmemmap) ? known : learnt).tops.vmemmap,
      directMap: (isKnown(known.directMap) ? known : learnt).tops.directMap,
    },
  );
}
