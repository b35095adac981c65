/** Invariants that no damage of a recording breaks, and why: only litmus tests and markers show what they are about. */
export const NOT_BY_DAMAGE: Readonly<Record<string, string>> = {};
