import { latin1 } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { LINE, type LineHost, type LineKind } from '../input/dialect.js';

/**
 * Records of perf that are no samples, as `perf script --show-task-events`, `--show-mmap-events`, `--show-switch-events`,
 * `--show-lost-events` and the like print them:
 *
 *     munmap-test   901 [002]   120.145000: PERF_RECORD_COMM exec: munmap-test:901/901
 *     munmap-test   901 [002]   120.145600: PERF_RECORD_LOST lost 17
 *
 * They are header lines here; those that tell of samples the recorder did not take are losses (include/uapi/linux/
 * perf_event.h: LOST, LOST_SAMPLES, THROTTLE, AUX truncation). Source: tools/perf/util/event.c perf_event__fprintf().
 */
export class PerfRecords {
  /** The kind of the line whose record begins at `p`; -1 for anything else. */
  line(buf: Uint8Array, p: number, end: number, cpu: number, host: LineHost): LineKind | -1 {
    const text = latin1(buf, p, Math.min(end, p + 96));
    if (!RECORD.test(text)) return -1;
    const lost = LOST.exec(text);
    if (lost !== null) host.fact(RESERVED.lost, cpu, Number(lost[1] ?? lost[2]));
    else if (THROTTLE.test(text)) host.fact(RESERVED.lost, cpu, -1);
    else return LINE.header;
    return LINE.lost;
  }
}

const RECORD = /^PERF_RECORD_[A-Z_0-9]+\b/;
const LOST = /^PERF_RECORD_LOST(?:_SAMPLES)?:? +(?:lost +(\d+)|.*?\blost:? *(\d+))/;
const THROTTLE = /^PERF_RECORD_(?:THROTTLE|LOST|LOST_SAMPLES)\b/;

/** The text behind a stamp is such a record. */
export function isRecord(buf: Uint8Array, from: number, end: number): boolean {
  return /^\s*PERF_RECORD_/.test(latin1(buf, from, Math.min(end, from + 40)));
}
