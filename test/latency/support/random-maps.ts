/** One random map: what goes in, key by key. */
export interface MadeMap {
  readonly name: string;
  readonly kind: 'hist' | 'lhist';
  readonly shape?: { readonly min: number; readonly max: number; readonly step: number };
  readonly keys: readonly {
    readonly key: string | number | null;
    /** Value and how often it is counted. */
    readonly values: readonly (readonly [value: number, times: number])[];
  }[];
}

/** xorshift32: the same maps for the same seed, everywhere. */
export class RandomMaps {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const SHAPES = [
  { min: 0, max: 100, step: 10 },
  { min: 0, max: 10, step: 1 },
  { min: 100, max: 200, step: 25 },
  { min: 0, max: 10240, step: 1024 },
  { min: 1000, max: 9000, step: 1000 },
  { min: 0, max: 4194304, step: 524288 },
  { min: 512, max: 100000, step: 4096 },
  { min: 3, max: 50, step: 7 },
] as const;

/** The program runs this often; a value is counted in the first `times` of them. */
const TICKS = 12;

export function makeMap(random: RandomMaps, index: number): MadeMap {
  const shape = random.below(3) === 0 ? random.pick(SHAPES) : undefined;
  const value = (): number => {
    if (shape)
      return Math.max(0, shape.min - shape.step) + random.below(shape.max - shape.min + 3 * shape.step);
    const r = random.below(20);
    if (r === 0) return -1 - random.below(1000);
    if (r === 1) return random.below(3);
    if (r === 2) return 2 ** (31 + random.below(20)) + random.below(1000);
    return Math.floor(2 ** random.below(32)) + random.below(1000);
  };
  const fill = (): [number, number][] =>
    Array.from({ length: 1 + random.below(5) }, () => [value(), random.pick([1, 1, 2, 3, 7, TICKS])]);
  // Every third map has equal totals, to show the order of ties.
  const same = random.below(3) === 0 ? fill() : null;
  const keys = random.pick([
    () => [null],
    () => [null],
    () => ['stress-ng', 'stress-ng-mmap', 'a', 'b]:', ''].slice(0, 1 + random.below(4)),
    () => [1, 2, 256, 257, 65536, -1].slice(random.below(3), 3 + random.below(3)),
    () => ['x, 1', 'x, 256', 'y, 2'].slice(0, 1 + random.below(3)),
  ])() as (string | number | null)[];
  return {
    name: `@m${String(index).padStart(3, '0')}`,
    kind: shape ? 'lhist' : 'hist',
    ...(shape ? { shape } : {}),
    keys: keys.map((key) => ({ key, values: same ?? fill() })),
  };
}

/** A bpftrace program that counts the maps from interval probes, which need no kernel set-up. */
export function mapsProgram(maps: readonly MadeMap[]): string {
  const lines: string[] = [];
  const part = (k: string): string => (/^-?\d+$/.test(k) ? k : JSON.stringify(k));
  for (const m of maps) {
    for (const { key, values } of m.keys) {
      const index = key === null ? '' : `[${String(key).split(', ').map(part).join(', ')}]`;
      for (const [value, times] of values) {
        const limits = m.shape ? `, ${m.shape.min}, ${m.shape.max}, ${m.shape.step}` : '';
        lines.push(`if (@i < ${times}) { ${m.name}${index} = ${m.kind}(${value}${limits}); }`);
      }
    }
  }
  return `interval:ms:1 /@i < ${TICKS}/ {\n${lines.join('\n')}\n@i++;\n}\ninterval:ms:1 /@i >= ${TICKS}/ { exit(); }\nEND { clear(@i); }\n`;
}
