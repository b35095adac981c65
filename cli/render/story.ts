import type { Story } from '../../src/show/show.js';
import { lineWidth } from '../width.js';
import { ascii, hanging, seconds, wrap } from './text.js';

/** In a pipe: a column for each of four CPUs. */
const WIDE = 118;
const WIDEST_CELL = 34;
/** Narrower than this, a column cannot hold what happened: all CPUs share one. */
const NARROWEST_CELL = 16;

/**
 * Time goes down, one column per CPU; what the event did to the object stands in the column of its CPU. `plain` is for
 * a mail: ASCII, at most 75 columns.
 */
export function formatStory(story: Story, plain = false): string {
  const clean = (text: string): string => (plain ? ascii(text) : text);
  const width = plain || process.stdout.isTTY ? lineWidth(plain) : WIDE;
  const { events } = story;
  const n = `${events.length} event${events.length === 1 ? '' : 's'}`;
  const where = events.length > 0 ? ` on CPU ${story.cpus.join(', ')}` : '';
  const out = wrap(clean(`${story.title}: ${n}${where}`), width, '  ');
  if (events.length > 0) {
    out.push('', ...columns(story, width, clean), '');
    for (const e of events) {
      const line = `${String(e.line).padStart(8)}  ${clean(e.text.trim())}`;
      out.push(...(plain ? hanging(line, width) : [line]));
    }
  }
  for (const note of story.notes) out.push(...wrap(clean(`note: ${note}`), width, '  '));
  for (const error of story.errors)
    out.push(...wrap(clean(`error: ${error}; what follows is not shown`), width, '  '));
  return `${out.join('\n')}\n`;
}

function columns({ cpus, events }: Story, width: number, clean: (text: string) => string): string[] {
  const tasks = events.map((e) => clean(e.task));
  const times = events.map((e) => seconds(e.tsNs));
  const time = Math.max(4, ...times.map((t) => t.length));
  const task = Math.max(4, ...tasks.map((t) => t.length));
  const gutter = 8 + 2 + time + 2 + task + 2;
  const room = width - gutter;
  const cell = Math.min(WIDEST_CELL, Math.floor(room / cpus.length));
  const shared = cell < NARROWEST_CELL;
  const head = shared ? 'event' : cpus.map((cpu) => cpuName(cpu).padEnd(cell)).join('');
  const out = [`${'line'.padStart(8)}  ${'time'.padEnd(time)}  ${'task'.padEnd(task)}  ${head}`.trimEnd()];
  events.forEach((e, i) => {
    const at = shared ? 0 : cpus.indexOf(e.cpu) * cell;
    const text = clean(
      !shared || e.note.startsWith(`${cpuName(e.cpu)} `) ? e.note : `${cpuName(e.cpu)}: ${e.note}`,
    );
    wrap(text, Math.max(20, shared ? room : cell - 1), shared ? '  ' : '').forEach((line, n) => {
      const front = `${String(e.line).padStart(8)}  ${times[i]!.padEnd(time)}  ${tasks[i]!.padEnd(task)}  `;
      out.push(`${n === 0 ? front : ' '.repeat(gutter)}${' '.repeat(at)}${line}`.trimEnd());
    });
  });
  return out;
}

const cpuName = (cpu: number): string => (cpu < 0 ? 'CPU ?' : `CPU ${cpu}`);
