import { UsageError } from '../result/usage-error.js';

/**
 * Offsets of struct members out of a kernel's BTF (/sys/kernel/btf/vmlinux; Documentation/bpf/btf.rst). Reads what that
 * takes and no more: structs, unions, and what leads from a member to its type.
 */

const MAGIC = 0xeb9f;
const KIND = {
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  funcProto: 13,
  variable: 14,
  datasec: 15,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
  int: 1,
} as const;
/** Bytes behind the common 12 of a type: fixed, and per `vlen`. */
const EXTRA: Readonly<Record<number, readonly [number, number]>> = {
  [KIND.int]: [4, 0],
  [KIND.array]: [12, 0],
  [KIND.struct]: [0, 12],
  [KIND.union]: [0, 12],
  [KIND.enum]: [0, 8],
  [KIND.funcProto]: [0, 8],
  [KIND.variable]: [4, 0],
  [KIND.datasec]: [0, 12],
  [KIND.declTag]: [4, 0],
  [KIND.enum64]: [0, 12],
};
const THROUGH: readonly number[] = [KIND.typedef, KIND.volatile, KIND.const, KIND.restrict, KIND.typeTag];
const MAX_DEPTH = 32;
/** Members looked at for one path; damage may make a struct that contains itself many times over. */
const MAX_MEMBERS = 100_000;

/** Types of one BTF blob by id. */
class Btf {
  private readonly view: DataView;
  /** Offset of each type in the blob. */
  private readonly at: number[] = [0];
  private readonly strings: number;
  private readonly bytes: Uint8Array;
  /** Struct by name; the first that has members. */
  private readonly structs = new Map<string, number>();
  private looks = 0;

  constructor(bytes: Uint8Array, wanted: ReadonlySet<string>) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { view } = this;
    if (bytes.length < 24 || view.getUint16(0, true) !== MAGIC) {
      throw new UsageError('byte 0: no BTF of a little-endian machine');
    }
    const header = view.getUint32(4, true);
    const start = header + view.getUint32(8, true);
    const end = start + view.getUint32(12, true);
    this.strings = header + view.getUint32(16, true);
    if (end > bytes.length) throw new UsageError(`byte ${bytes.length}: the BTF is cut off`);
    for (let p = start; p + 12 <= end; ) {
      const id = this.at.push(p) - 1;
      const info = view.getUint32(p + 4, true);
      const kind = (info >>> 24) & 0x1f;
      const members = info & 0xffff;
      if (kind === KIND.struct && members > 0) {
        const name = this.text(view.getUint32(p, true));
        if (wanted.has(name) && !this.structs.has(name)) this.structs.set(name, id);
      }
      const [fixed, each] = EXTRA[kind] ?? [0, 0];
      p += 12 + fixed + each * members;
    }
  }

  private text(offset: number): string {
    const start = this.strings + offset;
    const end = this.bytes.indexOf(0, start);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('latin1');
  }

  private kind(id: number): number {
    return (this.view.getUint32(this.at[id]! + 4, true) >>> 24) & 0x1f;
  }

  /** Behind typedefs and qualifiers. */
  private bare(id: number): number {
    let type = id;
    for (let i = 0; i < MAX_DEPTH && type > 0 && THROUGH.includes(this.kind(type)); i++) {
      type = this.view.getUint32(this.at[type]! + 8, true);
    }
    return type;
  }

  /** Bytes from the start of a struct to a member, `mm_struct.mmap_lock.count`; null if there is none. */
  offset(path: string): number | null {
    const [name, ...members] = path.split('.');
    const type = this.structs.get(name!);
    this.looks = 0;
    return type === undefined ? null : this.member(type, members, 0, 0);
  }

  private member(type: number, path: readonly string[], base: number, depth: number): number | null {
    const id = this.bare(type);
    const kind = id > 0 ? this.kind(id) : 0;
    if ((kind !== KIND.struct && kind !== KIND.union) || depth > MAX_DEPTH) return null;
    const p = this.at[id]!;
    const info = this.view.getUint32(p + 4, true);
    const bitfields = info >>> 31 === 1;
    for (let i = 0; i < (info & 0xffff); i++) {
      if (++this.looks > MAX_MEMBERS) return null;
      const m = p + 12 + 12 * i;
      const name = this.text(this.view.getUint32(m, true));
      const raw = this.view.getUint32(m + 8, true);
      const at = base + Math.floor((bitfields ? raw & 0xffffff : raw) / 8);
      const of = this.view.getUint32(m + 4, true);
      if (name === '') {
        const found = this.member(of, path, at, depth + 1);
        if (found !== null) return found;
      } else if (name === path[0]) {
        return path.length === 1 ? at : this.member(of, path.slice(1), at, depth + 1);
      }
    }
    return null;
  }
}

/** Offsets of the members that exist. Throws UsageError with the byte when this is no BTF. */
export function btfOffsets(bytes: Uint8Array, paths: readonly string[]): Map<string, number> {
  try {
    const btf = new Btf(bytes, new Set(paths.map((path) => path.split('.')[0]!)));
    const offsets = new Map<string, number>();
    for (const path of paths) {
      const offset = btf.offset(path);
      if (offset !== null) offsets.set(path, offset);
    }
    return offsets;
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError('the BTF is damaged: it points outside of itself');
    throw error;
  }
}
