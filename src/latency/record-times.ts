/** What to do about a recording whose stamps are no time. */
export const RECORD_TIMES =
  'Record it with `echo mono > trace_clock` (function_graph: the option funcgraph-abstime); durations that its lines carry, `pttrace hist --span FUNCTION` measures';
