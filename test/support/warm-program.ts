import { warmProgram } from '../../scripts/warm-program.mjs';
import { builtCommand, ROOT } from './built.js';

let program: string | undefined;

/**
 * Path of a program `pttrace` for scripts that tests run: one process answers for all, a second of CPU time less for three
 * commands. Where the process itself is the subject, scripts get bin/run.js.
 */
export function warmPttrace(): string {
  builtCommand();
  program ??= warmProgram(ROOT);
  return program;
}
