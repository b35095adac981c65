/** A binary recording that cannot be read (further): where it broke and why. What was read before stays valid. */
export class TraceError extends Error {
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;

  constructor(file: string, offset: number, message: string) {
    super(`${file}: byte ${offset}: ${message}`);
    this.name = 'TraceError';
    this.file = file;
    this.offset = offset;
  }
}
