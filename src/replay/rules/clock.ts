import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { rule } from './rule.js';

export const clock = rule({
  number: 52,
  name: 'clock',
  severity: 'S4',
  statement:
    'stamps of one CPU never go back; an effect is not stamped before its cause by more than the clock error',
  why: 'order verdicts rest on the stamps and the file order',
  source: 'kernel/trace/ring_buffer.c; kernel/trace/trace_clock.c',
  needs: [],
  idle: 'no event',
  held: 'every order that rests on this clock',
  missing: 'a stamp not older than the one before',
  words:
    'Time stamps of one CPU do not go back, and an effect is not stamped before its cause. Where clocks differ, the order of close events is not known.',
  bugs: [],
  instead: 'A rule on the recording.',
  monitor: (_evidence, verdicts) => ({
    clockBack(cpu, by, unit, before, ref) {
      verdicts.violated({
        message: `the clock of CPU ${cpu} goes back by ${by} ${unit}`,
        known: KNOWN.observed,
        certain: true,
        events: witnesses(w(before, 'before'), w(ref, 'earlier stamp')),
      });
    },
    recordingEnded: ({ orderedEvents }) => verdicts.passes(KNOWN.observed, orderedEvents),
  }),
});
