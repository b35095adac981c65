// trace.dat files put together from parts (trace-cmd.dat.v6.5 and .v7.5), so that damage reaches behind the first check.
import { deflateSync } from 'node:zlib';

const u16 = (n) => Buffer.from([n & 255, (n >>> 8) & 255]);
const u32 = (n) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n >>> 0);
  return b;
};
const u64 = (n) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt.asUintN(64, BigInt(n)));
  return b;
};
const blob64 = (b) => Buffer.concat([u64(b.length), b]);
const blob32 = (b) => Buffer.concat([u32(b.length), b]);
const zero = (text) => Buffer.from(`${text}\0`, 'latin1');

/** Parts of a v6 file. */
export function partsOf(b) {
  let p = 18;
  const sized = () => {
    const n = Number(b.readBigUInt64LE(p));
    p += 8 + n;
    return b.subarray(p - n, p);
  };
  const count = () => {
    p += 4;
    return b.readUInt32LE(p - 4);
  };
  const short = () => {
    const n = count();
    p += n;
    return b.subarray(p - n, p);
  };
  p += 12;
  const page = sized();
  p += 13;
  const event = sized();
  const ftrace = Array.from({ length: count() }, sized);
  const systems = Array.from({ length: count() }, () => {
    const end = b.indexOf(0, p);
    const name = b.toString('latin1', p, end);
    p = end + 1;
    return { name, formats: Array.from({ length: count() }, sized) };
  });
  const kallsyms = short();
  const printk = short();
  const cmdlines = sized();
  const cpus = count();
  const table = b.indexOf('flyrecord\0', p, 'latin1') + 10;
  const data = Array.from({ length: cpus }, (_, i) => {
    const at = Number(b.readBigUInt64LE(table + 16 * i));
    const size = Number(b.readBigUInt64LE(table + 16 * i + 8));
    const pages = [];
    for (let q = at; q < at + size; q += 4096) pages.push(b.subarray(q, q + 4096));
    return pages;
  });
  return { page, event, ftrace, systems, kallsyms, printk, cmdlines, data };
}

/** The parts that carry no CPU data, in file order, by section id. */
function sectionsOf(parts) {
  const list = (formats) => Buffer.concat([u32(formats.length), ...formats.map(blob64)]);
  return [
    [16, Buffer.concat([zero('header_page'), blob64(parts.page), zero('header_event'), blob64(parts.event)])],
    [17, list(parts.ftrace)],
    [
      18,
      Buffer.concat([
        u32(parts.systems.length),
        ...parts.systems.flatMap((s) => [zero(s.name), list(s.formats)]),
      ]),
    ],
    [19, blob32(parts.kallsyms)],
    [20, blob32(parts.printk)],
    [21, blob64(parts.cmdlines)],
  ];
}

const START = Buffer.from([0x17, 0x08, 0x44, ...Buffer.from('tracing', 'latin1')]);

/** Version 6. `how.options`: `[id, bytes]`, as they are to stand there. */
export function version6(parts, how) {
  const head = [START, zero('6'), Buffer.from([how.bigEndian ? 1 : 0, how.longSize]), u32(how.pageSize)];
  const options = how.options.map(([id, data]) => Buffer.concat([u16(id), u32(data.length), data]));
  const before = Buffer.concat([
    ...head,
    ...sectionsOf(parts).map(([, bytes]) => bytes),
    u32(parts.data.length),
    ...(options.length > 0 ? [zero('options  '), ...options, u16(0)] : []),
    zero('flyrecord'),
  ]);
  let at = before.length + 16 * parts.data.length;
  const table = [];
  for (const pages of parts.data) {
    const size = pages.reduce((sum, page) => sum + page.length, 0);
    table.push(u64(how.place(at)), u64(how.size(size)));
    at += size;
  }
  return Buffer.concat([before, ...table, ...parts.data.flat()]);
}

const packings = new WeakMap();
/** Parts that are as the fixture has them are packed once. */
function packedOnce(b) {
  let packed = packings.get(b);
  if (packed === undefined) {
    packed = deflateSync(b, { level: 1 });
    packings.set(b, packed);
  }
  return packed;
}

/**
 * Version 7, packed with zlib under `how.compression` unless it is `none`. `how.place`, `how.size` and `how.packed` may
 * change an offset, a size, or bytes that have been packed; `how.loop`: the options go on at themselves.
 */
export function version7(parts, how) {
  const packing = how.compression !== 'none';
  const head = Buffer.concat([
    START,
    zero('7'),
    Buffer.from([how.bigEndian ? 1 : 0, how.longSize]),
    u32(how.pageSize),
    zero(how.compression),
    zero('1.0'),
  ]);
  const out = [];
  let at = head.length + 8;
  const put = (b) => {
    out.push(b);
    at += b.length;
    return at - b.length;
  };
  const pack = (b) => how.packed(packedOnce(b));
  const section = (id, data) => {
    if (!packing || how.unpacked(id))
      return put(Buffer.concat([u16(id), u16(0), u32(0), u64(how.size(data.length)), data]));
    const packed = pack(data);
    const inner = [u32(packed.length), u32(how.size(data.length)), packed];
    return put(Buffer.concat([u16(id), u16(1), u32(0), u64(packed.length + 8), ...inner]));
  };
  const places = sectionsOf(parts).map(([id, data]) => [id, u64(how.place(section(id, data)))]);
  const buffers = how.instances.map((name) => {
    const flyrecord = put(Buffer.concat([u16(3), u16(packing ? 1 : 0), u32(0), u64(0)]));
    const table = [];
    parts.data.forEach((pages, i) => {
      let stored = Buffer.concat(pages);
      if (packing) {
        const chunks = pages.map((page) => {
          const packed = pack(page);
          return Buffer.concat([u32(how.size(packed.length)), u32(how.size(page.length)), packed]);
        });
        stored = Buffer.concat([u32(how.size(pages.length)), ...chunks]);
      }
      const size = stored.length - (packing ? 4 : 0);
      table.push(u32(how.cpu(i)), u64(how.place(put(stored))), u64(how.size(size)));
    });
    const count = u32(how.size(parts.data.length));
    return [
      3,
      Buffer.concat([u64(how.place(flyrecord)), zero(name), zero(how.clock), u32(4096), count, ...table]),
    ];
  });
  const option = ([id, data]) => Buffer.concat([u16(id), u32(how.size(data.length)), data]);
  const here = at;
  const body = Buffer.concat([
    ...[...places, ...buffers, ...how.options].map(option),
    option([0, u64(how.loop ? here : 0)]),
  ]);
  put(Buffer.concat([u16(0), u16(0), u32(0), u64(how.size(body.length)), body]));
  return Buffer.concat([head, u64(how.place(here)), ...out]);
}

export { u16, u32, u64 };
