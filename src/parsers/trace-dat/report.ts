import { TimeBase } from '../../timeline/time-base.js';
import { Printer } from './printer.js';
import { knowledgeOf, openStreams, type Recording } from './recording.js';

const CHUNK = 1 << 16;

/**
 * `trace-cmd report` of a recording (as 3.1.6 prints it by default), in pieces of whole lines, Latin-1 bytes as
 * recorded. Needs memory for one page per CPU and the symbols only.
 */
export function* reportText(rec: Recording): Generator<Uint8Array> {
  const time = new TimeBase();
  const knowledge = knowledgeOf(rec);
  const { merge, places } = openStreams(rec, time);
  const printer = new Printer(rec, knowledge, merge, false);
  const instances = rec.head.buffers.length > 1;
  const widest = Math.max(0, ...rec.head.buffers.map((b) => b.name.length));
  const label = (name: string): string =>
    instances ? name.padStart(widest) + (name === '' ? '  ' : ': ') : '';
  let out = '';
  for (const b of rec.head.buffers) {
    out += `${label(b.name)}cpus=${Math.max(b.cpus.length, rec.head.cpus)}\n`;
  }
  const c = rec.common;
  for (let s = merge.peek(); s !== null; s = merge.peek()) {
    const r = printer.load(s);
    const type = Number(r.read(c.typeAt, c.typeSize));
    const pid = c.pidAt < 0 ? -1 : Number(r.read(c.pidAt, 4)) | 0;
    const prefix = label(places[s.order]!.name);
    if (s.lost !== 0) out += `${prefix}CPU:${s.cpu} [${s.lost > 0 ? `${s.lost} ` : ''}EVENTS DROPPED]\n`;
    const format = rec.formats.get(type);
    if (format === undefined) {
      out += `${prefix}[UNKNOWN EVENT] (type ${type})\n`;
      merge.advance();
    } else {
      const task = knowledge.tasks.name(pid);
      const head = `${task.padStart(16)}-${String(pid).padEnd(5)} [${String(s.cpu).padStart(3, '0')}]`;
      const stamp = rec.ticks ? ticksText(time, s.ts) : secondsText(time.baseSec ?? 0, s.ts);
      const name = format.name.length < 20 ? `${format.name}: `.padEnd(22) : `${format.name}: `;
      let text = printer.text(format);
      if (text.endsWith('\n')) text = text.slice(0, -1);
      out += `${prefix}${head}${stamp}: ${name}${text}\n`;
      if (printer.pending) merge.advance();
    }
    if (out.length >= CHUNK) {
      yield Buffer.from(out, 'latin1');
      out = '';
    }
  }
  if (out !== '') yield Buffer.from(out, 'latin1');
}

/** `%5llu.%06llu` of ns rounded half up to µs. */
function secondsText(baseSec: number, ns: number): string {
  const us = Math.floor((ns + 500) / 1000);
  const sec = Math.floor(us / 1e6);
  return ` ${String(baseSec + sec).padStart(5)}.${String(us - sec * 1e6).padStart(6, '0')}`;
}

function ticksText(time: TimeBase, ticks: number): string {
  return ` ${time.absolute(ticks).padStart(12)}`;
}
