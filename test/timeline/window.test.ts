import { describe, expect, it } from 'vitest';
import { RecordBatch } from '../../src/timeline/batch.js';
import { copyBatch, HoldBack } from '../../src/timeline/window.js';

function batchOf(...bodies: string[]): RecordBatch {
  const batch = new RecordBatch(8);
  const text = bodies.map((b) => `head ${b}\n`).join('');
  batch.bytes = new TextEncoder().encode(text);
  let at = 0;
  bodies.forEach((body, i) => {
    batch.bodyStart[i] = at + 5;
    batch.bodyEnd[i] = at + 5 + body.length;
    at += body.length + 6;
    batch.tsNs[i] = i * 10;
    batch.cpu[i] = i;
    batch.pid[i] = 100 + i;
    batch.tgid[i] = 90 + i;
    batch.flags[i] = i + 1;
    batch.comm[i] = i + 2;
    batch.event[i] = i + 3;
    batch.aux[i] = i + 4;
    batch.line[i] = i + 5;
    batch.offset[i] = i + 6;
  });
  batch.length = bodies.length;
  batch.input = 2;
  return batch;
}

const bodies = (batch: RecordBatch) => Array.from({ length: batch.length }, (_, i) => batch.body(i));

describe('copyBatch', () => {
  it('keeps every column and outlives the buffer', () => {
    const batch = batchOf('mm=1', 'mm=22', '');
    const columns = [
      'tsNs',
      'offset',
      'line',
      'cpu',
      'pid',
      'tgid',
      'flags',
      'comm',
      'event',
      'aux',
    ] as const;
    const before = columns.map((c) => [...batch[c].subarray(0, batch.length)]);
    const copy = copyBatch(batch);
    batch.bytes.fill(0);
    for (const column of columns) batch[column].fill(0);
    expect(columns.map((c) => [...copy[c]])).toEqual(before);
    expect(bodies(copy)).toEqual(['mm=1', 'mm=22', '']);
    expect([copy.input, copy.length]).toEqual([2, 3]);
  });

  it('copies an empty batch', () => {
    expect(copyBatch(new RecordBatch(4))).toMatchObject({ length: 0 });
  });
});

describe('HoldBack', () => {
  function holder(maxBytes: number, enough: (n: number) => boolean) {
    const log: string[] = [];
    let seen = 0;
    const hold = new HoldBack(
      maxBytes,
      (batch) => {
        log.push(`learn ${bodies(batch)}`);
        return enough(++seen);
      },
      () => log.push('ready'),
      (batch) => log.push(`sink ${bodies(batch)}`),
    );
    return { hold, log };
  }

  it('holds until enough is learnt, then passes all on in order, once', () => {
    const { hold, log } = holder(1e6, (n) => n === 2);
    hold.push(batchOf('a'));
    expect(log).toEqual(['learn a']);
    hold.push(batchOf('b'));
    hold.push(batchOf('c'));
    hold.release();
    expect(log).toEqual(['learn a', 'learn b', 'ready', 'sink a', 'sink b', 'sink c']);
  });

  it('holds no more than its limit', () => {
    const { hold, log } = holder(1, () => false);
    hold.push(batchOf('a'));
    expect(log).toEqual(['learn a', 'ready', 'sink a']);
  });

  it('gives up what it holds at the end, even nothing', () => {
    const { hold, log } = holder(1e6, () => false);
    hold.release();
    hold.release();
    expect(log).toEqual(['ready']);
  });
});
