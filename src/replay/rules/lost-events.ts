import { KNOWN } from '../tally.js';
import { rule } from './rule.js';

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
  monitor: (_evidence, verdicts) => ({
    eventsLost(ref) {
      if (ref < 0) verdicts.unknown('the recorder tells of lost events elsewhere', -1);
      else verdicts.unknown('events were lost: what is absent there proves nothing', ref);
    },
    recordingEnded: ({ losslessCpus }) => verdicts.passes(KNOWN.observed, losslessCpus),
  }),
});
