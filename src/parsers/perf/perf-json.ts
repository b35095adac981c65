import { latin1 } from '../../timeline/batch.js';
import { Interner } from '../../timeline/interner.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';
import { JsonToken, KEYS, TOKEN } from './json-token.js';

/**
 * `perf data convert --to-json`, as perf lays it out (one key a line, tabs for the depth):
 *
 *     {
 *     	"linux-perf-json-version": 1,
 *     	"headers": { … },
 *     	"samples": [
 *     		{
 *     			"timestamp": 150862513463,
 *     			"pid": 3093, "tid": 3093, "cpu": 0, "comm": "perf",      (each on a line of its own)
 *     			"callchain": [ … ]
 *     		},
 *
 * A sample is an event where it closes; its keys are continuation lines, its call chain stack lines. perf writes
 * neither the name of the event nor, as a rule, its fields: the row is called `perf-sample`, and a note says which other
 * keys stood there. Source: tools/perf/util/data-convert-json.c process_sample_event().
 */
export const PERF_JSON: DialectInfo = perfJson(true);

/** `plain` false: every line is cut by regular expressions, which say what the reader of plain lines must say too. */
export function perfJson(plain: boolean): DialectInfo {
  return {
    id: 'perf-json',
    title: 'perf data convert --to-json',
    score,
    open: () => new PerfJsonDialect(plain ? new JsonToken() : null),
  };
}

const AREA = { headers: 0, samples: 1, sample: 2, chain: 3 } as const;
const KEY = /^\s*"([^"\\]+)":\s*(.*?),?\s*$/;
/** perf indents by the depth; what lies deeper than this is no file of its. */
const MAX_DEPTH = 16;
/** Bytes of a line that are looked at. */
const MAX_LINE = 1024;
const MAX_OTHERS = 100;
const NOT_PLAIN = -1;

class PerfJsonDialect implements LineDialect {
  readonly id = 'perf-json';
  private area: number = AREA.headers;
  private depth = 0;
  /** The stamp of the sample; -1 none that can be. */
  private sec = -1;
  private ns = 0;
  private pid = -1;
  private tid = -1;
  private cpu = -1;
  private comm = -1;
  private readonly others = new Set<string>();
  private readonly token: JsonToken | null;
  /** Keys that `others` holds, by their bytes. */
  private readonly otherKeys = new Interner();
  private event = -1;

  constructor(token: JsonToken | null) {
    this.token = token;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const plain = this.token === null ? NOT_PLAIN : this.plain(this.token, buf, start, end, host);
    if (plain !== NOT_PLAIN) return plain;
    const text = latin1(buf, start, Math.min(end, start + MAX_LINE));
    const bare = text.trim();
    if (bare === '') return LINE.blank;
    const before = this.depth;
    this.depth += nesting(bare);
    if (this.depth < 0 || this.depth > MAX_DEPTH) {
      this.depth = Math.max(0, Math.min(MAX_DEPTH, this.depth));
      return host.skip('perf JSON: brackets that do not match');
    }
    switch (this.area) {
      case AREA.headers:
        if (/^"samples":\s*\[$/.test(bare)) this.area = AREA.samples;
        return LINE.header;
      case AREA.samples:
        if (bare === '{') {
          this.area = AREA.sample;
          this.begin();
          return LINE.continuation;
        }
        return /^[\]}],?$/.test(bare) ? LINE.header : host.skip('perf JSON: no sample here');
      case AREA.chain:
        if (this.depth <= 3 && before > this.depth) this.area = AREA.sample;
        return LINE.stack;
      default:
        return this.inSample(buf, start, text, bare, host);
    }
  }

  finish(host: LineHost): void {
    if (this.area === AREA.sample || this.area === AREA.chain) {
      host.note('json-cut', 'the file ends inside a sample');
    }
    if (this.others.size > 0) {
      host.note(
        'json-fields',
        `perf's JSON names no event; these keys of its samples are not carried on: ${[...this.others].sort().join(', ')}`,
      );
    }
  }

  /** The line's kind; NOT_PLAIN, and nothing changed, for one that is none of perf's usual ones where it stands. */
  private plain(
    token: JsonToken,
    buf: Uint8Array,
    start: number,
    end: number,
    host: LineHost,
  ): LineKind | -1 {
    if (end - start > MAX_LINE) return NOT_PLAIN;
    switch (token.read(buf, start, end)) {
      case TOKEN.blank:
        return LINE.blank;
      case TOKEN.open:
        return this.opens();
      case TOKEN.close:
        return this.closes(host);
      case TOKEN.number:
      case TOKEN.text:
        if (this.area === AREA.headers) return LINE.header;
        if (this.area === AREA.chain) return LINE.stack;
        return this.area === AREA.sample ? this.value(token, buf, host) : NOT_PLAIN;
      default:
        return NOT_PLAIN;
    }
  }

  private opens(): LineKind | -1 {
    if (this.depth === MAX_DEPTH || this.area === AREA.sample) return NOT_PLAIN;
    this.depth++;
    if (this.area === AREA.headers) return LINE.header;
    if (this.area === AREA.chain) return LINE.stack;
    this.area = AREA.sample;
    this.begin();
    return LINE.continuation;
  }

  private closes(host: LineHost): LineKind | -1 {
    if (this.depth === 0 || (this.area === AREA.sample && this.token!.bracket)) return NOT_PLAIN;
    this.depth--;
    if (this.area === AREA.chain) {
      if (this.depth <= 3) this.area = AREA.sample;
      return LINE.stack;
    }
    if (this.area !== AREA.sample) return LINE.header;
    this.area = AREA.samples;
    return this.close(host);
  }

  /** A key of a sample and its value. */
  private value(token: JsonToken, buf: Uint8Array, host: LineHost): LineKind | -1 {
    const { key, valueStart, valueEnd } = token;
    if (token.isText) {
      if (key !== KEYS.comm) return this.other(token, buf);
      this.comm = host.names.intern(buf, valueStart, valueEnd);
      return LINE.continuation;
    }
    const digits = valueEnd - valueStart;
    if (key === KEYS.timestamp) {
      if (digits > 19) return this.other(token, buf);
      const split = Math.max(valueStart, valueEnd - 9);
      this.sec = decimal(buf, valueStart, split);
      this.ns = decimal(buf, split, valueEnd);
      return LINE.continuation;
    }
    if (key !== KEYS.pid && key !== KEYS.tid && key !== KEYS.cpu) return this.other(token, buf);
    if (digits > 9) return NOT_PLAIN;
    const number = decimal(buf, valueStart, valueEnd);
    if (key === KEYS.pid) this.pid = number;
    else if (key === KEYS.tid) this.tid = number;
    else this.cpu = number;
    return LINE.continuation;
  }

  /** A key that is not carried on, of which so much is told at the end. */
  private other({ keyStart, keyEnd }: JsonToken, buf: Uint8Array): LineKind {
    const { size } = this.otherKeys;
    if (size < MAX_OTHERS && this.otherKeys.intern(buf, keyStart, keyEnd) === size) {
      if (this.others.size < MAX_OTHERS) this.others.add(latin1(buf, keyStart, keyEnd));
    }
    return LINE.continuation;
  }

  private begin(): void {
    this.sec = -1;
    this.pid = this.tid = this.cpu = this.comm = -1;
  }

  private inSample(buf: Uint8Array, start: number, text: string, bare: string, host: LineHost): LineKind {
    if (bare === '}' || bare === '},') {
      this.area = AREA.samples;
      return this.close(host);
    }
    if (/^"callchain":\s*\[$/.test(bare)) {
      this.area = AREA.chain;
      return LINE.stack;
    }
    const m = KEY.exec(text);
    if (m === null) return host.skip('perf JSON: a line that is no key and value');
    const [, key, value] = m as unknown as [string, string, string];
    const number = /^-?\d{1,19}$/.test(value) ? value : null;
    if (key === 'timestamp' && number !== null) this.stamp(BigInt(number));
    else if (key === 'pid' && number !== null) this.pid = Number(number);
    else if (key === 'tid' && number !== null) this.tid = Number(number);
    else if (key === 'cpu' && number !== null && Number(number) < 2 ** 31) this.cpu = Number(number);
    else if (key === 'comm' && value.startsWith('"') && value.endsWith('"') && value.length >= 2) {
      this.comm = this.name(buf, start, text, value, host);
    } else if (this.others.size < MAX_OTHERS) this.others.add(key);
    return LINE.continuation;
  }

  private stamp(ts: bigint): void {
    this.sec = ts < 0n ? -1 : Number(ts / 1_000_000_000n);
    this.ns = ts < 0n ? 0 : Number(ts % 1_000_000_000n);
  }

  private name(buf: Uint8Array, start: number, text: string, value: string, host: LineHost): number {
    if (!value.includes('\\')) {
      const at = start + text.lastIndexOf(value) + 1;
      return host.names.intern(buf, at, at + value.length - 2);
    }
    try {
      return host.names.internString(JSON.parse(value) as string);
    } catch {
      return host.names.internString(value.slice(1, -1));
    }
  }

  private close(host: LineHost): LineKind {
    if (this.sec < 0) return host.skip('perf JSON: a sample without a timestamp');
    const b = host.batch;
    const i = b.length;
    host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(this.sec, this.ns);
    b.cpu[i] = this.cpu;
    b.pid[i] = this.tid >= 0 ? this.tid : this.pid;
    b.tgid[i] = this.tid >= 0 ? this.pid : -1;
    b.flags[i] = 0;
    b.comm[i] = this.comm >= 0 ? this.comm : host.names.internString('');
    if (this.event < 0) {
      const head = { kind: 'tracepoint', name: 'perf-sample', symbol: '', caller: '' } as const;
      this.event = host.events.internHead('perf-sample', head);
    }
    b.event[i] = this.event;
    b.bodyStart[i] = b.bodyEnd[i] = 0;
    b.aux[i] = 0;
    host.commit();
    return LINE.event;
  }
}

function decimal(buf: Uint8Array, from: number, to: number): number {
  let n = 0;
  for (let p = from; p < to; p++) n = n * 10 + buf[p]! - 48;
  return n;
}

/** Brackets opened less those closed, outside strings. */
function nesting(text: string): number {
  let depth = 0;
  for (const c of text.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
  }
  return depth;
}

function score(sample: Uint8Array): number {
  return /^\s*\{\s*\r?\n\s*"linux-perf-json-version"/.test(sampleText(sample, 200)) ? 0.99 : 0;
}
