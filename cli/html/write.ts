import { writeFileSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { UsageError } from '../../src/result/usage-error.js';
import { sameFile } from '../same-file.js';

export const htmlFlag = {
  html: Flags.string({
    description: 'also write the report as one self-contained page, with pictures',
    helpValue: 'FILE',
  }),
};

/** Before the input is read. Throws UsageError where the page would take the place of an input. */
export function checkHtml(path: string | undefined, inputs: readonly string[]): void {
  if (path !== undefined && inputs.some((input) => sameFile(input, path)))
    throw new UsageError(`${path} is an input: give another file to write`);
}

/** Throws UsageError where it cannot be written. */
export function writePage(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}
