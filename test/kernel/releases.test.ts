import { describe, expect, it } from 'vitest';
import {
  hasChange,
  KERNEL_CHANGES,
  olderThan,
  parseRelease,
  SYMBOL_CHANGES,
} from '../../src/kernel/releases.js';

describe('parseRelease', () => {
  it.each([
    ['6.12.117-lab-y', { major: 6, minor: 12, patch: 117, next: false }],
    ['7.3.0-rc2+deb14-amd64', { major: 7, minor: 3, patch: 0, next: false }],
    ['7.3', { major: 7, minor: 3, patch: 0, next: false }],
    ['6.19-next-20260110', { major: 6, minor: 19, patch: 0, next: true }],
    ['5.10.0-1160.el7.x86_64', { major: 5, minor: 10, patch: 0, next: false }],
  ])('%s', (text, release) => {
    expect(parseRelease(text)).toEqual(release);
  });

  it.each(['', 'linux', '7', 'x6.12'])('%j is none', (text) => {
    expect(parseRelease(text)).toBeNull();
  });

  it('6.2 is older than 6.14: numbers, not text', () => {
    expect(olderThan(parseRelease('6.2.9')!, '6.14')).toBe(true);
    expect(olderThan(parseRelease('6.14.0')!, '6.14')).toBe(false);
    expect(olderThan(parseRelease('7.0.1')!, '6.14')).toBe(false);
  });
});

describe('hasChange', () => {
  it('from the release that brought it', () => {
    const name = 'callbacks-advance-on-expedited-gp';
    expect(hasChange(name, parseRelease('7.3.4'))).toBe(true);
    expect(hasChange(name, parseRelease('8.0.0'))).toBe(true);
    expect(hasChange(name, parseRelease('7.2.13'))).toBe(false);
    expect(hasChange(name, parseRelease('6.18.15'))).toBe(false);
  });

  it('in stable series from their own release on, and not in the series between', () => {
    const name = 'unshared-tables-in-gather';
    expect(hasChange(name, parseRelease('6.12.74'))).toBe(true);
    expect(hasChange(name, parseRelease('6.12.73'))).toBe(false);
    expect(hasChange(name, parseRelease('6.13.80'))).toBe(false);
    expect(hasChange(name, parseRelease('6.19.0'))).toBe(true);
  });

  it('is not known of an unknown release, nor of linux-next before it', () => {
    for (const name of Object.keys(KERNEL_CHANGES) as (keyof typeof KERNEL_CHANGES)[]) {
      expect(hasChange(name, null)).toBeNull();
      expect(hasChange(name, parseRelease('5.0-next-20190101'))).toBeNull();
      expect(hasChange(name, parseRelease('99.0.0'))).toBe(true);
      expect(hasChange(name, parseRelease('4.1.0'))).toBe(false);
    }
  });
});

describe('the tables', () => {
  it('every release in them can be read', () => {
    for (const { since } of SYMBOL_CHANGES) expect(parseRelease(since)).not.toBeNull();
    for (const change of Object.values(KERNEL_CHANGES)) {
      expect(parseRelease(change.since)).not.toBeNull();
      for (const stable of 'stable' in change ? change.stable : [])
        expect(parseRelease(stable)).not.toBeNull();
    }
  });
});
