/** What the process says to a script. */
export const EXIT = {
  /** Nothing violated; what stayed unknown is printed. */
  clean: 0,
  finding: 1,
  usage: 2,
  unreadable: 3,
  internal: 4,
  interrupted: 130,
} as const;
