import { expect, it } from 'vitest';
import { triggerTables } from '../../../src/latency/printed/read-hist-trigger.js';

it('a row cut off before the measured key is counted as unread; the others are read', () => {
  const { histograms } = triggerTables([
    '# event histogram',
    '#',
    '# trigger info: hist:keys=common_pid,lat.log2:vals=hitcount:size=2048 [active]',
    '#',
    '{ common_pid:        901 } hitcount:          3',
    '{ common_pid:        901, lat: ~ 2^8 } hitcount:         12',
    '{ common_pid:        901, lat: ~ 2^9 } hitcount:          4',
    'Totals:',
    '    Hits: 19',
    '    Entries: 3',
    '    Dropped: 0',
  ]);
  expect(histograms).toHaveLength(1);
  const [read] = histograms;
  expect(read!.name).toBe('lat');
  expect(read!.bins.map((b) => b.count)).toEqual([12, 4]);
  expect(read!.complete).toBe(false);
  expect(read!.notes).toContain('1 row(s) could not be read');
});
