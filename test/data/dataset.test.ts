import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Dataset, partitionPath, recordingFile } from '../../src/data/dataset.js';
import { UsageError } from '../../src/result/usage-error.js';
import { filesIn } from './support/read-tables.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-dataset-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const from = join(dir, 'from');
mkdirSync(from);
for (const table of ['recordings', 'verdicts']) writeFileSync(join(from, `${table}.parquet`), table);

describe('folders of a dataset', () => {
  it.each([
    [{ kernel: '6.12.117', host: 'lab-1' }, 'kernel=6.12.117/host=lab-1'],
    [{ kernel: '', host: '' }, 'kernel=__HIVE_DEFAULT_PARTITION__/host=__HIVE_DEFAULT_PARTITION__'],
    [{ kernel: '6.1+', host: '../x' }, 'kernel=6.1%2B/host=..%2Fx'],
    [{ kernel: 'a b', host: 'ü\n' }, 'kernel=a%20b/host=%C3%BC%0A'],
  ])('%j', (partition, path) => {
    expect(partitionPath(partition)).toBe(path);
  });

  it('never are longer than a file system takes, nor the same for two names', () => {
    const [a, b] = ['a', 'b'].map((end) => partitionPath({ kernel: `${'é/'.repeat(400)}${end}`, host: 'h' }));
    expect(a).not.toBe(b);
    for (const part of dirname(a!).split('/')) expect(part.length).toBeLessThan(250);
    expect(() => decodeURIComponent(a!)).not.toThrow();
  });

  it('a file is called by the name of its recording and the hash of its path', () => {
    expect(recordingFile('x/trace.txt.gz')).toMatch(/^trace\.txt\.gz-[0-9a-f]{16}\.parquet$/);
    expect(recordingFile('x/trace.txt.gz')).not.toBe(recordingFile('y/trace.txt.gz'));
    expect(recordingFile('a/.. \n$(x)')).toMatch(/^_[\w.-]*-[0-9a-f]{16}\.parquet$/);
    expect(recordingFile(`a/${'n'.repeat(250)}`).length).toBeLessThan(120);
  });
});

describe('placing', () => {
  it('takes the place of what was there of a recording, under whatever kernel and host', () => {
    const folder = join(dir, 'data');
    new Dataset(folder).place('a.txt', { kernel: '', host: '' }, from);
    new Dataset(folder).place('b.txt', { kernel: '6.1', host: 'x' }, from);
    expect(filesIn(folder)).toHaveLength(4);
    const again = new Dataset(folder);
    again.place('a.txt', { kernel: '6.1', host: 'x' }, from);
    again.place('a.txt', { kernel: '6.2', host: 'x' }, from);
    expect(filesIn(folder).map((f) => f.replace(/-\w{16}\.parquet/, ''))).toEqual([
      'recordings/kernel=6.1/host=x/b.txt',
      'recordings/kernel=6.2/host=x/a.txt',
      'verdicts/kernel=6.1/host=x/b.txt',
      'verdicts/kernel=6.2/host=x/a.txt',
    ]);
  });

  it('moves the files where they are not needed any more, with the same outcome', () => {
    const folder = join(dir, 'moved');
    const spent = join(dir, 'spent');
    mkdirSync(spent);
    for (const table of ['recordings', 'verdicts']) writeFileSync(join(spent, `${table}.parquet`), table);
    const data = new Dataset(folder);
    data.place('a.txt', { kernel: '', host: '' }, from);
    data.take('a.txt', { kernel: '6.2', host: 'x' }, spent);
    expect(readdirSync(spent)).toEqual([]);
    expect(readdirSync(from)).toHaveLength(2);
    const there = filesIn(folder);
    expect(there.map((f) => f.replace(/-\w{16}\.parquet/, ''))).toEqual([
      'recordings/kernel=6.2/host=x/a.txt',
      'verdicts/kernel=6.2/host=x/a.txt',
    ]);
    expect(readFileSync(join(folder, there[1]!), 'utf8')).toBe('verdicts');
  });

  it('refuses a folder with other things in it, and what is no folder', () => {
    expect(() => new Dataset(dir)).toThrow(UsageError);
    expect(() => new Dataset(join(from, 'verdicts.parquet'))).toThrow(/cannot be made \(EEXIST\)/);
  });
});
