import { latin1 } from '../../timeline/batch.js';
import type { PerfPrefix } from './perf-prefix.js';

/**
 * Lines of `perf script -F` with a list of fields that leaves out the task, the thread or the CPU:
 *
 *     [294] 1.000001: ipi:ipi_send_cpu: cpu=3 callsite=…          -F cpu,time,event,trace
 *       120.145400: syscalls:sys_enter_munmap: addr: 0x7f…        -F time,event,trace
 *
 *     app 901 [002] d..1. 120.145400: syscalls:…                  -L (--Latency)
 *
 * perf prints fields in its own order, whatever that of the list. Only lines whose event has a group count, since less
 * would be found in any log. Source: tools/perf/builtin-script.c perf_sample__fprintf_start().
 */
const LINE =
  /^\s*(?:(?!\d+(?:\/\d+)?\s)(?!\[)(?!\d+\.\d)(\S.{0,30}?)\s+)?(?:(-?\d+)(?:\/(-?\d+))?\s+)?(?:\[(\d{3,5})\]\s+)?(?:[.#\dA-Za-z]{4,6}\s+)?(\d{1,12})\.(\d{9}|\d{6}):\s+(?=(?:\d+\s+)?[a-z][\w-]*:[\w-]+:(?:\s|$))/;
const LOOK = 160;

export class PerfFields {
  /** As perf names them, of the last line. */
  names = '';

  /** Fills `at`; false for a line of another form. */
  parse(buf: Uint8Array, start: number, end: number, at: PerfPrefix): boolean {
    const m = LINE.exec(latin1(buf, start, Math.min(end, start + LOOK)));
    if (m === null || (m[1] !== undefined && /-\d+$|[[\]:]/.test(m[1]))) return false;
    const comm = m[1] ?? '';
    const indent = m[0].length - m[0].trimStart().length;
    at.commStart = start + indent;
    at.commEnd = at.commStart + comm.length;
    at.tgid = m[3] === undefined ? -1 : Math.max(-1, Number(m[2]));
    at.tid = Math.max(-1, Number(m[3] ?? m[2] ?? -1));
    at.cpu = m[4] === undefined ? -1 : Number(m[4]);
    at.sec = Number(m[5]);
    at.decimals = m[6]!.length;
    at.ns = Number(m[6]!.padEnd(9, '0'));
    at.body = start + m[0].length;
    const task = m[3] === undefined ? (m[2] === undefined ? '' : 'tid,') : 'pid,tid,';
    this.names = `${comm === '' ? '' : 'comm,'}${task}${m[4] === undefined ? '' : 'cpu,'}time,event,trace`;
    return true;
  }
}

/** Share of the lines that only such a list prints. */
export function fieldShare(sample: Uint8Array, at: PerfPrefix): number {
  const fields = new PerfFields();
  let hits = 0;
  let lines = 0;
  for (let start = 0; start < sample.length && lines < 400; ) {
    let end = sample.indexOf(10, start);
    if (end < 0) end = sample.length;
    if (end > start && sample[start] !== 35 && sample[start] !== 9) {
      lines++;
      if (fields.parse(sample, start, end, at)) hits++;
    }
    start = end + 1;
  }
  return lines === 0 ? 0 : hits / lines;
}
