import { describe, expect, it } from 'vitest';
import { formatStory } from '../../cli/render/story.js';
import { show } from '../../src/show/show.js';
import { fixture } from '../gate/support/traces.js';

const TRACE = fixture('6.12.117-lab-y/mt-munmap.txt.gz');

describe('the life of an object', () => {
  it('stands in the column of the CPU, the task in its own', async () => {
    const story = await show({ paths: [TRACE], subject: { line: 477 } });
    expect(story.cpus.length).toBeGreaterThan(1);
    const [, , head, ...rows] = formatStory(story).split('\n');
    const table = rows.slice(0, rows.indexOf(''));
    for (const row of table) expect(row.length, row).toBeLessThanOrEqual(118);
    const firsts = table.filter((row) => /^ *\d+ {2}/.test(row));
    expect(firsts).toHaveLength(story.events.length);
    for (const [i, e] of story.events.entries()) {
      const row = firsts[i]!;
      expect(row.trimStart().startsWith(`${e.line} `)).toBe(true);
      expect(row.slice(head!.indexOf('task')).startsWith(`${e.task} `)).toBe(true);
      const cell = row.slice(head!.indexOf(`CPU ${e.cpu}`));
      expect(cell).not.toBe('');
      expect(e.note.startsWith(cell)).toBe(true);
    }
  });

  it('--plain: ASCII, at most 75 columns, every event', async () => {
    const story = await show({ paths: [TRACE], subject: { line: 928 } });
    const lines = formatStory(story, true).split('\n');
    for (const line of lines) {
      expect(line.length, line).toBeLessThanOrEqual(75);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
    // Once in the column, once as it stands in the file.
    for (const e of story.events)
      expect(lines.filter((l) => l.startsWith(`${String(e.line).padStart(8)}  `))).toHaveLength(2);
  });
});
