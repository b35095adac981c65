import { cleanSymbol, isDamaged } from '../timeline/events.js';
import { Interner } from '../timeline/interner.js';
import { FUNC, FUNC_ADDRESS, FUNC_FIRST_FREE } from './ops.js';

/** Number of a function (callback, IPI handler) or syscall; the well-known ones are in `FUNC`. */
export type FuncId = number;

/** Of a name that holds control bytes or bytes that are no UTF-8: no kernel has such a function. */
export const FUNC_DAMAGED: FuncId = -1;

/** What is printed of a function whose name is not known: its address. */
const ADDRESS = /^(?:0x)?([0-9a-f]{16})$/;

/**
 * Names of functions and syscalls → `FuncId`. `f+0x0/0x40`, `f.cfi_jt`, `f [mod]` and `f` are the same function.
 * Raw bytes are looked up first, so a spelling costs a string only the first time it is seen.
 */
export class FuncTable {
  private readonly spellings = new Interner();
  private ids = new Int32Array(64);
  private readonly byName = new Map<string, FuncId>();
  private readonly names: string[] = [];
  /** Addresses, in the order of their numbers. */
  private readonly addressOf: string[] = [];
  /** By address, without `0x`: the function there, or a number of its own from `FUNC_ADDRESS` until its name is known. */
  private readonly atAddress = new Map<string, FuncId>();

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

  /** Addresses in place of names that were seen so far. */
  get addresses(): number {
    return this.addressOf.length;
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
    const address = ADDRESS.exec(name)?.[1];
    if (address !== undefined) return this.ofAddress(address);
    let id = this.byName.get(name);
    if (id === undefined) {
      id = this.names.length;
      this.names.push(name);
      this.byName.set(name, id);
    }
    return id;
  }

  /** Says which function lies at `address`, hexadecimal digits without `0x`. */
  nameAddress(address: string, func: FuncId): void {
    const before = this.atAddress.get(address);
    this.atAddress.set(address, func);
    if (before === undefined) return;
    for (let k = 0; k < this.ids.length; k++) if (this.ids[k] === before) this.ids[k] = func;
  }

  private ofAddress(address: string): FuncId {
    let func = this.atAddress.get(address);
    if (func === undefined) {
      func = FUNC_ADDRESS + this.addressOf.push(`0x${address}`) - 1;
      this.atAddress.set(address, func);
    }
    return func;
  }

  /** `?` for an unknown id, `0x…` for an address. */
  name(id: FuncId): string {
    return (id < FUNC_ADDRESS ? this.names[id] : this.addressOf[id - FUNC_ADDRESS]) ?? '?';
  }
}
