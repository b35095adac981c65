import { isKnown } from '../timeline/is-known.js';

/** Physical address bits of an entry, as far as 53 bits reach (bit 52 and up are flags). */
const PHYS_LIMIT = 2 ** 52;

/** Page that the value of an entry points to. */
export const pfnOfEntry = (value: number): number => Math.floor((value % PHYS_LIMIT) / 4096);

const PRESENT = 0x01;
const HUGE_PAGE = 0x80;

/** The table a PMD entry points to; 0 if it points to none: empty, not present, or a huge page. */
export function tableOfPmd(value: number): number {
  if (!isKnown(value)) return value;
  const bits = value % 256;
  return (bits & PRESENT) !== 0 && (bits & HUGE_PAGE) === 0 ? pfnOfEntry(value) : 0;
}
