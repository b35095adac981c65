import { expect, test } from 'vitest';
import { nameWithUnit, unitOfName } from '../../../src/latency/histogram/unit-names.js';

test.each([
  ['usecs', 1e3],
  ['usec', 1e3],
  ['@usecs', 1e3],
  ['@ns', 1],
  ['msecs', 1e6],
  ['munmap us', 1e3],
  ['munmap (ms)', 1e6],
  ['LATms', 1e6],
  ['LAT(us)', 1e3],
  ['@lat_us', 1e3],
  ['@munmap_latency_ns', 1],
  ['durationNs', 1],
  ['@dur_µs', 1e3],
  ['TIME(s)', 1e9],
  ['@secs', 1e9],
])('%s', (name, ns) => {
  expect(unitOfName(name)).toEqual({ ns });
});

test.each(['@', 'lat', '@status', '@bus', '@ms_of_us', 'Range', 's', '@params'])('%s names none', (name) => {
  expect(unitOfName(name)).toBeNull();
});

test('what is no time', () => {
  expect(unitOfName('@ticks')).toEqual({ noTime: 'ticks' });
  expect(unitOfName('kbytes')).toEqual({ noTime: 'kbytes' });
});

test('a name that says its unit stays, another one gets it', () => {
  expect(nameWithUnit('munmap us', 1000)).toBe('@munmap_us');
  expect(nameWithUnit('@lat', 1e6)).toBe('@lat_ms');
  expect(nameWithUnit('', 1000)).toBe('@us');
  expect(nameWithUnit('@', null)).toBe('@');
});
