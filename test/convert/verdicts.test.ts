import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { CONVERT_FORMATS } from '../../src/convert/convert.js';
import type { Result } from '../../src/result/types.js';
import { inTurn } from '../replay/support/in-turn.js';
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
  test.each(inTurn(CONVERT_FORMATS, 2, REPLAYED.indexOf(name)))(
    'the verdicts of its %s are its own',
    async (to) => {
      own ??= analyse({ paths: [join(ROOT, name)] }).then(says);
      const want = await own;
      const { bytes, unsaid } = await converted([join(ROOT, name)], to);
      writeFileSync(file, bytes);
      const got = says(await analyse({ paths: [file] }));
      // What is not said may be missed, and is told; nothing else may differ.
      if (unsaid.size === 0) expect(got).toEqual(want);
      else expect(got.timeline.events).toBe(want.timeline.events);
      if (name.includes('replay/')) expect([...unsaid]).toEqual([]);
    },
  );
});

test('there are kprobe recordings of every kernel', () => {
  expect(REPLAYED.filter((f) => f.includes('replay/')).length).toBeGreaterThanOrEqual(10);
});

const HEAD = '# tracer: nop\n#\n';
const EVENT = '      ptw-munmap-3347  [000] ..... 200.877460: ';

/** Recordings that are not whole, or whose lines quote other formats. */
const ODD: Readonly<Record<string, string>> = {
  'cut behind its header, with a definition behind its first event': [
    '# entries-in-buffer/entries-written: 601/601   #P:4',
    '            init-3127    [001] d..1.   176.820525: tlb_flush: pages:-1 reason:flush on task switch (0)',
    '# pttrace: probe p:pttrace_129/flush_tlb_mm_range flush_tlb_mm_range mm=%di:x64 start=%si:x64 end=%dx:x64',
    ' munmap-work-357     [002] .....     5.883586: pmd_install: (pmd_install+0x4/0xe0) mm=0xffff8d5f82134d00 pmd=0xffff8d5f87b2c010 page=0xfffff7e5801ecb40',
  ].join('\n'),
  'a page whose trace holds the mark of a page': `<html><script class="trace-data" type="application/text">\n${EVENT.replace('.....', '')}function:             tlb_finish_mm<script class="trace-data">u\n`,
  'text with the mark of a page in a marker': `${HEAD}${EVENT}tracing_mark_write: <script class="trace-data">\n${EVENT}tlb_flush: pages:-1 reason:flush on task switch (0)\n`,
  'text with the other mark': `${HEAD}${EVENT}tracing_mark_write: linuxPerfData = "\n${EVENT}tlb_flush: pages:-1 reason:flush on task switch (0)\n`,
};

describe.each(Object.keys(ODD))('%s', (name) => {
  test.each(CONVERT_FORMATS)('the verdicts of its %s are its own', async (to) => {
    const from = join(dir, 'odd');
    writeFileSync(from, ODD[name]!);
    const want = says(await analyse({ paths: [from] }));
    expect(want.timeline.events).toBeGreaterThan(0);
    writeFileSync(file, (await converted([from], to)).bytes);
    const got = says(await analyse({ paths: [file] }));
    expect(got.invariants).toEqual(want.invariants);
    expect(got.timeline.events).toBe(want.timeline.events);
    // Once more: what is said of the first recording is kept, and kept once.
    const again = join(dir, 'again');
    writeFileSync(again, (await converted([file], 'ftrace')).bytes);
    expect(says(await analyse({ paths: [again] })).invariants).toEqual(want.invariants);
  });
});
