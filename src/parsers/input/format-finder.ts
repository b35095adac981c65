import { latin1 } from '../../timeline/batch.js';
import { type Layers, layersOf, withoutLayers } from '../mail/decorations.js';
import { type Detection, detect, SAMPLE } from './detect.js';
import { machinesIn } from './machines.js';
import { ownJson } from './own-json.js';
import { TraceError } from './trace-error.js';

/** How far into an input a trace is looked for: mail and boot logs come before some. */
const LOOK = 4 << 20;
const LF = 10;
/** Bytes at the begin of JSON that name its schema. */
const HEAD = 512;

/**
 * Gathers the first bytes of an input until they show its format: 64 KiB at a time, at most 4 MiB, the later parts
 * only when the earlier ones show no trace or just a few lines of one.
 */
export class FormatFinder {
  private readonly path: string;
  private readonly format: string | undefined;
  private readonly machine: string;
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  /** Where the next part to look at begins. */
  private from = 0;
  private weak: Detection | null = null;
  private refusal: TraceError | null = null;
  /** What stands around the lines of the part that showed the format. */
  layers: Layers | null = null;

  constructor(path: string, format: string | undefined, machine: string) {
    this.path = path;
    this.format = format;
    this.machine = machine;
  }

  /** The format as soon as it is known. Throws as `detect` for contents that no later part can explain. */
  add(chunk: Uint8Array): Detection | null {
    // A Buffer's own slice would be a view of bytes that are overwritten.
    this.held.push(Uint8Array.prototype.slice.call(chunk));
    this.heldBytes += chunk.length;
    while (this.heldBytes - this.from >= SAMPLE) {
      const found = this.look(this.from + SAMPLE);
      if (found?.sure) return found;
      if (this.heldBytes >= LOOK) return this.settle();
    }
    return null;
  }

  /** End of input. Throws as `detect`. */
  finish(): Detection {
    const found = this.look(this.heldBytes);
    return found?.sure ? found : this.settle();
  }

  /** What was gathered, from the input's first byte on; nothing is held afterwards. */
  take(): Uint8Array {
    const all = this.joined();
    this.held = [];
    return all;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  private look(to: number): Detection | null {
    const part = this.joined().subarray(this.from, to);
    try {
      if (this.from === 0) this.refuseOwn(part);
      if (this.machine !== '' && this.from === 0) this.checkMachine(part);
      const layers = layersOf(part, this.machine);
      const found = detect(layers ? withoutLayers(part, layers) : part, this.path, this.format);
      if (this.layers === null || found.sure) this.layers = layers;
      this.from = nextStart(part, this.from);
      if (!found.sure && this.weak === null) this.weak = found;
      return found;
    } catch (error) {
      const later = error instanceof TraceError && (error.code === 'unknown-format' || this.from > 0);
      if (!later || this.format !== undefined) throw error;
      this.refusal ??= error;
      this.from = nextStart(part, this.from);
      return null;
    }
  }

  private refuseOwn(part: Uint8Array): void {
    const what = this.format === undefined ? ownJson(latin1(part, 0, Math.min(part.length, HEAD))) : null;
    if (what !== null) throw new TraceError('unsupported-format', what, { path: this.path, offset: 0 });
  }

  private checkMachine(part: Uint8Array): void {
    const there = machinesIn(latin1(part, 0, Math.min(part.length, SAMPLE)));
    if (there.includes(this.machine)) return;
    const what =
      there.length === 0
        ? `is of one machine: it has no part called "${this.machine}"`
        : `has no machine called "${this.machine}", only ${there.join(', ')}`;
    throw new TraceError('not-found', what, { path: this.path });
  }

  private settle(): Detection {
    if (this.weak) return this.weak;
    throw this.refusal!;
  }

  private joined(): Uint8Array {
    if (this.held.length === 1) return this.held[0]!;
    const all = new Uint8Array(this.heldBytes);
    let at = 0;
    for (const part of this.held) {
      all.set(part, at);
      at += part.length;
    }
    this.held = [all];
    return all;
  }
}

/** Parts begin at a line's begin, so that no line is torn in two. */
function nextStart(part: Uint8Array, from: number): number {
  const lf = part.lastIndexOf(LF);
  return from + (lf > 0 ? lf + 1 : part.length);
}
