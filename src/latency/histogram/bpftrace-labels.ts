/**
 * How each bpftrace release family words histogram rows, as data.
 * Sources: bpftrace src/output.cpp (`TextOutput::hist_to_str`, `lhist_to_str`, `hist_index_label`,
 * `lhist_index_label`) of v0.9, v0.17, v0.20, v0.21, v0.23; src/log/… text printer of v0.24 and later.
 */
export interface PrintRules {
  /** `@ns: ` — a blank between the colon and the newline. */
  readonly blankAfterColon: boolean;
  /** First bucket is `[0, 1]` and holds everything below 2; otherwise `(..., 0)`, `[0]`, `[1]`. */
  readonly zeroAndOneTogether: boolean;
  /** Suffixes of 2^10, 2^20 …; the last one goes on beyond its decade (`1024T`). */
  readonly suffixes: string;
  /** Values are sorted by a 32-bit log2: everything from 2^31 up lands in `[2G, 4G)`. */
  readonly log2Bits: 32 | 64;
  /** `hist(x, bits)` exists. */
  readonly bits: boolean;
  /** lhist labels use K and M only when the *step* is a multiple of 1024, not per number. */
  readonly lhistSuffixByStep: boolean;
  /** lhist with step 1 prints `[5]` instead of `[5, 6)` (where labels have no suffix). */
  readonly lhistSingle: boolean;
}

export const PRINT_FAMILIES = ['0.9', '0.10', '0.20', '0.21', '0.23', '0.24'] as const;
/** A family is named by its first release; `0.9` stands for that and everything before. */
export type PrintFamily = (typeof PRINT_FAMILIES)[number];
export const NEWEST_FAMILY: PrintFamily = '0.24';

const V09: PrintRules = {
  blankAfterColon: true,
  zeroAndOneTogether: true,
  suffixes: 'kMGT',
  log2Bits: 32,
  bits: false,
  lhistSuffixByStep: false,
  lhistSingle: false,
};
const V010: PrintRules = { ...V09, zeroAndOneTogether: false, suffixes: 'KMGT' };
const V020: PrintRules = { ...V010, suffixes: 'KMGTPE', log2Bits: 64, bits: true };
const V021: PrintRules = { ...V020, lhistSuffixByStep: true };
const V023: PrintRules = { ...V021, blankAfterColon: false };
const V024: PrintRules = { ...V023, lhistSingle: true };

export const PRINT_RULES: Readonly<Record<PrintFamily, PrintRules>> = {
  '0.9': V09,
  '0.10': V010,
  '0.20': V020,
  '0.21': V021,
  '0.23': V023,
  '0.24': V024,
};

/** Family of a release such as `0.17.0` or `v0.24.1`; null when the text is no version. */
export function printFamily(version: string): PrintFamily | null {
  const m = /^v?(\d+)\.(\d+)/.exec(version.trim());
  if (m === null) return null;
  const minor = Number(m[1]) > 0 ? Number.POSITIVE_INFINITY : Number(m[2]);
  let found: PrintFamily = '0.9';
  for (const family of PRINT_FAMILIES) if (Number(family.slice(2)) <= minor) found = family;
  return found;
}

/** Largest `bits` of `hist(x, bits)`. */
export const MAX_BITS = 5;

/** Bucket of an integer value, as the generated BPF code computes it. `value` may be a bigint beyond 2^53. */
export function histIndex(value: number | bigint, bits: number, rules: PrintRules): number {
  const v = BigInt(value);
  if (rules.zeroAndOneTogether) return v < 2n ? 0 : Math.min(31, msb(v));
  if (v < 0n) return 0;
  const n = BigInt(2 ** bits);
  if (v < n) return 1 + Number(v);
  const top = msb(v);
  if (rules.log2Bits === 32) return 2 + Math.min(31, top);
  return 1 + (top - bits + 1) * 2 ** bits + Number((v >> BigInt(top - bits)) & (n - 1n));
}

/** Half-open bounds `[low, high)` of a bucket; bucket 0 of the newer families starts at -∞. */
export function histBounds(index: number, bits: number, rules: PrintRules): { low: number; high: number } {
  if (rules.zeroAndOneTogether) return { low: index === 0 ? 0 : 2 ** index, high: 2 ** (index + 1) };
  if (index === 0) return { low: Number.NEGATIVE_INFINITY, high: 0 };
  return { low: histLow(index - 1, bits), high: histLow(index, bits) };
}

function histLow(j: number, bits: number): number {
  const n = 2 ** bits;
  if (j < n) return j;
  const p = Math.floor(j / n) - 1;
  return 2 ** p * (n + (j % n));
}

/** Row label of a hist() bucket. */
export function histLabel(index: number, bits: number, rules: PrintRules): string {
  if (rules.zeroAndOneTogether) {
    return index === 0 ? '[0, 1]' : `[${powerLabel(index, rules)}, ${powerLabel(index + 1, rules)})`;
  }
  if (index === 0) return '(..., 0)';
  if (index <= 2 * 2 ** bits) return `[${index - 1}]`;
  return `[${boundLabel(index - 1, bits, rules)}, ${boundLabel(index, bits, rules)})`;
}

/**
 * The suffix goes by the power `p` of the bucket's octave, not by the value: with bits = 3, 4096 stays `4096`
 * (8·2^9) and 8192 is `8K` (8·2^10).
 */
function boundLabel(j: number, bits: number, rules: PrintRules): string {
  const n = 2 ** bits;
  if (bits === 0) return powerLabel(j - 1, rules);
  const p = Math.floor(j / n) - 1;
  const decade = Math.min(Math.floor(p / 10), rules.suffixes.length);
  const number = 2 ** (p - decade * 10) * (n + (j % n));
  return `${number}${decade > 0 ? rules.suffixes[decade - 1]! : ''}`;
}

function powerLabel(power: number, rules: PrintRules): string {
  const decade = Math.min(Math.floor(power / 10), rules.suffixes.length);
  return `${2 ** (power - decade * 10)}${decade > 0 ? rules.suffixes[decade - 1]! : ''}`;
}

export interface LhistShape {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** Buckets of an lhist besides the two open ones. */
export function lhistBuckets(shape: LhistShape): number {
  return Math.trunc((shape.max - shape.min) / shape.step);
}

/** Bucket of a value: 0 below min, last at or above max. */
export function lhistIndex(value: number, shape: LhistShape): number {
  if (value < shape.min) return 0;
  if (value >= shape.max) return lhistBuckets(shape) + 1;
  return 1 + Math.floor((value - shape.min) / shape.step);
}

/** Row label of an lhist() bucket. */
export function lhistLabel(index: number, shape: LhistShape, rules: PrintRules): string {
  const { min, max, step } = shape;
  if (index === 0) return `(..., ${lhistNumber(min, step, rules)})`;
  if (index === lhistBuckets(shape) + 1) return `[${lhistNumber(max, step, rules)}, ...)`;
  const low = (index - 1) * step + min;
  if (rules.lhistSingle && step === 1) return `[${lhistNumber(low, step, rules)}]`;
  return `[${lhistNumber(low, step, rules)}, ${lhistNumber(low + step, step, rules)})`;
}

function lhistNumber(value: number, step: number, rules: PrintRules): string {
  if (value === 0 || (rules.lhistSuffixByStep && step % 1024 !== 0)) return String(value);
  if (value % 1048576 === 0) return `${value / 1048576}M`;
  return value % 1024 === 0 ? `${value / 1024}K` : String(value);
}

/** ⌊log2 v⌋, v > 0. */
function msb(v: bigint): number {
  return v.toString(2).length - 1;
}
