import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escaped, html } from '../../cli/html/markup.js';
import { fixture, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';
import { Chromium } from '../support/chromium.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-html-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const LINES = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
const GOOD = fixture('6.12.117-lab-y/mt-munmap.txt.gz');
const OTHER = fixture('6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz');

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

const pages = new Map<string, string>();
const made = async (name: string, args: string[], status: number): Promise<void> => {
  const path = join(dir, `${name}.html`);
  const ran = await runCommand([...args, '--html', path]);
  expect([name, ran.status, ran.stderr]).toEqual([name, status, '']);
  pages.set(name, readFileSync(path, 'utf8'));
};
let bad = '';
beforeAll(async () => {
  bad = write(dir, 'bad.txt', withoutOneFlush(LINES));
  await made('replay', ['replay', bad], 1);
  await made('clean', ['replay', OTHER], 0);
  await made('breakdown', ['breakdown', OTHER], 0);
  await made('readers', ['readers', GOOD], 0);
  await made('compare', ['compare', GOOD, OTHER], 0);
  const scenario = ['--variant', 'A2', '--program', 'madvise-dontneed', '--reader', 'pte-offset-map'];
  await made('explore', ['explore', ...scenario], 1);
}, 120_000);

describe('a report as a page', () => {
  it('is one file that loads nothing, reads without scripts, and is small', () => {
    for (const [name, text] of pages) {
      expect(text.startsWith('<!doctype html>'), name).toBe(true);
      expect(text).not.toMatch(/<script|<iframe|<object|<embed|<img|@import|url\((?!#)|\son\w+=/i);
      // Links lead inside the page; the icon is empty.
      for (const [, target] of text.matchAll(/\b(?:href|src)="([^"]*)"/g))
        expect(target).toMatch(/^(?:#[\w-]+|data:,)$/);
      expect(text.length).toBeLessThan(2_000_000);
      for (const [, id] of text.matchAll(/href="#([\w-]+)"/g)) expect(text).toContain(`id="${id}"`);
      expect(text).toContain('prefers-color-scheme:dark');
    }
  });

  it('balances its elements', () => {
    const VOID = new Set(['meta', 'link', 'br', 'rect', 'line', 'circle', 'polyline', 'polygon', 'path']);
    for (const [name, text] of pages) {
      const open: string[] = [];
      for (const [, close, tag, rest] of text
        .replace(/<style>[\s\S]*?<\/style>/, '')
        .matchAll(/<(\/?)([a-z][\w-]*)((?:"[^"]*"|[^>"])*)>/g)) {
        if (VOID.has(tag!) && rest!.endsWith('/')) continue;
        if (VOID.has(tag!) && close === '' && ['meta', 'link', 'br'].includes(tag!)) continue;
        if (close === '') open.push(tag!);
        else expect([name, open.pop()]).toEqual([name, tag]);
      }
      expect([name, open]).toEqual([name, []]);
    }
  });

  it('of a replay: the answer, the finding as a picture with its lines, every rule', () => {
    const text = pages.get('replay')!;
    expect(text).toMatch(/<p class="answer bad">I\d\d [\w-]+ is violated/);
    expect(text).toMatch(/<svg class="wide" [^>]*aria-label="Space-time diagram: [^"]*1: /);
    for (let n = 1; n <= 56; n++) expect(text).toContain(`>I${String(n).padStart(2, '0')}</span>`);
    expect(pages.get('clean')).toContain('<p class="answer good">No violation: ');
    expect(pages.get('clean')).toContain('Durations of munmap over time');
  });

  it('of the others: their answer and their pictures', () => {
    expect(pages.get('breakdown')).toMatch(/spans of munmap took .*; most of it, \d+ %, is in flush: wait\./);
    expect(pages.get('breakdown')).toContain('Answers to IPIs by source and target CPU');
    expect(pages.get('readers')).toContain('no lookup of a page table is in this recording');
    expect(pages.get('compare')).toContain('Cumulative parts of both sides');
    expect(pages.get('explore')).toMatch(/<p class="answer bad">(?:Unsafe|Stuck)/);
    expect(pages.get('explore')).toContain('Space-time diagram: ');
  });

  it('is the same bytes each time', async () => {
    const first = pages.get('replay')!;
    await made('replay', ['replay', bad], 1);
    expect(pages.get('replay')).toBe(first);
  });

  it('refuses to take the place of its input, and says where it cannot be written', async () => {
    const same = await runCommand(['replay', bad, '--html', bad]);
    expect([same.status, same.stdout]).toEqual([2, '']);
    expect(readFileSync(bad, 'utf8')).toContain('flush_tlb_mm_range');
    const nowhere = await runCommand(['replay', bad, '--html', join(dir, 'no', 'such.html')]);
    expect(nowhere.status).toBe(2);
    expect(nowhere.stderr).toContain('cannot be written (ENOENT)');
  });
});

describe('names from an input', () => {
  const NAMES = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    '</title><b>',
    '&lt;b&gt;',
  ];

  it('are text, in elements and attributes', () => {
    for (const name of NAMES) {
      expect(String(html`<p title="${name}">${name}</p>`.text)).not.toMatch(/<(?!p |\/p>)|="[^"]*"[^>\s]/);
      expect(escaped(name)).not.toMatch(/[<>"']/);
    }
    expect(escaped('a\x1b[31m\u202e')).toBe('a\\x1b[31m\\u202e');
  });

  it('stay text in a whole report', async () => {
    for (const [i, name] of NAMES.entries()) {
      const task = name.replaceAll(' ', '_').slice(0, 40);
      const lines = withoutOneFlush(LINES).map((l) => l.replace(/^ *\S+-(\d+) /, ` ${task}-$1 `));
      const path = join(dir, `${i}-${task.replaceAll('/', '')}.txt`);
      writeFileSync(path, lines.join('\n'));
      const page = join(dir, `hostile${i}.html`);
      await runCommand(['replay', path, '--html', page]);
      const text = readFileSync(page, 'utf8');
      expect(text).not.toMatch(/<script|<img|<b>|\sonerror=(?!alert)/);
      expect(text).not.toContain(task.includes('<') || task.includes('"') ? task : '\u0000');
    }
  });
});

describe.skipIf(CHROMIUM === undefined)(
  `in a browser (${CHROMIUM ?? 'skipped: no chromium is installed'})`,
  () => {
    it('no error, nothing loaded, no sideways scrolling on a phone, names for what is drawn', async () => {
      const browser = new Chromium(CHROMIUM!);
      try {
        for (const name of pages.keys()) {
          for (const [width, colorScheme] of [
            [1280, 'light'],
            [390, 'dark'],
          ] as const) {
            const page = await browser.newPage(width, 844, colorScheme);
            await page.goto(`file://${join(dir, `${name}.html`)}`);
            expect([name, page.said]).toEqual([name, []]);
            expect(page.asked.filter((url) => !url.startsWith('data:'))).toHaveLength(1);
            // As text: these run in the page, where the types of this project are not.
            const of = <T>(expression: string): Promise<T> => page.evaluate(expression) as Promise<T>;
            const seen = {
              scroll: await of<number>('document.documentElement.scrollWidth'),
              unnamed: await of<number>(
                "[...document.querySelectorAll('svg,table,[role=region]')].filter((x) => !x.getAttribute('aria-label')).length",
              ),
              background: await of<string>('getComputedStyle(document.body).backgroundColor'),
              answer: await of<string>("document.querySelector('.answer').textContent"),
            };
            expect([name, width, seen.scroll]).toEqual([name, width, width]);
            expect(seen.unnamed).toBe(0);
            expect(seen.answer.length).toBeGreaterThan(10);
            expect(seen.background).toBe(colorScheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
            await page.press('Tab', 9);
            expect(await of<string>('document.activeElement.tagName')).toBe('A');
            // What it says would have been heard.
            await page.evaluate("console.log('heard')");
            expect(page.said).toHaveLength(1);
            await page.close();
          }
        }
      } finally {
        await browser.close();
      }
    }, 120_000);
  },
);
