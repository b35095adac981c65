import type { TraceErrorCode } from '../src/parsers/input/trace-error.js';

/** What to do about an input that cannot be read; the library states facts only. */
export function adviceFor(code: TraceErrorCode): string {
  return ADVICE[code];
}

const ADVICE: Readonly<Record<TraceErrorCode, string>> = {
  'not-found': 'Check the path; `-` reads standard input.',
  'is-directory': 'Give a file in it, for example its `trace`.',
  unreadable: 'Check permissions; tracefs files need root.',
  empty: 'Was tracing on (tracing_on), and were events enabled (set_event)?',
  binary: 'Turn it into text first: `trace-cmd report`, `perf script --ns`.',
  'unsupported-format': '',
  'unknown-format':
    'pttrace reads logs of ftrace, trace-cmd, perf, bpftrace, strace and LTTng, and printed histograms (docs/formats.md). --format names the dialect if you know better, --line-format describes lines of any other log.',
  'no-times': '',
  truncated: 'Copy the file again; what could be read is in the report.',
  corrupt: 'Copy the file again; what could be read is in the report.',
  'no-decompressor': 'Install the program, or decompress the file first.',
  'probes-file': 'It must hold lines as in /sys/kernel/tracing/kprobe_events.',
  'kernel-info': '`pttrace record --print kernel-info` prints the command that makes one.',
  'no-tracefs': '`pttrace record --print ftrace` prints a script for a machine where you are root.',
  aborted: '',
};
