import type { Reader } from '../state/contexts.js';

/** Of what one section spans so much is remembered: its first violations are enough, and it may never end. */
const MAX_OVERLAPS = 256;

export const SPANS_TOO_MUCH = `a reader section spans more than ${MAX_OVERLAPS} releases or callbacks`;

/** Notes what happened while the section was open, to be judged at its end; false: no room. */
export function remember(reader: Reader, overlap: Reader['overlaps'][number]): boolean {
  if (reader.overlaps.length >= MAX_OVERLAPS) return false;
  reader.overlaps.push(overlap);
  return true;
}
