import { type AnalyseOptions, analyse } from '../analyse/analyse.js';
import type { Result } from '../result/types.js';
import type { TimeBase } from '../timeline/time-base.js';
import { chromeSink } from './chrome-sink.js';
import { protoSink } from './proto-sink.js';
import type { MakeSink, TrackSink } from './sink.js';
import { Tracks } from './tracks.js';

export const VIEWER_FORMATS = ['perfetto', 'chrome'] as const;
export type ViewerFormat = (typeof VIEWER_FORMATS)[number];
const SINKS: Readonly<Record<ViewerFormat, MakeSink>> = { perfetto: protoSink, chrome: chromeSink };

export interface ExportOptions extends AnalyseOptions {
  readonly to: ViewerFormat;
  readonly write: (bytes: Uint8Array) => void;
}

export interface Exported {
  readonly result: Result;
  /** Page tables that got no row. */
  readonly tablesLeftOut: number;
}

/**
 * Replays inputs and writes what the machine did as a trace for a viewer, findings as instants. Streaming: memory grows
 * with what is open, not with the input. Throws TraceError as `analyse` does.
 */
export async function exportTracks(options: ExportOptions): Promise<Exported> {
  let sink: TrackSink | undefined;
  let tracks: Tracks | undefined;
  let timeline: TimeBase | undefined;
  const result = await analyse({
    ...options,
    watch: ({ time, funcs }) => {
      if (!tracks) {
        // Findings come as absolute stamps, when all is read.
        const absolute = (tsNs: number): string => time.absolute(tsNs);
        sink = SINKS[options.to]({ write: options.write, absolute });
        tracks = new Tracks(sink, (id) => funcs.name(id));
      }
      timeline = time;
      return [tracks.monitor()];
    },
  });
  if (!sink || !tracks || !timeline) return { result, tablesLeftOut: 0 };
  const base = BigInt(timeline.absolute(0));
  for (const rule of result.invariants) {
    for (const f of rule.findings) {
      const last = f.events.at(-1);
      if (!last) continue;
      sink.instant(tracks.findings, `${rule.id} ${rule.name}`, Number(BigInt(last.tsNs) - base), [
        ['message', f.message],
        ['severity', f.severity],
        ['known', f.basis],
        ['CPU', last.cpu],
        ['lines', f.events.map((e) => e.line).join(' ')],
      ]);
    }
  }
  sink.end();
  return { result, tablesLeftOut: tracks.tablesLeftOut };
}
