import { readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { UsageError } from '../../src/result/usage-error.js';

// Correct kernels: whatever is unusual in these recordings, none of it is a violation (fixtures/alarms/README.md).

const EVENT = /^.{16,}?-\d+\s+\[\d+\] \S+\s+\d+\.\d+: (\S+?)(?::| ->|\()/;
const FOLDER = new URL('../../fixtures/alarms/', import.meta.url).pathname;

describe.each(readdirSync(FOLDER).filter((name) => !name.endsWith('.md')))('%s', (name) => {
  it('accuses nobody', async () => {
    const { invariants } = await analyse({ paths: [FOLDER + name] });
    const violated = invariants.filter((i) => i.verdict === 'violated');
    expect(violated.map((i) => `${i.id}: ${i.findings[0]?.message}`)).toEqual([]);
    // It is judged, not passed over; without any order nothing can be.
    if (!name.startsWith('reversed'))
      expect(invariants.reduce((sum, i) => sum + i.instances.pass, 0)).toBeGreaterThan(0);
  });
});

describe.each(readdirSync(FOLDER).filter((name) => /\.txt(?:\.gz)?$/.test(name)))(
  '%s, one probe not set',
  (name) => {
    it('accuses nobody', async () => {
      const bytes = readFileSync(FOLDER + name);
      const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1').split('\n');
      const names = lines.map((line) => EVENT.exec(line)?.[1] ?? '');
      const found: Record<string, string[]> = {};
      for (const event of new Set(names)) {
        if (event === '') continue;
        const left = lines.filter((_, i) => names[i] !== event).join('\n');
        const { invariants } = await analyse({
          paths: ['-'],
          stdin: Readable.from([Buffer.from(left, 'latin1')]),
        });
        const violated = invariants.filter((i) => i.verdict === 'violated').map(({ id }) => id);
        if (violated.length > 0) found[event] = violated;
      }
      expect(found).toEqual({});
    });
  },
);

describe('what is said beside', () => {
  const notes = async (name: string): Promise<string[]> =>
    (await analyse({ paths: [FOLDER + name] })).inputs[0]!.notes.map((note) => note.code);

  it('events on one line are read, and each is quoted from where it begins', async () => {
    const result = await analyse({ paths: [`${FOLDER}6.1-nohash-real.txt.gz`] });
    expect(result.inputs[0]!.notes.map((n) => n.code)).toContain('glued-lines');
    expect(result.timeline.events).toBeGreaterThan(result.inputs[0]!.lines.event);
    const quoted = result.variant.evidence.flatMap((e) => e.events);
    for (const event of quoted) expect(event.text).toMatch(/^ *\S.*-\d+ +\[\d{3}\]/);
  });

  it('lines in no order are one sentence', async () => {
    expect(await notes('reversed.txt.gz')).toContain('out-of-order');
    const { invariants } = await analyse({ paths: [`${FOLDER}reversed.txt.gz`] });
    const i52 = invariants.find((i) => i.id === 'I52')!;
    expect([i52.verdict, i52.instances.violated]).toEqual(['unknown', 0]);
  });

  it('a CPU that goes offline and comes back has lost nothing', async () => {
    const { invariants } = await analyse({ paths: [`${FOLDER}hotplug-three-6.12.txt.gz`] });
    const i53 = invariants.find((i) => i.id === 'I53')!;
    expect(i53.instances).toMatchObject({ pass: 4, unknown: 0 });
  });

  it('excerpts are told apart', async () => {
    expect(await notes('mail-two-excerpts.eml')).toContain('excerpts');
  });

  it('a release narrows the variants and picks the rule', async () => {
    const of = async (name: string, kernel: string) => {
      const result = await analyse({ paths: [FOLDER + name], kernel });
      const i36 = result.invariants.find((i) => i.id === 'I36')!;
      return [result.variant.candidates.join(), i36.verdict];
    };
    expect(await of('expedited-7.3.txt', '7.3')).toEqual(['E', 'pass']);
    expect((await of('expedited-7.3.txt', '7.2.13'))[1]).toBe('violated');
    await expect(of('expedited-7.3.txt', 'new')).rejects.toThrow(UsageError);
  });
});
