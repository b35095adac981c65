// Processes: pipes that break and signals that come at any moment. The exit code is a documented one, nothing stays behind.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, pick, upTo } from './must.mjs';
import { mutate } from './mutate.mjs';

const COMMANDS = ['validate', 'replay', 'info', 'hist', 'convert', 'breakdown'];
const SIGNALS = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 };
/** Not even a busy machine needs so long for an input of this size. */
const HANG_MS = 120_000;

/** One process on damaged bytes, which is left or signalled at some moment. */
export function processes(pieces, root) {
  const all = pieces.map((p) => p.bytes);
  const folder = mkdtempSync(join(tmpdir(), 'pttrace-fuzz-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  let made = 0;
  return {
    name: 'processes',
    weight: 1 / 4000,
    run: async (next) => {
      const bytes = mutate(Buffer.concat([pick(all, next), pick(all, next)]), all, next);
      const command = pick(COMMANDS, next);
      const own = join(folder, String(made++));
      mkdirSync(own);
      const child = spawn(process.execPath, [join(root, 'bin/run.js'), command, '-'], {
        env: { ...process.env, TMPDIR: own },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const signal = next() < 0.6 ? pick(Object.keys(SIGNALS), next) : null;
      const leaves = next() < 0.5 ? upTo(2000, next) : Number.POSITIVE_INFINITY;
      let [got, said] = [0, ''];
      child.stdout.on('data', (chunk) => {
        got += chunk.length;
        if (got >= leaves) child.stdout.destroy();
      });
      child.stderr.on('data', (chunk) => (said += chunk));
      child.stdin.on('error', () => {});
      // With the input open the process cannot end by itself before the signal.
      child.stdin.write(bytes);
      const wait = upTo(signal ? 900 : 50, next);
      const timer = setTimeout(() => {
        if (signal) child.kill(signal);
        child.stdin.end();
      }, wait);
      const hang = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
      const { code, killed } = await new Promise((done) =>
        child.once('close', (c, s) => done({ code: c, killed: s })),
      );
      clearTimeout(timer);
      clearTimeout(hang);
      // Before Node has begun to run the program, a signal ends it as it ends any.
      must(
        killed === null || (killed === signal && said === ''),
        `${command} was ended by ${killed}: ${said}`,
      );
      const ends = [0, 1, 2, 3, 141, ...(signal ? [SIGNALS[signal]] : [])];
      must(killed !== null || ends.includes(code), `${command} ended with ${code}: ${said.slice(-400)}`);
      const left = readdirSync(own);
      must(
        left.length === 0,
        `${command} (${signal ?? 'no signal'}) left ${left.join(', ')} in the temporary folder`,
      );
      rmSync(own, { recursive: true });
    },
  };
}
