import { latin1 } from '../../timeline/batch.js';

const texts = new WeakMap<Uint8Array, string>();

/** The first `limit` bytes of a sample as text, one character a byte. All formats look at the same sample: it is decoded once. */
export function sampleText(sample: Uint8Array, limit = sample.length): string {
  let text = texts.get(sample);
  if (text === undefined) texts.set(sample, (text = latin1(sample, 0, sample.length)));
  return limit < text.length ? text.slice(0, limit) : text;
}
