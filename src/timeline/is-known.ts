/**
 * Whether a number was given. What a trace does not say is NaN: a slot of an operation, a stamp, an id. The hot path
 * (`replay/step-*`, the line scanner) writes `x === x`, which is the same.
 */
export const isKnown = (value: number): boolean => value === value;
