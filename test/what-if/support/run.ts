import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type WhatIfDetail, type WhatIfOptions, whatIfDetail } from '../../../src/what-if/what-if.js';

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/replay/${name}`, import.meta.url));

/** What-if of a recording given as text. */
export function ofText(
  text: string,
  target: string,
  more: Partial<WhatIfOptions> = {},
): Promise<WhatIfDetail> {
  return whatIfDetail({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]), target, ...more });
}

export const ofFile = (
  name: string,
  target: string,
  more: Partial<WhatIfOptions> = {},
): Promise<WhatIfDetail> => whatIfDetail({ paths: [fixture(name)], target, ...more });

export const count = (d: WhatIfDetail, name: string): (number | null)[] => {
  const c = d.report.counts.find((x) => x.name === name)!;
  return [c.before, c.after];
};
