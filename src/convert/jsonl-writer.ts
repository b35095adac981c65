import { packFlags } from '../parsers/input/kernel-pieces.js';
import { IN_HANDLERS, LAST_RESERVED, OVERWRITTEN, RESERVED } from '../timeline/events.js';
import { type ByteText, hex, lossyText, utf8 } from './byte-text.js';
import { cached, type FormWriter, flagsText, headerFacts, stampOf, type Written } from './form-writer.js';

/**
 * One canonical event a line (src/schema/event.schema.json, docs/canonical-event.md). Facts that are absent are left
 * out; bytes that are no UTF-8 stand beside their text in hex.
 */
export function jsonlWriter({ names, events, time }: Written, out: ByteText): FormWriter {
  let clock = '';
  const comm = cached((id) => bytesField('comm', names.bytesOf(id)));
  const flags = cached((packed) => {
    const text = flagsText(packed);
    if (text === '') return '';
    const bytes = Buffer.from(text);
    return `"flags":${packFlags(bytes, 0, bytes.length) === packed ? JSON.stringify(text) : packed},`;
  });
  const head = cached((id) => {
    const { kind, name, symbol, caller, stamp } = events.head(id);
    const fields = {
      kind,
      event: name,
      ...(symbol && { symbol }),
      ...(caller && { caller }),
      ...(stamp && { stamp }),
    };
    return JSON.stringify(fields).slice(1, -1);
  });
  const mark = (what: string, facts: readonly (readonly [string, string | number])[] = []): void =>
    out.text(`${JSON.stringify({ mark: what, ...Object.fromEntries(facts) })}\n`);
  return {
    unsaid: new Map(),
    begin(first) {
      if (!first) mark('segment');
    },
    recorded(facts) {
      for (const text of facts) mark('recorded', [['text', text]]);
    },
    rows(batch) {
      const now = `${time.unit} ${time.resolutionNs}`;
      if (now !== clock && time.baseSec !== null) {
        clock = now;
        mark('clock', [
          ['unit', time.unit],
          ['resolutionNs', time.resolutionNs],
        ]);
      }
      const ticks = time.unit === 'ticks' ? '"unit":"ticks",' : '';
      for (let row = 0; row < batch.length; row++) {
        const event = batch.event[row]!;
        const cpu = batch.cpu[row]!;
        if (event <= LAST_RESERVED) {
          const known: [string, number][] = cpu >= 0 ? [['cpu', cpu]] : [];
          if (event === RESERVED.lost) mark('lost', [...known, ['count', batch.aux[row]!]]);
          else if (event === RESERVED.segment) mark('segment');
          else if (event === RESERVED.silentLoss)
            mark('silent-loss', batch.aux[row] === IN_HANDLERS ? [['count', IN_HANDLERS]] : []);
          else
            mark('buffer-start', batch.aux[row] === OVERWRITTEN ? [...known, ['count', OVERWRITTEN]] : known);
          continue;
        }
        const pid = batch.pid[row]!;
        const tgid = batch.tgid[row]!;
        const aux = batch.aux[row]!;
        const dur = events.head(event).kind === 'span' && Number.isFinite(aux) ? `,"durNs":${aux}` : '';
        out.text(
          `{"tsNs":"${stampOf(time, batch.tsNs[row]!)}",${ticks}${cpu >= 0 ? `"cpu":${cpu},` : ''}${pid >= 0 ? `"pid":${pid},` : ''}` +
            `${tgid >= 0 ? `"tgid":${tgid},` : ''}${comm(batch.comm[row]!)},${flags(batch.flags[row]!)}${head(event)}${dur},`,
        );
        args(out, batch.bytes, batch.bodyStart[row]!, batch.bodyEnd[row]!);
      }
    },
    end(header) {
      const facts = headerFacts(header);
      if (facts.length > 0) mark('recording', facts);
    },
  };
}

function bytesField(name: string, bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text !== null) return `"${name}":${JSON.stringify(text)}`;
  return `"${name}":${JSON.stringify(lossyText(bytes))},"${name}Hex":"${hex(bytes)}"`;
}

/** The last field and the end of the line. Plain ASCII is copied. */
function args(out: ByteText, bytes: Uint8Array, start: number, end: number): void {
  let p = start;
  while (p < end && bytes[p]! >= 32 && bytes[p]! < 127 && bytes[p] !== 34 && bytes[p] !== 92) p++;
  if (p < end) {
    out.text(`${bytesField('args', bytes.subarray(start, end))}}\n`);
    return;
  }
  out.text('"args":"');
  out.raw(bytes, start, end);
  out.text('"}\n');
}
