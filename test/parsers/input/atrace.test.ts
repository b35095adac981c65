import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { collectSpans } from '../../../src/measure/collect-spans.js';

const file = fileURLToPath(new URL('../../../fixtures/inputs/F12-atrace-z.bin', import.meta.url));
const source = { kind: 'syscall', name: 'munmap' } as const;
const TRACE = `# tracer: nop
#
             app-901     [002] .....   120.145400: sys_munmap(addr: 7f15f6646000, len: 200000)
             app-901     [002] .....   120.145800: sys_munmap -> 0x0
`;

test('F12: atrace -z', async () => {
  const run = await collectSpans({ paths: [file], source, keepOrder: 4 });
  expect([run.inputs[0]!.compression, run.inputs[0]!.format]).toEqual(['zlib', 'ftrace']);
  expect(run.inputs[0]!.lines.event).toBeGreaterThan(0);
  expect([...new Set(run.ordered)]).toEqual([400_000]);
});

test.each([1, 7, 64, 4096])('chunks of %i bytes, text before the trace', async (size) => {
  const bytes = Buffer.concat([Buffer.from('capturing trace... done\nTRACE:\n'), deflateSync(TRACE)]);
  const chunks: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
  const first = Buffer.concat(chunks.splice(0, Math.ceil(64 / size)));
  const run = await collectSpans({
    paths: ['-'],
    stdin: Readable.from([first, ...chunks]),
    source,
    keepOrder: 4,
  });
  expect([...run.ordered]).toEqual([400_000]);
});

test.each([1, 7, 64, 4096])('Chrome JSON, chunks of %i bytes', async (size) => {
  const bytes = Buffer.from(
    JSON.stringify({ traceEvents: [{ name: 'systemTraceEvents' }], systemTraceEvents: TRACE }),
  );
  const chunks: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
  const run = await collectSpans({ paths: ['-'], stdin: Readable.from(chunks), source, keepOrder: 4 });
  expect([...run.ordered]).toEqual([400_000]);
  expect(run.inputs[0]!.lines).toMatchObject({ event: 2, header: 2, foreign: 0 });
});

test('a JSON trace without kernel events is named', async () => {
  const stdin = Readable.from([Buffer.from('{"traceEvents":[{"name":"x"}]}')]);
  await expect(collectSpans({ paths: ['-'], stdin, source })).rejects.toThrow('systemTraceEvents');
});
