/**
 * NUL bytes are no text of a kernel or a recorder: a crash, a full disk or a bad block leaves them in place of what was
 * written, newlines included, and `> file` under a running writer leaves as many as the file was long.
 */
export const NUL_BYTES = 'a line in which NUL bytes stand for what is lost';

/**
 * Where the text of the line `buf[start, end)` begins behind leading NULs: a whole line may follow those. -1: it has NULs
 * elsewhere, or nothing else; two halves of two lines would read as one.
 */
export function behindNuls(buf: Buffer, start: number, end: number): number {
  let text = start;
  while (text < end && buf[text] === 0) text++;
  if (text === end) return end > start ? -1 : start;
  return buf.subarray(text, end).indexOf(0) < 0 ? text : -1;
}
