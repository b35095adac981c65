import { latin1 } from '../../timeline/batch.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';

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
export const PERF_JSON: DialectInfo = {
  id: 'perf-json',
  title: 'perf data convert --to-json',
  score,
  open: () => new PerfJsonDialect(),
};

const AREA = { headers: 0, samples: 1, sample: 2, chain: 3 } as const;
const KEY = /^\s*"([^"\\]+)":\s*(.*?),?\s*$/;
/** perf indents by the depth; what lies deeper than this is no file of its. */
const MAX_DEPTH = 16;

class PerfJsonDialect implements LineDialect {
  readonly id = 'perf-json';
  private area: number = AREA.headers;
  private depth = 0;
  private ts: bigint | null = null;
  private pid = -1;
  private tid = -1;
  private cpu = -1;
  private comm = -1;
  private readonly others = new Set<string>();

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, Math.min(end, start + 1024));
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

  private begin(): void {
    this.ts = null;
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
    if (key === 'timestamp' && number !== null) this.ts = BigInt(number);
    else if (key === 'pid' && number !== null) this.pid = Number(number);
    else if (key === 'tid' && number !== null) this.tid = Number(number);
    else if (key === 'cpu' && number !== null && Number(number) < 2 ** 31) this.cpu = Number(number);
    else if (key === 'comm' && value.startsWith('"') && value.endsWith('"') && value.length >= 2) {
      this.comm = this.name(buf, start, text, value, host);
    } else if (this.others.size < 100) this.others.add(key);
    return LINE.continuation;
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
    if (this.ts === null || this.ts < 0n) return host.skip('perf JSON: a sample without a timestamp');
    const b = host.batch;
    const i = b.length;
    host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(Number(this.ts / 1_000_000_000n), Number(this.ts % 1_000_000_000n));
    b.cpu[i] = this.cpu;
    b.pid[i] = this.tid >= 0 ? this.tid : this.pid;
    b.tgid[i] = this.tid >= 0 ? this.pid : -1;
    b.flags[i] = 0;
    b.comm[i] = this.comm >= 0 ? this.comm : host.names.internString('');
    b.event[i] = host.events.internHead('perf-sample', {
      kind: 'tracepoint',
      name: 'perf-sample',
      symbol: '',
      caller: '',
    });
    b.bodyStart[i] = b.bodyEnd[i] = 0;
    b.aux[i] = 0;
    host.commit();
    return LINE.event;
  }
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
