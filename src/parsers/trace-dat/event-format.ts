/** One field of an event, from its format file. */
export interface FormatField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly isArray: boolean;
  /** Character data. */
  readonly isString: boolean;
  readonly isPointer: boolean;
  /** `long` in the type: raw printing shows it in hex. */
  readonly isLong: boolean;
  /** `__data_loc` (`data`: offset from the record) or `__rel_loc` (`relative`: from behind the field). */
  readonly dynamic: 'no' | 'data' | 'relative';
  /** Bytes of an array element; of the value itself otherwise. */
  readonly elementSize: number;
  readonly common: boolean;
}

export interface EventFormat {
  readonly system: string;
  readonly name: string;
  readonly id: number;
  readonly fields: readonly FormatField[];
  readonly byName: ReadonlyMap<string, FormatField>;
  /** What follows `print fmt: `, empty when there is none. */
  readonly printFmt: string;
}

/** Parses `events/SYSTEM/EVENT/format`; null when it has no name or id. */
export function parseEventFormat(system: string, bytes: Uint8Array, longSize: number): EventFormat | null {
  const text = new TextDecoder('latin1').decode(bytes);
  const name = /^name: (\S+)/m.exec(text)?.[1];
  const id = /^ID: (\d{1,9})/m.exec(text)?.[1];
  if (name === undefined || id === undefined) return null;
  const fields: FormatField[] = [];
  const byName = new Map<string, FormatField>();
  const stop = text.indexOf('\nprint fmt:');
  for (const line of (stop < 0 ? text : text.slice(0, stop)).split('\n')) {
    const m = /^\s*field:(.*);\s*offset:(\d{1,7});\s*size:(-?\d{1,7});(?:\s*signed:(-?\d+);)?/.exec(line);
    if (m === null) continue;
    const field = parseField(m[1]!, Number(m[2]), Math.max(0, Number(m[3])), m[4], longSize);
    fields.push(field);
    if (!byName.has(field.name)) byName.set(field.name, field);
  }
  const printFmt = stop < 0 ? '' : text.slice(stop + 11).trim();
  return { system, name, id: Number(id), fields, byName, printFmt };
}

function parseField(
  declaration: string,
  offset: number,
  size: number,
  signed: string | undefined,
  longSize: number,
): FormatField {
  const dynamic = declaration.includes('__data_loc')
    ? 'data'
    : declaration.includes('__rel_loc')
      ? 'relative'
      : 'no';
  const plain = declaration
    .replace(/__(?:data|rel)_loc/, '')
    .replace(/__attribute__\s*\(\(.*?\)\)/g, '')
    .trim();
  const m = /^(.*?)(\w+)((?:\s*\[[^\]]*\])*)$/.exec(plain);
  const type = (m?.[1] ?? '').trim();
  const name = m?.[2] ?? plain;
  const brackets = m?.[3] ?? '';
  // `__data_loc char[] name`: the brackets stand with the type.
  const isArray = brackets !== '' || dynamic !== 'no' || type.includes('[');
  const isPointer = type.includes('*');
  const base = type.replace(/\[[^\]]*\]/g, '').trim();
  const count = Number(/\[(\d+)\]/.exec(brackets)?.[1] ?? 0);
  let elementSize = size;
  if (dynamic !== 'no') elementSize = sizeOfType(base, longSize);
  else if (isArray) elementSize = count > 0 && size % count === 0 ? size / count : sizeOfType(base, longSize);
  return {
    name,
    offset,
    size,
    signed: signed === '1',
    isArray,
    isString:
      isArray && !isPointer && /\b(?:char|u8|s8|bool)\b/.test(base) && !/\bu8\b|\bs8\b|\bbool\b/.test(base),
    isPointer,
    isLong: /\blong\b/.test(base) && !isArray,
    dynamic,
    elementSize: elementSize || 1,
    common: name.startsWith('common_'),
  };
}

/** Bytes of a C type by name; longs follow the recorded kernel. */
export function sizeOfType(type: string, longSize: number): number {
  const t = type.replace(/\b(?:const|volatile|unsigned|signed|struct|enum)\b/g, '').trim();
  if (type.includes('*')) return longSize;
  if (/\blong\s+long\b/.test(t)) return 8;
  if (/^(?:char|u8|s8|__u8|__s8|bool|uint8_t|int8_t)$/.test(t)) return 1;
  if (/^(?:short|u16|s16|__u16|__s16|__le16|__be16|uint16_t|int16_t|short int)$/.test(t)) return 2;
  if (/^(?:int|u32|s32|__u32|__s32|__le32|__be32|uint32_t|int32_t|gfp_t|pid_t|dev_t|uid_t|)$/.test(t))
    return 4;
  if (/^(?:u64|s64|__u64|__s64|__le64|__be64|uint64_t|int64_t|loff_t|sector_t)$/.test(t)) return 8;
  return /\blong\b|size_t|uintptr_t/.test(t) ? longSize : 4;
}
