/**
 * A question that cannot be asked: a malformed flag, an unknown name, a file that cannot be written. The command line
 * ends with the code for wrong usage. A `RangeError` or `SyntaxError` of the language is never one: it is a fault of ours.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}
