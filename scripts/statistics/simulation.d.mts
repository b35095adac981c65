export interface SimulatedRate {
  readonly what: string;
  readonly hits: number;
  readonly of: number;
  readonly rate: number;
  readonly least: number;
  readonly most: number;
  readonly within: boolean;
}

/** `lib`: the functions of src/latency that are simulated, by name. */
export function simulate(
  lib: Readonly<Record<string, unknown>>,
  options: { pairs: number; bootstrapPairs: number; seed?: number; n?: number },
): SimulatedRate[];
