import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { CONVERT_FORMATS } from '../../src/convert/convert.js';
import type { Result } from '../../src/result/types.js';
import { ROOT } from '../support/built.js';
import { converted, TRACES } from './support.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-verdicts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'out');
const REPLAYED = TRACES.filter((f) =>
  /fixtures\/(?:replay|bpftrace-log|bpftrace-json|trace-cmd-report)/.test(f),
);

/** All that a replay says, but for where the lines stand. */
const says = (r: Result) => ({
  timeline: r.timeline,
  variant: r.variant.candidates,
  bases: [r.bases.vmemmap, r.bases.directMap],
  probes: r.probes,
  operations: r.operations,
  invariants: r.invariants.map(({ id, verdict, instances, basis, unknowns }) => ({
    id,
    verdict,
    instances,
    basis,
    unknowns: unknowns.map((u) => [u.reason, u.count]),
  })),
  latency: r.latency,
  deferred: r.deferred,
});

describe.each(REPLAYED)('%s', (name) => {
  let own: Promise<ReturnType<typeof says>> | undefined;
  test.each(CONVERT_FORMATS)('the verdicts of its %s are its own', async (to) => {
    own ??= analyse({ paths: [join(ROOT, name)] }).then(says);
    const want = await own;
    const { bytes, unsaid } = await converted([join(ROOT, name)], to);
    writeFileSync(file, bytes);
    const got = says(await analyse({ paths: [file] }));
    // What is not said may be missed, and is told; nothing else may differ.
    if (unsaid.size === 0) expect(got).toEqual(want);
    else expect(got.timeline.events).toBe(want.timeline.events);
    if (name.includes('replay/')) expect([...unsaid]).toEqual([]);
  });
});

test('there are kprobe recordings of every kernel', () => {
  expect(REPLAYED.filter((f) => f.includes('replay/')).length).toBeGreaterThanOrEqual(10);
});
