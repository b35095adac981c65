import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';

const line = (s: string): string => `          ptwork-1195    [001] ..... ${s}: sys_munmap -> 0x0\n`;

test('captures in any order: earliest stamp, latest stamp, and the time they cover', async () => {
  const text = `# tracer: nop\n#\n${line('   200.000001')}${line('   200.000005')}# tracer: nop\n#\n${line('   100.000010')}${line('   100.000013')}`;
  const { timeline } = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
  expect(timeline).toMatchObject({
    segments: 2,
    firstNs: '100000010000',
    lastNs: '200000005000',
    spanNs: '7000',
  });
});

test('no event: nothing is covered', async () => {
  const text = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:4\n#\n';
  const { timeline } = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
  expect(timeline).toMatchObject({ events: 0, spanNs: '0' });
});
