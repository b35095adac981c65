import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { afterAll, expect } from 'vitest';

/** Seconds of this process and of the children it waited for. */
function cpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / 100;
}

const log = process.env.PTTRACE_CPU_TIMES;
if (log !== undefined) {
  const start = cpuSeconds();
  afterAll(() => {
    const file = relative(process.cwd(), expect.getState().testPath ?? '');
    appendFileSync(log, `${(cpuSeconds() - start).toFixed(2)} ${file}\n`);
  });
}
