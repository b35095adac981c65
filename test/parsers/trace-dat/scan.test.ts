import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../../src/parsers/input/trace-error.js';
import { bytesSource } from '../../../src/parsers/trace-dat/byte-source.js';
import { openTraceDat, type TraceDatSummary } from '../../../src/parsers/trace-dat/scan.js';
import { EventTable, RESERVED } from '../../../src/timeline/events.js';
import { FLAG } from '../../../src/timeline/flags.js';
import { Interner } from '../../../src/timeline/interner.js';
import { TimeBase } from '../../../src/timeline/time-base.js';
import { buildV7, fixture, KERNELS, latin1, reportOf, splitV6, zlibPack } from './support/files.js';

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly comm: string;
  readonly body: string;
  readonly ns: string;
  readonly cpu: number;
  readonly pid: number;
  readonly flags: number;
  readonly line: number;
  readonly offset: number;
  readonly aux: number;
}

function scan(
  bytes: Uint8Array,
  bodies: 'text' | 'none' = 'text',
): { rows: Row[]; summary: TraceDatSummary } {
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const rows: Row[] = [];
  const summary = openTraceDat(
    bytesSource(bytes, 'x.dat'),
    context,
    (b) => {
      for (let i = 0; i < b.length; i++) {
        const head = context.events.head(b.event[i]!);
        rows.push({
          kind: head.kind,
          name: b.event[i] === RESERVED.lost ? 'lost' : head.name,
          comm: context.names.text(b.comm[i]!),
          body: b.body(i),
          ns: context.time.absolute(b.tsNs[i]!),
          cpu: b.cpu[i]!,
          pid: b.pid[i]!,
          flags: b.flags[i]!,
          line: b.line[i]!,
          offset: b.offset[i]!,
          aux: b.aux[i]!,
        });
      }
    },
    { input: 0, bodies },
  );
  return { rows, summary };
}

const LINE = /^ *(.*)-(\d+) +\[(\d+)\] +(\d+)\.(\d+): (\w+): +(.*)$/;

describe.each(KERNELS)('rows of %s', (kernel) => {
  const bytes = fixture(kernel, 'v6.dat');
  const { rows, summary } = scan(bytes);
  const lines = latin1(fixture(kernel, 'v6.report.txt')).trimEnd().split('\n').slice(1);

  it('are the lines of the report, one by one', () => {
    expect(rows.length).toBe(lines.length);
    expect(summary.problemCount).toBe(0);
    lines.forEach((line, i) => {
      const m = LINE.exec(line)!;
      const row = rows[i]!;
      expect([row.comm, row.pid, row.cpu, row.line]).toEqual([m[1], Number(m[2]), Number(m[3]), i + 1]);
      expect((BigInt(row.ns) + 500n) / 1000n).toBe(BigInt(m[4]! + m[5]!));
      if (m[6] === 'function') expect([row.kind, row.name]).toEqual(['function', m[7]]);
      else if (/^sys_/.test(m[6]!))
        expect([row.kind, row.body]).toEqual([`syscall-${m[6]!.split('_')[1]}`, m[7]]);
      else expect([row.name, row.body.replace(/idle=.*/, '')]).toEqual([m[6], m[7]!.replace(/idle=.*/, '')]);
    });
  });

  it('carry context, parents and places', () => {
    expect(rows.every((r) => (r.flags & FLAG.known) !== 0)).toBe(true);
    expect(rows.some((r) => (r.flags & FLAG.irqsOff) !== 0)).toBe(true);
    expect(rows.filter((r) => r.kind === 'function').every((r) => /^[\w.]+$/.test(r.body))).toBe(true);
    for (const row of rows.slice(0, 50)) {
      // The record at `offset` begins with its event's id and holds its pid.
      expect(Buffer.from(bytes).readInt32LE(row.offset + 4)).toBe(row.pid);
    }
  });

  it('are the same without bodies, and of a compressed version 7', () => {
    const bare = ({ body: _, ...r }: Row) => r;
    expect(scan(bytes, 'none').rows.map(bare)).toEqual(rows.map(bare));
    const place = ({ offset: _, ...r }: Row) => r;
    expect(scan(buildV7(bytes, 'zlib', zlibPack)).rows.map(place)).toEqual(rows.map(place));
  });

  it('have a lost row where the kernel counted missed events', () => {
    const changed = Buffer.from(bytes);
    const page = splitV6(bytes).cpus[0]!.offset + 4096;
    const used = 64;
    // A stored count stands behind the data.
    const commit = changed.readUInt32LE(page + 8) & 0x3fffffff;
    expect(commit).toBeGreaterThan(used);
    changed.writeUInt32LE((commit | 0x80000000) >>> 0, page + 8);
    const lost = scan(changed).rows.filter((r) => r.name === 'lost');
    expect(lost.map((r) => [r.cpu, r.aux])).toEqual([[0, -1]]);
    if (commit + 24 <= 4096) {
      changed.writeUInt32LE((commit | 0xc0000000) >>> 0, page + 8);
      changed.writeBigUInt64LE(77n, page + 16 + commit);
      expect(
        scan(changed)
          .rows.filter((r) => r.name === 'lost')
          .map((r) => r.aux),
      ).toEqual([77]);
    }
  });
});

describe('damaged files', () => {
  const bytes = fixture(KERNELS[0], 'v6.dat');
  const v7 = buildV7(bytes, 'zlib', zlibPack);
  const whole = scan(bytes).rows.length;

  const survives = (b: Uint8Array): void => {
    try {
      const { rows, summary } = scan(b);
      expect(rows.length).toBe(summary.records + summary.lostFacts);
      expect(reportOf(b).length).toBeLessThan(1 << 24);
    } catch (e) {
      if (!(e instanceof TraceError)) throw e;
      expect(e.message).toMatch(/^byte \d+: /);
      expect([e.path, typeof e.offset]).toEqual(['x.dat', 'number']);
    }
  };

  it('keep what stands before the cut, at any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length }), (n) => {
        survives(bytes.subarray(0, n));
      }),
      { numRuns: 60 },
    );
    const { cpus } = splitV6(bytes);
    const cut = scan(bytes.subarray(0, cpus[1]!.offset + 1000));
    expect(cut.rows.length).toBeGreaterThan(100);
    expect(cut.rows.length).toBeLessThan(whole);
    expect(cut.summary.problemCount).toBeGreaterThan(0);
    expect(cut.summary.problems[0]).toBeInstanceOf(TraceError);
  });

  it.each([
    ['6', bytes],
    ['7', v7],
  ])('of version %s never crash, hang or grow', (_, file) => {
    const change = fc.tuple(fc.integer({ min: 0, max: file.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (changes) => {
        const b = Uint8Array.from(file);
        for (const [at, value] of changes) b[at] = value;
        survives(b);
      }),
      { numRuns: 80 },
    );
    const early = fc.tuple(fc.integer({ min: 10, max: 200 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(early, { minLength: 1, maxLength: 4 }), (changes) => {
        const b = Uint8Array.from(file);
        for (const [at, value] of changes) b[at] = value;
        survives(b);
      }),
      { numRuns: 60 },
    );
  });

  it('name file and place of an absurd size', () => {
    const b = Buffer.from(bytes);
    b.writeBigUInt64LE(0xffffffffffffff00n, 30);
    expect(() => scan(b)).toThrow(/^byte 30: header_page size 18446744073709551360 is beyond/);
  });
});
