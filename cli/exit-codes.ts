/** What the process says to a script. Decided and set before the first byte of a report is written. */
export const EXIT = {
  /** Nothing violated; what stayed unknown is printed. */
  clean: 0,
  finding: 1,
  usage: 2,
  unreadable: 3,
  /** A fault of ours, or a report that could not be written whole. */
  internal: 4,
  interrupted: 130,
  hangup: 129,
  terminated: 143,
  /** The reader of a stream (convert, simulate) left before its end, as a program killed by SIGPIPE ends. */
  cutOff: 141,
} as const;
