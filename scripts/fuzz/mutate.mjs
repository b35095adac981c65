// Seeded damage to bytes: the same seed gives the same inputs.

/** Random numbers in [0, 1) from a 32-bit state (mulberry32, by Tommy Ettinger; public domain algorithm). */
export function random(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Pieces that parsers trip over: numbers out of range, open brackets, other formats' marks, control bytes. */
const TOKENS = [
  '18446744073709551615',
  '-9223372036854775808',
  '99999999999999999999999999',
  '0x',
  '0xffffffffffffffffffff',
  '1e308',
  '-0',
  'NaN',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  '"',
  '\\',
  "'",
  '<',
  '>',
  '=',
  ':',
  ': ',
  ' -> ',
  ' <- ',
  ' => ',
  '#',
  '|',
  '[000]',
  '[99999]',
  '[4294967296]',
  '-1',
  '+0x',
  '...',
  '\n',
  '\r\n',
  '\r',
  '\n\n',
  '\t',
  '\0',
  '\x1b[31m',
  '\ufeff',
  'é',
  '\ud7ff',
  ' '.repeat(300),
  '9'.repeat(400),
  '[LINE TOO BIG]',
  'CPU:3 [LOST 99999999999 EVENTS]',
  '<stack trace>',
  '# tracer: nop',
  '#P:4294967295',
  'entries-in-buffer/entries-written: 1/18446744073709551615   #P:9',
  '##### CPU 99999 buffer started ####',
  'pttrace: RB kind=irq-off',
  'pttrace: ',
  'sys_munmap(',
  'sys_munmap -> 0x0',
  '<script class="trace-data">',
  '</script>',
  '@ns: ',
  '[1K, 2K)',
  '{"type": "printf", "data": "',
  'version = 7',
  'cpus=4',
  'Dumping ftrace buffer:',
  '[T1] ',
  '1) + 12.3 us |  f() {',
].map((t) => Buffer.from(t, 'utf8'));

const pick = (list, next) => list[Math.floor(next() * list.length)];
const at = (bytes, next) => Math.floor(next() * (bytes.length + 1));

const WAYS = [
  // flip one bit
  (b, next) => {
    if (b.length === 0) return b;
    const copy = Buffer.from(b);
    copy[Math.floor(next() * b.length)] ^= 1 << Math.floor(next() * 8);
    return copy;
  },
  // overwrite with random bytes
  (b, next) => {
    const copy = Buffer.from(b);
    const from = at(b, next);
    const to = Math.min(b.length, from + Math.ceil(next() * 20));
    for (let i = from; i < to; i++) copy[i] = Math.floor(next() * 256);
    return copy;
  },
  // remove a piece
  (b, next) => {
    const from = at(b, next);
    const length = Math.floor(next() ** 3 * Math.min(400, b.length));
    return Buffer.concat([b.subarray(0, from), b.subarray(from + length)]);
  },
  // repeat a piece
  (b, next) => {
    const from = at(b, next);
    const piece = b.subarray(from, from + Math.ceil(next() * 120));
    const times = 1 + Math.floor(next() ** 4 * 60);
    return Buffer.concat([
      b.subarray(0, from),
      ...Array.from({ length: times }, () => piece),
      b.subarray(from),
    ]);
  },
  // insert a token
  (b, next) => {
    const from = at(b, next);
    return Buffer.concat([b.subarray(0, from), pick(TOKENS, next), b.subarray(from)]);
  },
  // replace a run of digits
  (b, next) => {
    const text = b.toString('latin1');
    const runs = [...text.slice(0, 20_000).matchAll(/\d+/g)];
    if (runs.length === 0) return b;
    const run = pick(runs, next);
    const tail = b.subarray(run.index + run[0].length);
    return Buffer.concat([b.subarray(0, run.index), pick(TOKENS.slice(0, 8), next), tail]);
  },
  // cut
  (b, next) => b.subarray(0, at(b, next)),
  // swap two lines
  (b, next) => {
    const lines = b.toString('latin1').split('\n');
    const i = Math.floor(next() * lines.length);
    const j = Math.floor(next() * lines.length);
    [lines[i], lines[j]] = [lines[j], lines[i]];
    return Buffer.from(lines.join('\n'), 'latin1');
  },
];

/** One to six kinds of damage on top of each other; now and then the head of one fixture on the tail of another. */
export function mutate(bytes, others, next) {
  let b = bytes;
  if (next() < 0.1 && others.length > 0) {
    const other = pick(others, next);
    b = Buffer.concat([b.subarray(0, at(b, next)), other.subarray(at(other, next))]);
  }
  const times = 1 + Math.floor(next() * 6);
  for (let i = 0; i < times; i++) b = pick(WAYS, next)(b, next);
  return b;
}

/** Bytes that are no trace at all, some of them printable. */
export function noise(next) {
  const length = Math.floor(next() ** 2 * 4000);
  const printable = next() < 0.5;
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    b[i] = printable ? (next() < 0.03 ? 10 : 32 + Math.floor(next() * 95)) : Math.floor(next() * 256);
  }
  return b;
}
