import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'pttrace-test', AWS_SECRET_ACCESS_KEY: 'no/secret+at all' };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
/** RFC 3986, as AWS wants it. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Does the request carry the signature that these credentials give? By AWS's description of version 4, from its parts. */
function signed(request: IncomingMessage, secret: string): boolean {
  const m =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=(\S+), Signature=(\w+)$/.exec(
      request.headers.authorization ?? '',
    );
  if (!m || m[1] !== CREDENTIALS.AWS_ACCESS_KEY_ID) return false;
  const [, , day, region, names, signature] = m;
  const url = new URL(request.url!, 'http://x');
  const query = [...url.searchParams].map(([k, v]) => `${encoded(k)}=${encoded(v)}`).sort();
  const path = url.pathname.split('/').map((part) => encoded(decodeURIComponent(part)));
  const stamp = String(request.headers['x-amz-date']);
  const canonical = [
    request.method,
    path.join('/'),
    query.join('&'),
    ...names!.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', stamp, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n');
  const key = [region!, 's3', 'aws4_request'].reduce<Buffer>(
    (k, part) => hmac(k, part),
    hmac(`AWS4${secret}`, day!),
  );
  return hmac(key, text).toString('hex') === signature;
}

/** A store with one bucket, as S3 answers: signed requests, listings in pages, errors as XML. */
export class S3Server {
  readonly objects = new Map<string, Buffer>();
  /** What is answered instead, one after the other. */
  readonly troubles: ((response: ServerResponse) => void)[] = [];
  readonly requests: string[] = [];
  pageSize = 2;
  /** Whether names are listed encoded where that is asked for. */
  encodes = true;
  private readonly server: Server;
  private readonly bucket: string;

  private constructor(bucket: string) {
    this.bucket = bucket;
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async start(bucket: string): Promise<S3Server> {
    const store = new S3Server(bucket);
    await new Promise<void>((resolve) => store.server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { ...CREDENTIALS, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): unknown {
    this.requests.push(`${request.method} ${request.url}`);
    const trouble = this.troubles.shift();
    if (trouble) return trouble(response);
    const fail = (status: number, code: string): void => {
      response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    };
    if (!signed(request, CREDENTIALS.AWS_SECRET_ACCESS_KEY)) return fail(403, 'SignatureDoesNotMatch');
    const url = new URL(request.url!, 'http://x');
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (bucket !== this.bucket) return fail(404, 'NoSuchBucket');
    const key = rest.join('/');
    if (url.searchParams.get('list-type') === '2') {
      return response.end(this.listing(url.searchParams));
    }
    const object = this.objects.get(key);
    return object === undefined ? fail(404, 'NoSuchKey') : response.end(object);
  }

  private listing(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? '';
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('continuation-token')?.replace('next &', '') ?? 0);
    const page = keys.slice(from, from + this.pageSize);
    const more = from + page.length < keys.length;
    return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${this.bucket}</Name>${
      more ? `<NextContinuationToken>next &amp;${from + page.length}</NextContinuationToken>` : ''
    }<IsTruncated>${more}</IsTruncated>${this.encodes ? '<EncodingType>url</EncodingType>' : ''}${page
      .map((key) => `<Contents><Key>${this.listed(key)}</Key><Size>1</Size></Contents>`)
      .join('')}</ListBucketResult>`;
  }

  private listed(key: string): string {
    if (this.encodes) return encoded(key).replaceAll('%20', '+');
    return key.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  }
}
