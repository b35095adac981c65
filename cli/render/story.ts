import type { Story } from '../../src/show.js';
import { seconds } from './text.js';

const COLUMN = 34;

/** Time goes down, one column per CPU; what the event did to the object stands in the column of its CPU. */
export function formatStory(story: Story): string {
  const { cpus, events } = story;
  let text = `${story.title}: ${events.length} events on CPU ${cpus.join(', ') || 'none'}\n`;
  if (events.length > 0) {
    text += `\n${'line'.padStart(8)}  ${'time'.padEnd(18)}${cpus
      .map((c) => `CPU ${c}`.padEnd(COLUMN))
      .join('')
      .trimEnd()}\n`;
    for (const e of events) {
      const column = cpus.indexOf(e.cpu);
      const cell = `${e.note}`.slice(0, COLUMN - 1);
      const row = `${' '.repeat(column * COLUMN)}${cell.padEnd(COLUMN)}${e.task}`;
      text += `${String(e.line).padStart(8)}  ${seconds(e.tsNs).padEnd(18)}${row}`.trimEnd();
      text += '\n';
    }
    text += '\n';
    for (const e of events) text += `${String(e.line).padStart(8)}  ${e.text.trim()}\n`;
  }
  for (const note of story.notes) text += `note: ${note}\n`;
  return text;
}
