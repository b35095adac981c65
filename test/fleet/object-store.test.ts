import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ObjectStore } from '../../src/fleet/object-store.js';
import { bytesIn } from '../data/support/read-tables.js';
import { linesOf } from '../gate/support/traces.js';
import { runCommand } from '../support/run-command.js';
import { missingRedis, RedisServer } from './support/redis.js';
import { CREDENTIALS, S3Server } from './support/s3-server.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-s3-'));
let server: S3Server;
beforeAll(async () => {
  server = await S3Server.start('lab');
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Names that mean something to a URL, a signature, XML, or S3's own encoding. */
const NAMES = ['a.txt', 'b/c d.gz', "b/é+(1)!'*~.gz", 'b/x&y <z>.gz', 'b/100%25.gz'];

describe('a store', () => {
  beforeAll(() => {
    for (const name of [...NAMES, 'b/', 'b/README.md', '.hidden/x'])
      server.objects.set(`runs/2026/${name}`, Buffer.from(`content of ${name}`));
    server.objects.set('runs/20260/other', Buffer.from(''));
  });
  afterEach(() => server.troubles.splice(0));
  const store = (url = 's3://lab/runs/2026', env = {}) =>
    new ObjectStore(url, { ...server.environment, ...env });

  it('lists all pages, without what is no file', async () => {
    const expected = [...NAMES, 'b/README.md', '.hidden/x'];
    expected.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await store().list()).toEqual(expected);
    expect((await store('s3://lab').list()).length).toBe(expected.length + 1);
    server.encodes = false;
    expect(await store().list()).toEqual(expected);
    server.encodes = true;
  });

  it.each(NAMES)('gives %s', async (name) => {
    const folder = mkdtempSync(join(dir, 'get-'));
    await store().fetch(name, folder);
    expect(readFileSync(join(folder, name), 'utf8')).toBe(`content of ${name}`);
  });

  it('is asked again where it was busy', async () => {
    const folder = mkdtempSync(join(dir, 'busy-'));
    for (const status of [503, 500, 429]) server.troubles.push((r) => r.writeHead(status).end());
    await store().fetch('a.txt', folder);
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('content of a.txt');
  });

  it('leaves nothing behind that is not whole', async () => {
    const folder = mkdtempSync(join(dir, 'cut-'));
    server.troubles.push((r) => {
      r.writeHead(200, { 'content-length': '100' });
      r.write('half');
      setTimeout(() => r.destroy(), 20);
    });
    await expect(store().fetch('a.txt', folder)).rejects.toMatchObject({ code: 'unreadable' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says why it gives nothing', async () => {
    const get = (s: ObjectStore, name: string) => s.fetch(name, dir);
    await expect(get(store(), 'none')).rejects.toThrow('is not in the store (404 NoSuchKey)');
    await expect(get(store('s3://other'), 'a')).rejects.toThrow('404 NoSuchBucket');
    const wrong = store(undefined, { AWS_SECRET_ACCESS_KEY: 'other' });
    await expect(get(wrong, 'a.txt')).rejects.toThrow('403 SignatureDoesNotMatch');
    const nowhere = store(undefined, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    await expect(get(nowhere, 'a.txt')).rejects.toThrow('cannot be reached');
  });

  it.each(['../x', '/etc/passwd', 'a/../../x', 'a//b', ''])('takes %j for no name', async (name) => {
    const before = server.requests.length;
    await expect(store().fetch(name, dir)).rejects.toThrow();
    expect(server.requests.length).toBe(before);
  });

  it.each([
    ['http://lab/x', {}, 's3://BUCKET/PREFIX'],
    ['s3://UPPER', {}, 's3://BUCKET/PREFIX'],
    ['s3://lab', { AWS_ACCESS_KEY_ID: '' }, 'AWS_ACCESS_KEY_ID'],
    ['s3://lab', { AWS_ENDPOINT_URL_S3: 'box:9000' }, 'http://HOST:PORT'],
  ])('%s is wrong usage', (url, env, message) => {
    expect(() => store(url, env)).toThrow(message);
  });

  it('without an endpoint it is Amazon, by region', async () => {
    const amazon = new ObjectStore('s3://lab/x', { ...CREDENTIALS, AWS_REGION: 'eu-north-1' });
    expect(JSON.stringify(amazon)).toContain('https://lab.s3.eu-north-1.amazonaws.com');
  });
});

describe('recordings in a store', () => {
  const files: Record<string, string> = {
    'runs/a/1.gz': '6.12.117-lab-y/mt-munmap.txt.gz',
    'runs/b/1.gz': '6.12.117-lab-n/gup-munmap.txt.gz',
  };
  beforeAll(() => {
    for (const host of ['a', 'b']) mkdirSync(join(dir, 'runs', host), { recursive: true });
    for (const [name, from] of Object.entries(files)) {
      const packed = gzipSync(`${linesOf(from).slice(0, 1000).join('\n')}\n`);
      writeFileSync(join(dir, name), packed);
      server.objects.set(`fleet/${name}`, packed);
    }
    writeFileSync(join(dir, 'runs/prose.txt'), 'no trace\n');
    server.objects.set('fleet/runs/prose.txt', Buffer.from('no trace\n'));
    server.objects.set('fleet/runs/README.md', Buffer.from('# beside\n'));
    Object.assign(process.env, server.environment);
  });
  afterAll(() => {
    for (const name of Object.keys(server.environment)) delete process.env[name];
  });
  const run = (...args: string[]) => runCommand(args, { cwd: dir });
  const STORE = ['--store', 's3://lab/fleet'];

  it('are planned as they are in a folder, and answered with the bytes of one process', async () => {
    const here = await run('shard', 'plan', 'runs', '--plan', 'here.json', '--tables');
    const there = await run('shard', 'plan', ...STORE, '--plan', 'there.json', '--tables');
    expect([there.stderr, there.stdout]).toEqual(['', here.stdout]);
    expect(readFileSync(join(dir, 'there.json'), 'utf8')).toBe(readFileSync(join(dir, 'here.json'), 'utf8'));
    const done = await run(
      'shard',
      'run',
      ...STORE,
      '--plan',
      'there.json',
      '--results',
      'r',
      '--shard',
      '0',
    );
    expect([done.stderr, done.stdout]).toEqual(['', 'shard 0: 3 answered, 0 known before, 0 not answered\n']);
    const merged = await run(
      'shard',
      'merge',
      '--plan',
      'there.json',
      '--results',
      'r',
      '--json',
      '--parquet',
      'tr',
    );
    const alone = await run('replay', 'runs', '--json', '--parquet', 'ta');
    expect(merged.stdout).toBe(alone.stdout);
    expect(bytesIn(join(dir, 'tr'))).toEqual(bytesIn(join(dir, 'ta')));
    expect(process.cwd()).not.toContain('pttrace-store');
  });

  it('a part of them by name', async () => {
    const { stdout } = await run(
      'shard',
      'plan',
      ...STORE,
      'runs/a',
      'runs/prose.txt',
      '--plan',
      'part.json',
    );
    expect(stdout).toContain(': 2 recordings');
    expect((await run('shard', 'plan', ...STORE, 'nothing', '--plan', 'x.json')).status).toBe(3);
  });

  it('one that is gone or changed costs itself only', async () => {
    await run('shard', 'plan', ...STORE, '--plan', 'changed.json');
    server.objects.delete('fleet/runs/a/1.gz');
    server.objects.set('fleet/runs/b/1.gz', Buffer.from('another'));
    const common = ['--plan', 'changed.json', '--results', 'c', '--shard', '0'];
    const { status, stderr, stdout } = await run('shard', 'run', ...STORE, ...common);
    expect(stdout).toContain('1 answered, 0 known before, 2 not answered');
    expect(stderr).toContain('runs/a/1.gz: not answered: is not in the store (404 NoSuchKey)');
    expect(stderr).toContain('runs/b/1.gz: not answered: is not what was planned');
    expect(status).toBe(3);
    for (const name of Object.keys(files)) server.objects.set(`fleet/${name}`, readFileSync(join(dir, name)));
    expect((await run('shard', 'run', ...STORE, ...common)).stdout).toContain('2 answered, 1 known before');
  });

  it.skipIf(missingRedis() !== null)('are fetched by the workers of a fleet too', async () => {
    const redis = await RedisServer.start(dir);
    try {
      const args = ['--plan', 'here.json', '--results', 'f', '--redis', redis.url, '--json'];
      const { stdout, stderr } = await run('fleet', 'run', ...STORE, ...args, '--parquet', 'tf');
      expect(stderr).toBe('');
      expect(stdout).toBe((await run('replay', 'runs', '--json')).stdout);
      expect(bytesIn(join(dir, 'tf'))).toEqual(bytesIn(join(dir, 'ta')));
      const shut = await run('fleet', 'work', '--store', 's3://lab/elsewhere', ...args.slice(0, -1));
      expect([shut.status, shut.stderr]).toEqual([3, expect.stringContaining('is not in the store')]);
    } finally {
      await redis.down();
    }
  });

  it('without credentials, and beside --root, it is wrong usage', async () => {
    const { AWS_ACCESS_KEY_ID } = process.env;
    delete process.env.AWS_ACCESS_KEY_ID;
    const { status, stderr } = await run('shard', 'plan', ...STORE, '--plan', 'x.json');
    process.env.AWS_ACCESS_KEY_ID = AWS_ACCESS_KEY_ID;
    expect(stderr).toContain('AWS_SECRET_ACCESS_KEY');
    expect(status).toBe(2);
    expect((await run('shard', 'run', ...STORE, '--root', '.', '--plan', 'here.json')).status).toBe(2);
    expect(existsSync(join(dir, 'x.json'))).toBe(false);
  });
});
