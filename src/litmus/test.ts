/** A parsed litmus test: names, not yet numbers. Format: docs/litmus.md. */
export interface LitmusTest {
  readonly id: string;
  readonly title: string;
  readonly ref: string;
  readonly note: string;
  /** Table name → level 1…5. */
  readonly levels: ReadonlyMap<string, number>;
  readonly setup: readonly LitmusStep[];
  readonly orders: readonly LitmusOrder[];
}

/** One total order and what it must give. */
export interface LitmusOrder {
  readonly name: string;
  /** Variants it is about; empty: any. */
  readonly variants: readonly string[];
  /** Names of `MMU_RULES` that are switched off. */
  readonly broken: readonly string[];
  /** Ids of invariants, empty: silent. */
  readonly violates: readonly string[];
  readonly steps: readonly LitmusStep[];
}

export interface LitmusStep {
  /** CPU number, -1 for a device. */
  readonly cpu: number;
  /** Device number, -1 for a CPU. */
  readonly device: number;
  readonly op: string;
  readonly args: readonly string[];
  /** Line of the file, for messages; 0 for made-up steps. */
  readonly line: number;
}
