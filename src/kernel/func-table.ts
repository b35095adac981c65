import { cleanSymbol, isDamaged } from '../timeline/events.js';
import { Interner } from '../timeline/interner.js';
import { FUNC, FUNC_FIRST_FREE } from './ops.js';

/** Number of a function (callback, IPI handler) or syscall; the well-known ones are in `FUNC`. */
export type FuncId = number;

/** Of a name that holds control bytes or bytes that are no UTF-8: no kernel has such a function. */
export const FUNC_DAMAGED: FuncId = -1;

/**
 * Names of functions and syscalls → `FuncId`. `f+0x0/0x40`, `f.cfi_jt`, `f [mod]` and `f` are the same function.
 * Raw bytes are looked up first, so a spelling costs a string only the first time it is seen.
 */
export class FuncTable {
  private readonly spellings = new Interner();
  private ids = new Int32Array(64);
  private readonly byName = new Map<string, FuncId>();
  private readonly names: string[] = [];

  constructor() {
    for (const [name, id] of Object.entries(FUNC)) {
      this.names[id] = id === FUNC.unknown ? '?' : name;
      if (id !== FUNC.unknown) this.byName.set(name, id);
    }
    if (this.names.length !== FUNC_FIRST_FREE) throw new Error('FUNC and FUNC_FIRST_FREE disagree');
  }

  /** Ids are below this. */
  get size(): number {
    return this.names.length;
  }

  /** Id of the function spelt `bytes[start, end)`; empty is `FUNC.unknown`. */
  idOf(bytes: Uint8Array, start: number, end: number): FuncId {
    if (end <= start) return FUNC.unknown;
    const spelling = this.spellings.intern(bytes, start, end);
    if (spelling < this.ids.length && this.ids[spelling] !== 0) return this.ids[spelling]!;
    if (spelling >= this.ids.length) {
      const bigger = new Int32Array(this.ids.length * 2);
      bigger.set(this.ids);
      this.ids = bigger;
    }
    const text = this.spellings.text(spelling);
    return (this.ids[spelling] = isDamaged(text) ? FUNC_DAMAGED : this.idOfName(text));
  }

  idOfName(text: string): FuncId {
    const name = cleanSymbol(text);
    if (name === '') return FUNC.unknown;
    let id = this.byName.get(name);
    if (id === undefined) {
      id = this.names.length;
      this.names.push(name);
      this.byName.set(name, id);
    }
    return id;
  }

  /** `?` for an unknown id. */
  name(id: FuncId): string {
    return this.names[id] ?? '?';
  }
}
