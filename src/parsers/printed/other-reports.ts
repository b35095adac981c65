import type { TraceErrorCode } from '../input/trace-error.js';
import { ownReport } from './own-report.js';

/** What tools print beside events: nothing in it can be read, and what to run instead is known. */
const OTHERS: readonly { code: TraceErrorCode; what: string; is: (text: string) => boolean }[] = [
  {
    code: 'no-times',
    what: 'is perf script output without times: run `perf script --ns -F +time`',
    is: (text) =>
      /^(?: *\d+ +)?[a-z][\w-]*:[a-z][\w-]*: .*\r?\n(?: *\d+ +)?[a-z][\w-]*:[a-z][\w-]*: /.test(text) &&
      !/\d\.\d{6}(?:\d{3})?: /.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is the summary of `strace -c`, totals without single calls: run `strace -f -tt -T`',
    is: (text) => /^% time +seconds +usecs\/call +calls/m.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is the summary of `perf trace -s`, totals without single calls: run `perf trace` without -s',
    is: (text) => /^ *syscall +calls +(?:errors +)?total +min +avg +max/m.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is a profile of `perf report`: give what `perf script --ns` prints',
    is: (text) => /^# +(?:Children +Self|Overhead) .*(?:Command|Symbol)/m.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is counts of `perf stat`, no events: run `perf record` and give what `perf script --ns` prints',
    is: (text) => /^ Performance counter stats for /m.test(text),
  },
];

/** What a text is that holds no events and no histogram; null where nothing is known of it. */
export function otherReport(text: string): { code: TraceErrorCode; what: string } | null {
  const own = ownReport(text);
  if (own !== null) return { code: 'unsupported-format', what: own };
  return OTHERS.find((o) => o.is(text)) ?? null;
}
