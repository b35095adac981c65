import { spawn } from 'node:child_process';
import { look } from './look.js';

/** What the shell says of a command that does not exist. */
const NOT_FOUND = 127;

/** What of a terminal's stream is asked. */
export interface PagedStream {
  readonly isTTY?: boolean;
  readonly rows?: number;
}

/** The pager for a text of so many lines on this terminal; null: it is written straight. */
export function pagerFor(
  lines: number,
  out: PagedStream = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): string | null {
  if (!look().pager || out.isTTY !== true || env.TERM === 'dumb') return null;
  if (!out.rows || lines < out.rows) return null;
  const pager = env.PTTRACE_PAGER ?? env.PAGER ?? 'less';
  return pager.trim() === '' || pager.trim() === 'cat' ? null : pager;
}

/** Shows a text through a pager; false: there is no such program and nothing was shown. */
export async function page(text: string, pager: string): Promise<boolean> {
  const child = spawn('/bin/sh', ['-c', pager], {
    stdio: ['pipe', 'inherit', 'ignore'],
    // Ends by itself where all fits, keeps colours, leaves the text on the screen; as git does.
    env: { LESS: 'FRX', ...process.env },
  });
  // Ctrl-C is the pager's.
  const stay = (): void => {};
  process.on('SIGINT', stay);
  child.stdin.on('error', stay);
  child.stdin.end(text);
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(NOT_FOUND));
    child.on('close', resolve);
  });
  process.off('SIGINT', stay);
  return code !== NOT_FOUND;
}
