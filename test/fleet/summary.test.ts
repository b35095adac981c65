import { expect, it } from 'vitest';
import { type RecordingRow, rowWithout } from '../../src/fleet/recording-row.js';
import { Summary } from '../../src/fleet/summary.js';

const row = (path: string, more: Partial<RecordingRow>): RecordingRow => {
  const { error: _, ...empty } = rowWithout(path, 'failed', { code: '', message: '' });
  return { ...empty, status: 'no-finding', ...more };
};

const ROWS = [
  row('a', { kernel: '6.12', host: 'h1', tableFrees: 5, held: ['I01', 'I09'], lost: 3 }),
  row('b', {
    kernel: '6.12',
    host: 'h2',
    status: 'finding',
    findings: 2,
    violated: [{ id: 'I09', times: 2, message: 'm' }],
    undecided: [{ id: 'I01', why: 'needs x' }],
    lostUnknown: 1,
  }),
  row('c', { variants: ['A1', 'C'], undecided: [{ id: 'I01', why: 'needs x' }], idle: ['I02'] }),
  rowWithout('d', 'unreadable', { code: 'empty', message: 'is empty' }),
];

it('adds up by kernel, host and rule; every recording is in one place of each', () => {
  const adding = new Summary();
  for (const r of ROWS) adding.add(r);
  const s = adding.done(false);
  expect(s).toMatchObject({
    recordings: 4,
    finding: 1,
    noFinding: 2,
    unreadable: 1,
    failed: 0,
    tableFrees: 5,
  });
  expect(s.kernels.map((k) => [k.name, k.recordings, k.finding, k.lost, k.lostUnknown])).toEqual([
    ['', 1, 0, 0, 0],
    ['6.12', 2, 1, 3, 1],
    ['not said: variant A1, C', 1, 0, 0, 0],
  ]);
  expect(s.hosts.map((h) => [h.name, h.recordings])).toEqual([
    ['', 2],
    ['h1', 1],
    ['h2', 1],
  ]);
  expect(s.rules.map((r) => [r.id, r.violated, r.held, r.undecided, r.idle, r.times, r.why])).toEqual([
    ['I09', 1, 1, 0, 0, 2, []],
    ['I01', 0, 1, 2, 0, 0, [{ reason: 'needs x', recordings: 2 }]],
  ]);
  expect(s.findings.map((f) => f.path)).toEqual(['b']);
  expect(s.bad).toEqual([{ path: 'd', status: 'unreadable', error: { code: 'empty', message: 'is empty' } }]);
});

it('keeps the ten slowest of a name, of equal ones the first', () => {
  const adding = new Summary();
  const span = (maxNs: number) => ({ latency: [{ name: 'munmap', count: 1, p99Ns: 1, maxNs }] });
  for (let i = 0; i < 200; i++) adding.add(row(`r${i}`, span(i % 100)));
  const [munmap] = adding.done(false).slowest;
  expect(munmap!.spans.map((s) => s.path)).toEqual(
    [99, 199, 98, 198, 97, 197, 96, 196, 95, 195].map((i) => `r${i}`),
  );
});
