import { PbfWriter } from 'pbf';
import type { SinkOutput, TrackArgs, TrackSink } from './sink.js';

/**
 * Fields of protos/perfetto/trace/trace.proto, trace_packet.proto, track_event/track_event.proto, track_descriptor.proto
 * and debug_annotation.proto that are written.
 */
const TRACE = { packet: 1 } as const;
const PACKET = {
  timestamp: 8,
  sequence: 10,
  trackEvent: 11,
  sequenceFlags: 13,
  trackDescriptor: 60,
} as const;
const DESCRIPTOR = { uuid: 1, name: 2, parent: 5, counter: 8 } as const;
const EVENT = { annotations: 4, type: 9, track: 11, name: 23, counterValue: 30, flows: 47 } as const;
const TYPE = { begin: 1, end: 2, instant: 3, counter: 4 } as const;
const ANNOTATION = { int: 4, text: 6, name: 10 } as const;
/** SEQ_INCREMENTAL_STATE_CLEARED: nothing before this packet is needed. */
const FIRST = 1;
const FLUSH_BYTES = 1 << 16;

/** A protobuf trace for ui.perfetto.dev and trace_processor. Bytes leave as they are made. */
export function protoSink(output: SinkOutput): TrackSink {
  const packets = new Packets(output);
  let tracks = 0;
  return {
    track(name, parent, counter = false) {
      const uuid = ++tracks;
      packets.packet(null, (inner) => {
        if (uuid === 1) inner.writeVarintField(PACKET.sequenceFlags, FIRST);
        inner.writeMessage(
          PACKET.trackDescriptor,
          (_: null, d) => {
            d.writeVarintField(DESCRIPTOR.uuid, uuid);
            d.writeStringField(DESCRIPTOR.name, name);
            if (parent > 0) d.writeVarintField(DESCRIPTOR.parent, parent);
            if (counter) d.writeMessage(DESCRIPTOR.counter, () => {}, null);
          },
          null,
        );
      });
      return uuid;
    },
    slice(track, name, fromNs, toNs, args, flow = 0) {
      packets.event(fromNs, TYPE.begin, track, described(name, args, flow));
      packets.event(toNs, TYPE.end, track);
    },
    instant: (track, name, atNs, args, flow = 0) =>
      packets.event(atNs, TYPE.instant, track, described(name, args, flow)),
    counter: (track, value, atNs) =>
      packets.event(atNs, TYPE.counter, track, (e) => e.writeVarintField(EVENT.counterValue, value)),
    end: () => packets.end(),
  };
}

/** TracePackets of one sequence, written in pieces. */
class Packets {
  private readonly output: SinkOutput;
  private pbf = new PbfWriter();

  constructor(output: SinkOutput) {
    this.output = output;
  }

  packet(atNs: number | null, fill: (packet: PbfWriter) => void): void {
    const { absolute, write } = this.output;
    this.pbf.writeMessage(
      TRACE.packet,
      (_: null, inner) => {
        if (atNs !== null) inner.writeVarintField(PACKET.timestamp, Number(absolute(atNs)));
        inner.writeVarintField(PACKET.sequence, 1);
        fill(inner);
      },
      null,
    );
    if (this.pbf.pos < FLUSH_BYTES) return;
    write(this.pbf.finish());
    this.pbf = new PbfWriter();
  }

  /** A packet with a TrackEvent. */
  event(atNs: number, type: number, track: number, fill: (event: PbfWriter) => void = () => {}): void {
    this.packet(atNs, (inner) =>
      inner.writeMessage(
        PACKET.trackEvent,
        (_: null, e) => {
          e.writeVarintField(EVENT.type, type);
          e.writeVarintField(EVENT.track, track);
          fill(e);
        },
        null,
      ),
    );
  }

  end(): void {
    if (this.pbf.pos > 0) this.output.write(this.pbf.finish());
  }
}

const described =
  (name: string, args: TrackArgs, flow: number) =>
  (e: PbfWriter): void => {
    e.writeStringField(EVENT.name, name);
    for (const [key, value] of args) e.writeMessage(EVENT.annotations, annotation, [key, value] as const);
    if (flow > 0) e.writeFixed64Field(EVENT.flows, flow);
  };

function annotation([key, value]: readonly [string, string | number], a: PbfWriter): void {
  a.writeStringField(ANNOTATION.name, key);
  if (typeof value === 'number' && Number.isSafeInteger(value)) a.writeVarintField(ANNOTATION.int, value);
  else a.writeStringField(ANNOTATION.text, String(value));
}
