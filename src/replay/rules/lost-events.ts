import { rule } from './rule.js';

/** I53. */
export const lostEvents = rule({
  number: 53,
  name: 'lost-events',
  severity: 'S4',
  statement: 'over an interval in which events were lost, absence proves nothing',
  why: 'a missing event may have been dropped by the ring buffer',
  source: 'kernel/trace/trace.c print_trace_line() "LOST EVENTS"',
  needs: [],
  idle: 'no event',
  held: 'whatever was lost',
  missing: 'the lost events',
  words:
    'When the recorder was too slow, events are missing. From then on the absence of an event proves nothing.',
  bugs: [],
  instead: 'A rule on the recording.',
});
