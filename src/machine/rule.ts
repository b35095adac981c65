/** A rule of the kernel that can be switched off by name, to get the bug it prevents. */
export interface MmuRule {
  readonly name: string;
  /** What goes wrong without it. */
  readonly broken: string;
  /** What the kernel does. */
  readonly rule: string;
  readonly source: string;
  /** Followed by the programs of `src/machine` only, not by the steps of a litmus test. */
  readonly machine?: true;
}
