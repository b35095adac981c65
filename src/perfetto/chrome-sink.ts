import type { SinkOutput, TrackArgs, TrackSink } from './sink.js';

/** Each track is a thread of one process: the form knows no others. */
const PID = 1;

/**
 * The JSON of the Trace Event Format (chrome://tracing, speedscope, ui.perfetto.dev). Stamps are µs with three digits;
 * a parent's name stands before its track's.
 */
export function chromeSink({ write, absolute }: SinkOutput): TrackSink {
  const names: string[] = [''];
  const counters = new Set<number>();
  const started = new Set<number>();
  const bytes = new TextEncoder();
  let open = false;
  const put = (entry: object): void => {
    write(
      bytes.encode(`${open ? ',\n' : '{"displayTimeUnit":"ns","traceEvents":[\n'}${JSON.stringify(entry)}`),
    );
    open = true;
  };
  const us = (ns: string): number =>
    Number(`${ns.padStart(4, '0').slice(0, -3)}.${ns.padStart(3, '0').slice(-3)}`);
  const at = (tsNs: number): number => us(absolute(tsNs));
  const base = (track: number, name: string, tsNs: number, args: TrackArgs): object => ({
    name,
    pid: PID,
    tid: track,
    ts: at(tsNs),
    args: Object.fromEntries(args),
  });
  const flowed = (track: number, tsNs: number, flow: number): void => {
    if (flow === 0) return;
    const ph = started.has(flow) ? 'f' : 's';
    started.add(flow);
    put({ ph, bp: 'e', cat: 'flow', name: 'flow', id: flow, pid: PID, tid: track, ts: at(tsNs) });
  };
  return {
    track(name, parent, counter = false) {
      const full = parent > 0 ? `${names[parent]}: ${name}` : name;
      const track = names.push(full) - 1;
      if (counter) counters.add(track);
      else put({ ph: 'M', name: 'thread_name', pid: PID, tid: track, args: { name: full } });
      return track;
    },
    slice(track, name, fromNs, toNs, args, flow = 0) {
      put({ ph: 'X', ...base(track, name, fromNs, args), dur: Math.max(0, toNs - fromNs) / 1000 });
      flowed(track, fromNs, flow);
    },
    instant(track, name, atNs, args, flow = 0) {
      put({ ph: 'i', s: 't', ...base(track, name, atNs, args) });
      flowed(track, atNs, flow);
    },
    counter(track, value, atNs) {
      put({ ph: 'C', ...base(track, names[track]!, atNs, [['value', value]]) });
    },
    end() {
      write(bytes.encode(open ? '\n]}\n' : '{"displayTimeUnit":"ns","traceEvents":[]}\n'));
    },
  };
}
