import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import {
  findAtraceBody,
  isSystemTraceJson,
  SystemTraceEvents,
} from '../../../src/parsers/tracefs/system-trace-events.js';
import { SYSTRACE_HTML } from '../../../src/parsers/tracefs/systrace-html.js';
import {
  bytes,
  corpus,
  cutEverywhere,
  fixture,
  hasShared,
  runDialect,
  text,
} from '../support/run-dialect.js';

const HTML = SYSTRACE_HTML;
const TRACE = text(fixture('ftrace-options/6.12.117-lab-y/sym-offset.txt'));
const plainRows = runDialect(FTRACE, bytes(TRACE)).rows;
const strip = (rows: typeof plainRows) => rows.map((r) => ({ ...r, line: 0, offset: 0 }));

const page = (script: string): string =>
  `<!DOCTYPE html>\n<html>\n<head><title>Android System Trace</title>\n<script>var x = "a-1 [000] 1.0: y: z";</script>\n` +
  `</head>\n<body>\n<!-- BEGIN TRACE -->\n${script}\n<!-- END TRACE -->\n</body>\n</html>\n`;
const newer = page(`  <script class="trace-data" type="application/text">\n${TRACE}  </script>`);
const older = page(`<script>\n  var linuxPerfData = "\\\n${TRACE.replace(/\n/g, '\\n\\\n')}";\n  </script>`);

describe('pages', () => {
  test.each([
    ['script element', newer],
    ['JS string', older],
    ['JS string that opens with its first line', older.replace('"\\\n# tracer', '"# tracer')],
    [
      'script element that opens with its first line',
      newer.replace('application/text">\n', 'application/text">'),
    ],
  ])('%s: the same rows as the bare text', (_, html) => {
    const run = runDialect(HTML, bytes(html));
    expect(strip(run.rows)).toEqual(strip(plainRows));
    expect(run.counts.skipped + run.counts.continuation).toBe(0);
    expect(HTML.score(bytes(html))).toBeGreaterThan(0.9);
  });

  test('offsets are those of the page', () => {
    for (const r of runDialect(HTML, bytes(newer)).rows) {
      const line = newer.slice(r.offset, newer.indexOf('\n', r.offset));
      expect(TRACE).toContain(`${line}\n`);
      expect(line).toContain(r.body);
    }
  });

  test('scripts that hold JSON are foreign, a later one with text is read', () => {
    const html = page(
      `<script class="trace-data" type="application/json">\n{"traceEvents": [\n]}\n</script>\n` +
        `<script class='trace-data' type="application/text">\n${TRACE}</script>`,
    );
    expect(strip(runDialect(HTML, bytes(html)).rows)).toEqual(strip(plainRows));
  });

  test('a page cut inside its trace says so', () => {
    const run = runDialect(HTML, bytes(newer.slice(0, newer.indexOf('</script>\n<!-- END') - 500)));
    expect(run.notes.map((n) => n.code)).toContain('html-cut');
    cutEverywhere(HTML, bytes(newer.slice(0, 2600)));
  });

  test('other pages and plain text are not taken', () => {
    expect(HTML.score(bytes('<!DOCTYPE html>\n<html><body>hello</body></html>'))).toBe(0);
    expect(HTML.score(bytes(TRACE))).toBe(0);
  });
});

describe('systemTraceEvents in JSON', () => {
  const json = JSON.stringify({
    traceEvents: [{ name: 'systemTraceEvents', args: { note: 'a "systemTraceEvents": "x"' } }],
    systemTraceEvents: TRACE,
    metadata: { clock: 'mono' },
  });

  test.each([1, 7, 64, 4096, json.length])('chunks of %i bytes give the text and its offsets', (size) => {
    const layer = new SystemTraceEvents();
    const input = bytes(json);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < input.length; i += size) parts.push(layer.push(input.subarray(i, i + size)).slice());
    const inner = text(Buffer.concat(parts));
    expect(inner).toBe(TRACE);
    expect([layer.found, layer.complete]).toEqual([true, true]);
    let at = 0;
    for (const line of TRACE.split('\n').slice(0, 40)) {
      const outer = layer.outerOffset(at);
      expect(json.slice(outer, outer + line.length)).toBe(line);
      at += line.length + 1;
    }
  });

  test('any string, any cut: the layer is JSON.parse', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (s, size, ascii) => {
          let quoted = JSON.stringify(s);
          if (ascii) {
            quoted = quoted.replace(
              /[\u0080-\uffff]/g,
              (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
            );
          }
          const input = bytes(`{ "a": "\\"systemTraceEvents", "systemTraceEvents" : ${quoted}, "b": 1 }`);
          const layer = new SystemTraceEvents();
          const parts: Uint8Array[] = [];
          for (let i = 0; i < input.length; i += size) parts.push(layer.push(input.subarray(i, i + size)));
          expect(text(Buffer.concat(parts))).toBe(text(bytes(s)));
          expect(layer.complete).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a cut file gives what is there and is not complete', () => {
    const layer = new SystemTraceEvents();
    const inner = text(layer.push(bytes(json.slice(0, json.indexOf('TIMESTAMP')))));
    expect(TRACE.startsWith(inner)).toBe(true);
    expect([layer.found, layer.complete]).toEqual([true, false]);
  });

  test('recognised by its key', () => {
    expect(isSystemTraceJson(bytes(json))).toBe(true);
    expect(isSystemTraceJson(bytes('{"traceEvents": []}'))).toBe(false);
  });
});

describe('atrace captures', () => {
  const lead = 'capturing trace... done\n';
  test('plain and zlib bodies are found behind TRACE:', () => {
    const plain = bytes(`${lead}TRACE:\n${TRACE}`);
    const p = findAtraceBody(plain)!;
    expect([p.zlib, text(plain.subarray(p.offset))]).toEqual([false, TRACE]);
    const packed = Buffer.concat([bytes(`${lead}TRACE:\r\n`), deflateSync(bytes(TRACE))]);
    const z = findAtraceBody(packed)!;
    expect(z.zlib).toBe(true);
    expect(text(inflateSync(packed.subarray(z.offset)))).toBe(TRACE);
  });

  test('only a whole line TRACE: counts', () => {
    expect(findAtraceBody(bytes('no TRACE:\n'))).toBeNull();
    expect(findAtraceBody(bytes('TRACE: x\n'))).toBeNull();
    expect(findAtraceBody(bytes('TRACE:'))).toBeNull();
    expect(findAtraceBody(bytes(TRACE))).toBeNull();
  });
});

describe.skipIf(!hasShared)('public pages (skipped: no ../shared/corpus)', () => {
  test.each([
    ['trappy/trace_systrace.html', 10],
    ['trappy/trace_legacy_systrace.html', 15],
  ])('%s holds %i events', (name, events) => {
    const input = corpus(name);
    const run = runDialect(HTML, input);
    expect(run.rows.length).toBe(events);
    expect(run.counts.skipped).toBe(0);
    expect(HTML.score(input)).toBeGreaterThan(0.9);
  });
});
