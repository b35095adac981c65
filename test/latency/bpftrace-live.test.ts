import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type LhistShape, printFamily } from '../../src/latency/histogram/bpftrace-labels.js';
import {
  histCounts,
  lhistCounts,
  printHistMap,
  printLhistMap,
} from '../../src/latency/histogram/bpftrace-print.js';
import { type MadeMap, makeMap, mapsProgram, RandomMaps } from './support/random-maps.js';

/** Maps printed by the bpftrace of this machine, with its version; null where it is missing or may not run. */
function live(): { version: string } | null {
  try {
    const version = /v(\d+\.\d+\.\d+)/.exec(
      execFileSync('bpftrace', ['--version'], { encoding: 'utf8' }),
    )?.[1];
    const out = execFileSync('bpftrace', ['-e', 'interval:ms:1 { @m = hist(5); exit(); }'], {
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return version !== undefined && out.includes('[4, 8)') ? { version } : null;
  } catch {
    return null;
  }
}

/** Compared with what was stored. */
const MAPS = 1000;
/** Printed by the bpftrace of this machine; docs/ci/long-runs.yml asks for 1000. */
const LIVE = Number(process.env.PTTRACE_BPFTRACE_MAPS ?? 60);
const SEED = 20241115;
const STORED = new URL('../../fixtures/bpftrace-hist/0.17.0/random-maps.json.gz', import.meta.url);
/** As many as one program may hold without being refused for its size. */
const PER_RUN = 20;

/** What follows the attach message and the blank lines bpftrace puts around the maps. */
const withoutChatter = (out: string): string =>
  `${out
    .slice(out.indexOf('\n') + 1)
    .replace(/^\n+/, '')
    .replace(/\n+$/, '')}\n\n`;

function* repeated(values: readonly (readonly [number, number])[]): Generator<number> {
  for (const [value, times] of values) for (let i = 0; i < times; i++) yield value;
}

function ours(map: MadeMap, version: string): string {
  const family = printFamily(version)!;
  const key = (k: string | number | null): string | null => (k === null ? null : String(k));
  return map.kind === 'hist'
    ? printHistMap(
        map.name,
        map.keys.map((k) => ({ key: key(k.key), counts: histCounts(repeated(k.values), 0, family) })),
        { family },
      )
    : printLhistMap(
        map.name,
        map.shape as LhistShape,
        map.keys.map((k) => ({ key: key(k.key), counts: lhistCounts(repeated(k.values), map.shape!) })),
        { family },
      );
}

const bpftrace = live();

describe('random maps', () => {
  test.skipIf(bpftrace === null)(
    bpftrace === null
      ? 'live bpftrace: NOT RUN, it is missing or may not load programs here; stored outputs are compared below'
      : `${LIVE} of them byte for byte what bpftrace ${bpftrace.version} prints`,
    () => {
      const random = new RandomMaps(SEED);
      const directory = mkdtempSync(join(tmpdir(), 'pttrace-bpftrace-'));
      let compared = 0;
      const texts: string[] = [];
      try {
        while (compared < LIVE) {
          const maps = Array.from({ length: PER_RUN }, (_, i) => makeMap(random, i));
          const file = join(directory, 'maps.bt');
          writeFileSync(file, mapsProgram(maps));
          const out = execFileSync('bpftrace', [file], {
            encoding: 'utf8',
            timeout: 60_000,
            stdio: ['ignore', 'pipe', 'ignore'],
          });
          const printed = withoutChatter(out);
          texts.push(printed);
          expect(printed).toBe(maps.map((m) => ours(m, bpftrace!.version)).join(''));
          compared += maps.length;
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
      expect(compared).toBeGreaterThanOrEqual(LIVE);
      // To store what this release printed: PTTRACE_REGENERATE=1 PTTRACE_BPFTRACE_MAPS=1000.
      if (process.env.PTTRACE_REGENERATE === '1' && bpftrace!.version === '0.17.0') {
        writeFileSync(STORED, gzipSync(JSON.stringify(texts), { level: 9 }));
      }
    },
    300_000,
  );

  test('in CI bpftrace must be there', () => {
    if (process.env.CI === 'true') expect(bpftrace, 'CI=true, but bpftrace cannot run').not.toBeNull();
  });

  test(`stored outputs of bpftrace 0.17.0: ${MAPS} maps`, () => {
    const texts = JSON.parse(gunzipSync(readFileSync(STORED)).toString()) as string[];
    const random = new RandomMaps(SEED);
    for (const text of texts) {
      const maps = Array.from({ length: PER_RUN }, (_, i) => makeMap(random, i));
      expect(maps.map((m) => ours(m, '0.17.0')).join('')).toBe(text);
    }
    expect(texts.length * PER_RUN).toBeGreaterThanOrEqual(MAPS);
  });
});
