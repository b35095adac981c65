/** One made log: `wrong` names the rules of which one has to be violated; without, nothing may be. */
export interface NearCase {
  readonly name: string;
  readonly text: string;
  readonly wrong?: readonly string[];
  /** Release of the kernel, where the rule depends on it. */
  readonly kernel?: string;
  /** Wrong, and yet nothing but unknown can be said of it, with this reason. */
  readonly undecided?: RegExp;
}
