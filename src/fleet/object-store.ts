import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { AwsClient } from 'aws4fetch';
import { StoreError } from '../data/store-error.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { isRecordingName } from '../read/recordings.js';
import { UsageError } from '../result/usage-error.js';
import { contentOf, type PlannedRecording } from './plan.js';

/** An answer that the store did not give within this time is none; a large recording may take longer from then on. */
const SILENT_MS = 30_000;
const RETRIES = 4;
/** More than any listing needs: a store that lists in circles. */
const MAX_PAGES = 100_000;

/** What is read of the environment, as the tools of AWS call it. */
export interface StoreEnvironment {
  readonly [name: string]: string | undefined;
  readonly AWS_ACCESS_KEY_ID?: string | undefined;
  readonly AWS_SECRET_ACCESS_KEY?: string | undefined;
  readonly AWS_SESSION_TOKEN?: string | undefined;
  readonly AWS_REGION?: string | undefined;
  readonly AWS_DEFAULT_REGION?: string | undefined;
  /** Of a store that is not Amazon's: `http://box:9000`. */
  readonly AWS_ENDPOINT_URL?: string | undefined;
  readonly AWS_ENDPOINT_URL_S3?: string | undefined;
}

/**
 * Recordings in an S3-compatible store: the objects below `s3://BUCKET/PREFIX`, called by what follows the prefix. A path of a
 * plan is such a name, so that an answer does not tell where its recording lay.
 */
export class ObjectStore {
  private readonly client: AwsClient;
  private readonly base: string;
  private readonly prefix: string;
  /** As given. */
  readonly url: string;

  /** Throws UsageError for what is no such address, and without credentials. */
  constructor(url: string, env: StoreEnvironment = process.env) {
    const m = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url);
    if (!m) throw new UsageError(`--store wants s3://BUCKET/PREFIX, not "${url}"`);
    const [, bucket, prefix = ''] = m;
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    if (!accessKeyId || !secretAccessKey)
      throw new UsageError('--store wants AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment');
    const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
    const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
    if (endpoint !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(endpoint))
      throw new UsageError(`the endpoint of the store wants http://HOST:PORT, not "${endpoint}"`);
    this.url = url;
    this.prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    // Others than Amazon have no names of hosts for buckets.
    this.base =
      endpoint === undefined
        ? `https://${bucket}.s3.${region}.amazonaws.com`
        : `${endpoint.replace(/\/$/, '')}/${bucket}`;
    this.client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
      region,
      service: 's3',
      retries: RETRIES,
    });
  }

  /** Names of all objects, in byte order. Throws TraceError where the store does not answer. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = new URLSearchParams({
        'list-type': '2',
        'encoding-type': 'url',
        prefix: this.prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      });
      const response = await this.request(`${this.base}/?${query}`, '');
      const text = await response.text();
      // Asked for, as XML cannot hold every name; not every store does so.
      const encoded = text.includes('<EncodingType>url</EncodingType>');
      for (const [, key = ''] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) {
        const name = nameOf(unescaped(key), encoded).slice(this.prefix.length);
        // A folder that some tools make is no recording.
        if (name !== '' && !name.endsWith('/')) names.push(name);
      }
      token = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(text)?.[1];
      if (token === undefined) break;
      token = unescaped(token);
    }
    for (const name of names)
      if (!isBelow(name)) throw new TraceError('unreadable', 'is called as no file can be', { path: name });
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /**
   * Fetches an object into a file of its name below `folder`, whole or not at all. Throws TraceError where the store does not
   * give it, StoreError where there is no room for it.
   */
  async fetch(name: string, folder: string): Promise<void> {
    if (!isBelow(name)) throw new TraceError('unreadable', 'is no name of a file in a store', { path: name });
    const target = join(folder, name);
    if (existsSync(target)) return;
    const key = `${this.prefix}${name}`.split('/').map(encodeURIComponent).join('/');
    const response = await this.request(`${this.base}/${key}`, name);
    const part = `${target}.part`;
    try {
      mkdirSync(dirname(target), { recursive: true });
      await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part));
      renameSync(part, target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EACCES' || code === 'EROFS')
        throw new StoreError(`${target} cannot be written (${code})`);
      throw new TraceError(
        'unreadable',
        `did not come whole out of the store (${(error as Error).message})`,
        {
          path: name,
          cause: error,
        },
      );
    } finally {
      rmSync(part, { force: true });
    }
  }

  /**
   * Sizes and hashes of the recordings in it, in byte order of their names, each fetched into the current folder for as long as
   * that takes. `words`: only what is called so, or lies below. Throws as `list` and `fetch`.
   */
  async planned(words: readonly string[]): Promise<PlannedRecording[]> {
    const wanted = words.map((word) => word.replace(/\/$/, ''));
    const names = (await this.list()).filter((name) => {
      const below = wanted.some((word) => name === word || name.startsWith(`${word}/`));
      return (
        wanted.includes(name) || ((words.length === 0 || below) && name.split('/').every(isRecordingName))
      );
    });
    if (names.length === 0)
      throw new TraceError('not-found', 'holds no recording', { path: [this.url, ...words].join(' ') });
    const recordings: PlannedRecording[] = [];
    for (const name of names) {
      await this.fetch(name, '.');
      recordings.push(contentOf(name));
      rmSync(name, { force: true });
    }
    return recordings;
  }

  private async request(url: string, path: string): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('no answer')), SILENT_MS);
    let response: Response;
    try {
      response = await this.client.fetch(url, { signal: late.signal });
    } catch (error) {
      const { cause, message } = error as Error;
      const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
      throw new TraceError('unreadable', `the store cannot be reached (${why})`, { path, cause: error });
    } finally {
      clearTimeout(timer);
    }
    if (response.ok && response.body !== null) return response;
    const code = /<Code>([^<]*)<\/Code>/.exec(await response.text())?.[1] ?? '';
    const said = `${response.status}${code === '' ? '' : ` ${code}`}`;
    if (response.status === 404) throw new TraceError('not-found', `is not in the store (${said})`, { path });
    throw new TraceError('unreadable', `the store does not give it (${said})`, { path });
  }
}

/** A name that stays below the folder that it is joined to, and means the same file there. */
const isBelow = (name: string): boolean =>
  name !== '' &&
  !name.startsWith('/') &&
  !name.includes('\0') &&
  normalize(name) === name &&
  !/^\.\.(?:\/|$)/.test(name);

/** As the store lists it. Throws TraceError for what is neither. */
function nameOf(key: string, encoded: boolean): string {
  if (!encoded) return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (error) {
    throw new TraceError('unreadable', 'is listed by the store as no name', { path: key, cause: error });
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescaped = (xml: string): string =>
  xml.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, dec?: string, hex?: string, name?: string) =>
    dec !== undefined
      ? String.fromCodePoint(Number(dec))
      : hex !== undefined
        ? String.fromCodePoint(Number.parseInt(hex, 16))
        : (ENTITIES[name!] ?? all),
  );
