import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CpuStream, Merge } from '../../../src/parsers/trace-dat/cpu-stream.js';
import type { PageFeed } from '../../../src/parsers/trace-dat/page-feed.js';
import { fixture, KERNELS, reportOf, splitV6 } from './support/files.js';

const installed = spawnSync('trace-cmd', ['list', '-c']).error === undefined;

/** A sub-buffer made by hand; entries are appended, `done` stamps the head. */
class Page {
  readonly view = new DataView(new ArrayBuffer(4096));
  private at = 16;

  private readonly little: boolean;

  constructor(stamp: bigint, little = true) {
    this.little = little;
    this.view.setBigUint64(0, stamp, little);
  }

  private head(type: number, delta: number): void {
    const word = this.little ? (delta << 5) | type : (type << 27) | delta;
    this.view.setUint32(this.at, word >>> 0, this.little);
    this.at += 4;
  }

  data(delta: number, words: readonly number[], long = false): this {
    this.head(long ? 0 : words.length, delta);
    if (long) this.word(words.length * 4 + 4);
    for (const w of words) this.word(w);
    return this;
  }

  special(type: 29 | 30 | 31, delta: number, word: number): this {
    this.head(type, delta);
    this.word(word);
    return this;
  }

  skip(bytes: number): this {
    this.at += bytes;
    return this;
  }

  done(flags = 0n, stored = 0n): Uint8Array {
    this.view.setBigUint64(8, BigInt(this.at - 16) | flags, this.little);
    this.view.setBigUint64(this.at, stored, this.little);
    return new Uint8Array(this.view.buffer);
  }

  private word(w: number): void {
    this.view.setUint32(this.at, w >>> 0, this.little);
    this.at += 4;
  }
}

function feedOf(pages: readonly Uint8Array[]): PageFeed {
  let i = 0;
  const feed: PageFeed = {
    bytes: new Uint8Array(0),
    start: 0,
    length: 4096,
    offset: 0,
    next() {
      if (i >= pages.length) return false;
      feed.bytes = pages[i]!;
      feed.offset = 4096 * i++;
      return true;
    },
  };
  return feed;
}

const scale = { exactOnly: false, relative: (s: bigint) => Number(s) };
const stream = (pages: readonly Uint8Array[], little = true, order = 0): CpuStream =>
  new CpuStream(
    order,
    order,
    feedOf(pages),
    { littleEndian: little, longSize: 8, dataOffset: 16 },
    scale,
    'x',
  );

function read(s: CpuStream): [number, number, number, number][] {
  const out: [number, number, number, number][] = [];
  while (s.advance()) out.push([s.ts, s.size, s.lost, s.offset]);
  return out;
}

describe.each([true, false])('a sub-buffer, little-endian %s', (little) => {
  it('adds up deltas, extensions and absolute stamps', () => {
    const page = new Page(1000n, little)
      .data(5, [1, 2])
      .special(30, 3, 1)
      .data(1, [1], true)
      .special(29, 7, 12)
      .skip(8)
      .data(0, [9])
      .special(31, 4, 2)
      .data(6, [9, 9, 9])
      .done();
    const s = stream([page], little);
    const extended = 1005 + 0x8000000 + 3 + 1;
    expect(read(s)).toEqual([
      [1005, 8, 0, 20],
      [extended, 4, 0, 44],
      [extended + 7, 4, 0, 68],
      [2 * 0x8000000 + 4 + 6, 12, 0, 84],
    ]);
    expect(s.problemCount).toBe(0);
  });

  it('tells lost events at the first record of their page', () => {
    const known = new Page(1n, little).data(1, [1]).data(1, [1]).done(0xc0000000n, 12n);
    const unknown = new Page(9n, little).data(1, [1]).done(0x80000000n);
    expect(read(stream([known, unknown], little)).map((r) => r[2])).toEqual([12, 0, -1]);
  });

  it('goes on behind a damaged page and says so', () => {
    const bad = new Page(1n, little).data(1, [1]).data(1, [1, 2, 3]).done();
    new DataView(bad.buffer).setBigUint64(8, 12n, little);
    const s = stream([bad, new Page(50n, little).data(1, [7]).done()], little);
    expect(read(s).map((r) => [r[0], r[2]])).toEqual([
      [2, 0],
      [51, -1],
    ]);
    expect(s.problems[0]!.message).toBe('byte 24: CPU 0: a record of 12 bytes runs past its sub-buffer');
  });

  it('ends on pages of zeros and of ones', () => {
    for (const fill of [0, 255])
      expect(read(stream([new Uint8Array(4096).fill(fill)], little)).length).toBeLessThan(3);
  });
});

describe('merging', () => {
  it('goes by time, and by CPU where times are equal', () => {
    const of = (order: number, deltas: readonly number[]): CpuStream => {
      const page = new Page(100n);
      for (const d of deltas) page.data(d, [order]);
      return stream([page.done()], true, order);
    };
    const merge = new Merge([of(0, [5, 5, 0]), of(1, [5, 1, 4]), of(2, [1, 9]), of(3, [])]);
    const got: [number, number][] = [];
    for (let s = merge.peek(); s !== null; s = merge.peek()) {
      got.push([s.ts, s.cpu]);
      merge.advance();
    }
    expect(got).toEqual([
      [101, 2],
      [105, 0],
      [105, 1],
      [106, 1],
      [110, 0],
      [110, 0],
      [110, 1],
      [110, 2],
    ]);
  });
});

describe('function_graph records', () => {
  const bytes = Buffer.from(fixture(KERNELS[0], 'v6.dat'));
  const { cpus, kallsyms } = splitV6(bytes);
  const line = /^(ffffffff[0-9a-f]{8}) [tT] (\w+)$/m.exec(kallsyms.subarray(4).toString('latin1'))!;
  const low = Number.parseInt(line[1]!.slice(8), 16);
  const func = [low, 0xffffffff];
  const entry = (depth: number) => [11, 77, ...func, depth, 0];
  // The format of this kernel: func, retval, depth, overrun, calltime, rettime.
  const format = /name: funcgraph_exit[\s\S]*?print fmt/.exec(bytes.toString('latin1'))![0];
  const at = (name: string): number => Number(new RegExp(` ${name};\\s*offset:(\\d+)`).exec(format)![1]);
  const exit = (depth: number, ns: number): number[] => {
    const words = new Array<number>((at('rettime') + 8) / 4).fill(0);
    words[0] = 10;
    words[1] = 77;
    words.splice(2, 2, ...func);
    words[at('depth') / 4] = depth;
    words[at('calltime') / 4] = 1000;
    words[at('rettime') / 4] = 1000 + ns;
    return words;
  };
  const page = new Page(5_000_000_000n)
    .data(1000, entry(0))
    .data(1000, entry(1))
    .data(1000, exit(1, 250))
    .data(1000, entry(1))
    .data(1000, entry(2))
    .data(1000, exit(2, 12_345))
    .data(1000, exit(1, 1_234_567))
    .data(1000, exit(0, 2_000_000_000))
    .done();
  bytes.set(page, cpus[0]!.offset);
  cpus.forEach((_, i) => {
    bytes.writeBigUInt64LE(i === 0 ? 4096n : 0n, splitV6(bytes).tableAt + 16 * i + 8);
  });

  it('are printed with their durations and depths', () => {
    const name = line[2]!;
    const texts = reportOf(bytes).trimEnd().split('\n').slice(1);
    expect(texts.map((t) => t.replace(/^.*?: (?=func)/, ''))).toEqual([
      `funcgraph_entry:                   |  ${name}() {`,
      `funcgraph_entry:        0.250 us   |    ${name}();`,
      `funcgraph_entry:                   |    ${name}() {`,
      `funcgraph_entry:      + 12.345 us  |      ${name}();`,
      'funcgraph_exit:       # 1234.567 us |    }',
      'funcgraph_exit:       $ 2000000 us |  }',
    ]);
  });

  it.skipIf(!installed)('are printed as the installed trace-cmd does', () => {
    const dir = mkdtempSync(join(tmpdir(), 'trace-dat-'));
    const file = join(dir, 'x.dat');
    writeFileSync(file, bytes);
    const live = spawnSync('trace-cmd', ['report', file]).stdout.toString('latin1');
    rmSync(dir, { recursive: true });
    expect(reportOf(bytes)).toBe(live);
  });
});
