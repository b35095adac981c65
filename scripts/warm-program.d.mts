/** Path of a program `pttrace` that runs that of `root` in one warm process, which ends with this one. */
export function warmProgram(root: string): string;
