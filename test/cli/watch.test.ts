import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { fixture, folder, linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { runCommand } from '../support/run-command.js';

const LINES = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
const GOOD = Buffer.from(`${LINES.join('\n')}\n`);
const BAD = Buffer.from(`${withoutOneFlush(LINES).join('\n')}\n`);

/** In pieces that end inside lines, each at its own time. */
const inPieces = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );

describe('pttrace watch', () => {
  it.each([
    ['a clean stream', GOOD, 0],
    ['a broken one', BAD, 1],
  ] as const)('%s: ends as replay does, byte for byte', async (_, bytes, status) => {
    for (const look of [[], ['--all'], ['--plain'], ['--json']]) {
      const replayed = await runCommand(['replay', '-', ...look], { input: bytes });
      const watched = await runCommand(['watch', ...look, '--every', '0'], {
        input: inPieces(bytes, 10_007),
      });
      expect([watched.status, replayed.status]).toEqual([status, status]);
      expect(watched.stdout).toBe(replayed.stdout);
    }
  });

  it('tells each violation while the stream runs, with lines of it', async () => {
    const { stderr } = await runCommand(['watch', '--every', '0'], { input: inPieces(BAD, 4096) });
    const json = JSON.parse((await runCommand(['replay', '-', '--json'], { input: BAD })).stdout);
    const found = json.invariants.flatMap((i: { id: string; findings: { message: string }[] }) =>
      i.findings.map((f) => `${i.id} ${f.message}`),
    );
    expect(found.length).toBeGreaterThan(0);
    for (const text of found) {
      const [id, ...message] = text.split(' ');
      expect(stderr).toMatch(new RegExp(`^${id} [\\w-]+ is violated: `, 'm'));
      expect(stderr).toContain(message.join(' '));
    }
    const shown = stderr.split('\n').filter((l) => l.startsWith('  '));
    expect(shown.length).toBeGreaterThan(1);
    const all = new Set(
      BAD.toString()
        .split('\n')
        .map((l) => l.trim()),
    );
    for (const line of shown) expect(all.has(line.trim()), line).toBe(true);
  });

  it('says nothing of a clean stream but its lines', async () => {
    const { stderr } = await runCommand(['watch', '--every', '0'], { input: GOOD });
    expect(stderr).toBe('');
  });

  it('a line a second: events, latency, what waits', async () => {
    const slow = Readable.from(
      (async function* () {
        const half = GOOD.length >> 1;
        yield GOOD.subarray(0, half);
        await new Promise((resolve) => setTimeout(resolve, 1300));
        yield GOOD.subarray(half);
      })(),
      { objectMode: false },
    );
    const { stderr } = await runCommand(['watch'], { input: slow });
    expect(stderr).toMatch(
      /^\d+ s: \d+ events, \d+\/s; munmap \d+.*; \d+ tables queued to RCU; no violation$/m,
    );
  });

  it('--exec runs for each violation; what is in the recording is no part of the command', async () => {
    const out = join(folder(), 'told');
    const evil = withoutOneFlush(LINES).map((l) => l.replace(/^ *\S+-(\d+) /, ' $(touch_pwned)-$1 '));
    const { status } = await runCommand(
      ['watch', '--every', '0', '--exec', `printf '%s|%s\\n' "$PTTRACE_RULE" "$PTTRACE_LINES" >> '${out}'`],
      {
        input: Buffer.from(`${evil.join('\n')}\n`),
      },
    );
    expect(status).toBe(1);
    const told = readFileSync(out, 'utf8');
    expect(told).toMatch(/^I\d\d [\w-]+\|/);
    expect(told).toContain('$(touch_pwned)-');
  });

  it('reads files as well, and refuses what is no trace', async () => {
    const watched = await runCommand([
      'watch',
      fixture('6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz'),
      '--every',
      '0',
      '--json',
    ]);
    expect(JSON.parse(watched.stdout).timeline.events).toBe(2488);
    expect((await runCommand(['watch', '--every', '0'], { input: 'Dear all,\n\nno trace.\n' })).status).toBe(
      3,
    );
    expect((await runCommand(['watch', '/no/such/place'])).status).toBe(3);
  });
});
