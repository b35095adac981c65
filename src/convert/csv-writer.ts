import { packFlags } from '../parsers/input/kernel-pieces.js';
import { IN_HANDLERS, LAST_RESERVED, OVERWRITTEN, RESERVED } from '../timeline/events.js';
import { type ByteText, hex, lossyText, utf8 } from './byte-text.js';
import { cached, type FormWriter, flagsText, headerFacts, stampOf, type Written } from './form-writer.js';

export const CSV_COLUMNS = [
  'ts_ns',
  'cpu',
  'pid',
  'tgid',
  'comm',
  'flags',
  'kind',
  'event',
  'symbol',
  'caller',
  'stamp',
  'aux',
  'args',
  'comm_hex',
  'args_hex',
] as const;

/** Canonical events as CSV (RFC 4180, LF), a header line, one record a line: see docs/canonical-event.md. */
export function csvWriter({ names, events, time }: Written, out: ByteText): FormWriter {
  let clock = '';
  const line = (cells: readonly (string | number)[]): void => out.text(`${cells.map(cell).join(',')}\n`);
  const mark = (what: string, cpu: number, aux: number | '', args: string): void =>
    line(['', cpu >= 0 ? cpu : '', '', '', '', '', 'mark', what, '', '', '', aux, args, '', '']);
  const comm = cached((id) => cell(oneLine(names.bytesOf(id))));
  const commHex = cached((id) => hexUnlessPlain(names.bytesOf(id)));
  const flags = cached((packed) => {
    const text = flagsText(packed);
    const bytes = Buffer.from(text);
    return text === '' || packFlags(bytes, 0, bytes.length) === packed ? text : String(packed);
  });
  const head = cached((id) => {
    const { kind, name, symbol, caller, stamp } = events.head(id);
    return [kind, name, symbol, caller, stamp ?? ''].map(cell).join(',');
  });
  const known = (n: number): string => (n >= 0 ? String(n) : '');
  return {
    unsaid: new Map(),
    begin(first) {
      if (first) line(CSV_COLUMNS);
      else mark('segment', -1, '', '');
    },
    recorded(facts) {
      for (const text of facts) mark('recorded', -1, '', text);
    },
    rows(batch) {
      const now = `${time.unit} ${time.resolutionNs}`;
      if (now !== clock && time.baseSec !== null) {
        clock = now;
        mark('clock', -1, time.resolutionNs, time.unit);
      }
      for (let row = 0; row < batch.length; row++) {
        const event = batch.event[row]!;
        const aux = batch.aux[row]!;
        if (event <= LAST_RESERVED) {
          const cpu = batch.cpu[row]!;
          if (event === RESERVED.lost) mark('lost', cpu, aux, '');
          else if (event === RESERVED.segment) mark('segment', -1, '', '');
          else if (event === RESERVED.silentLoss) mark('silent-loss', -1, aux === IN_HANDLERS ? aux : '', '');
          else mark('buffer-start', cpu, aux === OVERWRITTEN ? aux : '', '');
          continue;
        }
        const span = events.head(event).kind === 'span' && Number.isFinite(aux);
        const id = batch.comm[row]!;
        out.text(
          `${stampOf(time, batch.tsNs[row]!)},${known(batch.cpu[row]!)},${known(batch.pid[row]!)},${known(batch.tgid[row]!)},` +
            `${comm(id)},${flags(batch.flags[row]!)},${head(event)},${span ? aux : ''},`,
        );
        const body = batch.bytes.subarray(batch.bodyStart[row]!, batch.bodyEnd[row]!);
        if (isPlain(body)) {
          out.raw(body);
          out.text(`,${commHex(id)},\n`);
        } else out.text(`${cell(oneLine(body))},${commHex(id)},${hexUnlessPlain(body)}\n`);
      }
    },
    end(header) {
      const facts = headerFacts(header);
      if (facts.length > 0) mark('recording', -1, '', facts.map(([k, v]) => `${k}=${v}`).join(' '));
    },
  };
}

function cell(value: string | number): string {
  const s = String(value);
  return /[",\n\r]/.test(s) || s !== s.trim() ? `"${s.replaceAll('"', '""')}"` : s;
}

/** Needs neither quotes nor escapes. */
function isPlain(bytes: Uint8Array): boolean {
  const n = bytes.length;
  if (n > 0 && (bytes[0] === 32 || bytes[n - 1] === 32)) return false;
  for (let i = 0; i < n; i++) {
    const c = bytes[i]!;
    if (c < 32 || c > 126 || c === 34 || c === 44) return false;
  }
  return true;
}

/** Line breaks would make a record of several lines: the exact bytes are in the column for hex then. */
const oneLine = (bytes: Uint8Array): string => lossyText(bytes).replace(/[\r\n]/g, ' ');

/** Hex of what the text column cannot hold exactly; empty for what it can. */
function hexUnlessPlain(bytes: Uint8Array): string {
  const text = utf8(bytes);
  return text !== null && !/[\r\n\ufeff\0]/.test(text) ? '' : hex(bytes);
}
