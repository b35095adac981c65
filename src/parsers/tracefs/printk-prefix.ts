import { latin1 } from '../../timeline/batch.js';

/**
 * What can stand before the message on a kernel log line, in any nesting:
 *
 *     [  191.085702] msg              dmesg, console         [  191.085702][  T12] msg   printk caller id
 *     <4>[  191.0] msg                /dev/kmsg, raw console  [Sun Nov 22 12:00:01 2026] msg   dmesg -T
 *     Nov 22 12:00:01 host kernel: [  191.0] msg              syslog
 *     2026-11-22T12:00:01.123456+01:00 host kernel: msg       syslog, journalctl -o short-iso
 *     kern  :warn  : [  191.0] msg    dmesg -x                6,1234,191085702,-;msg   /dev/kmsg record
 *     console: msg
 *
 * Source: kernel/printk/printk.c `info_print_prefix()`, `print_caller()`, `info_print_ext_header()`.
 * One blank behind each but `<4>` and `;` belongs to it; further ones to the message, whose comm is right-aligned.
 */
const TIGHT = ['<\\d{1,3}>', '\\d+,\\d+,\\d+,[^;]{1,40};'];
const SPACED = [
  '[a-z]+ {0,3}:[a-z]+ {0,3}:',
  '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\S+ [\\w.()/-]+(?:\\[\\d+\\])?:',
  '\\d{4}-\\d\\d-\\d\\d[T ]\\S+ \\S+ [\\w.()/-]+(?:\\[\\d+\\])?:',
  'console:',
  'kernel:',
  '\\[ *\\d+\\.\\d{6}\\]',
  '\\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}\\]',
  '\\[ *[TC]\\d+\\]',
];
const PREFIX = new RegExp(`^(?:${TIGHT.join('|')}|(?:${SPACED.join('|')}) ?)*`);

/** Offset of the message in `buf[start, end)`; `start` when there is no prefix. Not for hot loops. */
export function afterPrintkPrefix(buf: Uint8Array, start: number, end: number): number {
  const head = latin1(buf, start, Math.min(end, start + 160));
  return start + (PREFIX.exec(head)?.[0].length ?? 0);
}
