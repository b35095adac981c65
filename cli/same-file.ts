import { statSync } from 'node:fs';

/** Whether two paths lead to one stored file. Paths that lead nowhere are the same as nothing. */
export function sameFile(a: string, b: string): boolean {
  const [x, y] = [statOf(a), statOf(b)];
  return x?.isFile() === true && x.dev === y?.dev && x.ino === y.ino;
}

function statOf(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path);
  } catch {
    // A loop of links, a path through a file, a name too long.
    return undefined;
  }
}
