import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Result } from '../../../src/result/types.js';
import { replayLines } from '../support/replay.js';

const ROOT = new URL('../../../fixtures/replay/', import.meta.url);

export interface Fixture {
  readonly name: string;
  readonly kernel: string;
  readonly lines: readonly string[];
  readonly probes: string;
}

let held: readonly Fixture[] | undefined;

/** The real recordings under fixtures/replay, decompressed, with the probe definitions of their kernel. */
export function replayFixtures(): readonly Fixture[] {
  // Once a worker: a dozen files of tests ask for them.
  held ??= read();
  return held;
}

const results = new Map<Fixture, Promise<Result>>();

/** What is said of one of them as it is; once a worker. */
export function undamaged(fixture: Fixture): Promise<Result> {
  const known = results.get(fixture) ?? replayLines(fixture.lines);
  results.set(fixture, known);
  return known;
}

function read(): Fixture[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: kernel }) => {
      const folder = new URL(`${kernel}/`, ROOT);
      const probes = readFileSync(new URL('kprobe_events.txt', folder), 'utf8');
      return readdirSync(folder)
        .filter((file) => file.endsWith('.txt.gz'))
        .map((file) => {
          const text = gunzipSync(readFileSync(new URL(file, folder))).toString('utf8');
          return { name: `${kernel}/${file}`, kernel, lines: text.split('\n').slice(0, -1), probes };
        });
    });
}
