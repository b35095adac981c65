import { describe, expect, test } from 'vitest';
import {
  recogniseBin,
  recogniseHex,
  recogniseNoContext,
  recogniseRaw,
  recogniseRefusal,
} from '../../../src/parsers/tracefs/tracefs-refusals.js';
import { bytes, fixture, hasShared, recording, text } from '../support/run-dialect.js';

const file = (name: string): Uint8Array => fixture(`tracefs-refusals/6.12.117-lab-y/${name}.txt`);
/** Real memory is mostly zero bytes, small counts and kernel addresses. */
const binary = (): Uint8Array => {
  const head = bytes('# tracer: function\n#\n');
  const body = new Uint8Array(400);
  const view = new DataView(body.buffer);
  for (let i = 0; i < 50; i++) view.setBigUint64(i * 8, i % 2 ? 0xffffffff810eb304n : BigInt(i * 7919), true);
  return new Uint8Array([...head, ...body]);
};

describe('each form is refused under its own name, with what to do', () => {
  test.each([
    ['trace-raw', () => file('raw'), 'noraw'],
    ['trace-hex', () => file('hex'), 'nohex'],
    ['trace-bin', binary, 'nobin'],
    ['trace-no-context', () => file('no-context-info'), 'echo context-info'],
  ])('%s', (id, input, advice) => {
    const r = recogniseRefusal(input());
    expect(r?.id).toBe(id);
    expect(r?.message).toContain(advice);
  });

  test('one recogniser each', () => {
    const inputs = [file('raw'), file('hex'), binary(), file('no-context-info')];
    const recognisers = [recogniseRaw, recogniseHex, recogniseBin, recogniseNoContext];
    recognisers.forEach((f, i) => {
      expect(inputs.map((x) => f(x) !== null)).toEqual(inputs.map((_, k) => k === i));
    });
  });

  test('from a few lines on, and with the last line cut', () => {
    for (const name of ['raw', 'hex', 'no-context-info']) {
      const all = file(name);
      for (const n of [1500, 1733, 2001])
        expect(recogniseRefusal(all.subarray(0, n)), `${name} ${n}`).not.toBeNull();
    }
  });
});

test.each([
  'ftrace-options/6.12.117-lab-y/fields.txt',
  'ftrace-options/6.12.117-lab-y/sym-addr.txt',
  'function_graph/6.12.117-lab-y/default.txt',
  'function_graph/6.12.117-lab-y/latency.txt',
  'latency-format/6.12.117-lab-y/latency-format.txt',
  'latency-format/6.12.117-lab-y/verbose.txt',
  'latency-format/6.12.117-lab-y/tracer-wakeup.txt',
  'trace-cmd-report/6.12.117-lab-y/report-R.txt',
])('readable text is not refused: %s', (name) => {
  expect(recogniseRefusal(fixture(name))).toBeNull();
});

test('an empty trace, an empty file and prose are not refused', () => {
  for (const s of ['', '# tracer: nop\n#\n', 'Hello: this is text\nwith: colons\n', '1 2 3\n']) {
    expect(recogniseRefusal(bytes(s)), s).toBeNull();
  }
});

describe.skipIf(!hasShared)('all recordings (skipped: no ../shared/recordings)', () => {
  test.each(['6.12.117-lab-y', 'debian-6.16.12'])('%s', (kernel) => {
    const id = (f: string) => recogniseRefusal(recording(`${kernel}/${f}`))?.id;
    expect(id('opt-raw.txt')).toBe('trace-raw');
    expect(id('opt-hex.txt')).toBe('trace-hex');
    expect(id('no-context-info.txt')).toBe('trace-no-context');
    for (const f of [
      'ftrace-kprobes.txt.gz',
      'function_graph.txt.gz',
      'oddcomm.txt.gz',
      'clock-counter.txt',
    ]) {
      expect(id(f), f).toBeUndefined();
    }
    expect(text(recording(`${kernel}/bpftrace-events.txt.gz`)).length).toBeGreaterThan(0);
    expect(id('bpftrace-events.txt.gz')).toBeUndefined();
    expect(id('perf-script.txt.gz')).toBeUndefined();
    expect(id('kprobe_events.txt')).toBeUndefined();
  });
});
