export interface Counted {
  readonly hits: number;
  readonly of: number;
}

export interface SimulatedSides {
  /** Runs before and after. */
  readonly runs: readonly [number, number];
  /** Spread of runs of one kernel, of the logarithm; of each side where they differ. */
  readonly sd: number | readonly [number, number];
  /** Calls in a run. */
  readonly n: number;
  readonly pairs: number;
  readonly seed?: number;
}

/** `lib`: the functions of src/compare and src/latency that are simulated, by name. */
type Library = Readonly<Record<string, unknown>>;

export function nothing(lib: Library, options: SimulatedSides): Map<string, Counted>;
export function coverage(
  lib: Library,
  options: SimulatedSides & { readonly pool: number; readonly slow?: number; readonly paired?: boolean },
): Map<string, Counted>;
export function something(
  lib: Library,
  options: SimulatedSides & { readonly change: { readonly scale?: number; readonly slow?: number } },
): { slower: number; faster: number; of: number };
export function alone(
  lib: Library,
  options: { readonly n: number; readonly pairs: number; readonly slow?: number; readonly seed?: number },
): Map<string, Counted>;
