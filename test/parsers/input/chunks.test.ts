import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { orAbort } from '../../../src/parsers/input/chunks.js';

describe('a step that an abort cuts short', () => {
  it('is its own result, its own failure, or null once aborted', async () => {
    const abort = new AbortController();
    expect(await orAbort(Promise.resolve(7), abort.signal)).toBe(7);
    await expect(orAbort(Promise.reject(new Error('torn')), abort.signal)).rejects.toThrow('torn');
    const silent = orAbort(new Promise<number>(() => {}), abort.signal);
    abort.abort();
    expect(await silent).toBe(null);
    expect(await orAbort(Promise.reject(new Error('too late')), abort.signal)).toBe(null);
  });

  it('leaves nothing with the signal', async () => {
    const abort = new AbortController();
    for (let i = 0; i < 1000; i++) await orAbort(Promise.resolve(i), abort.signal);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });
});
