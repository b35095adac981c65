import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { scanInput } from '../../src/parsers/input/open-input.js';
import { EventTable, LAST_RESERVED } from '../../src/timeline/events.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';

/** One capture printed in several ways: the timelines must be the same, up to what each way leaves out. */

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const SHARED = path('../shared/recordings');
const KERNELS = ['6.12.117-lab-y', 'debian-6.16.12'];

interface Row {
  readonly tsNs: bigint;
  readonly cpu: number;
  readonly pid: number;
  readonly comm: string;
  readonly what: string;
}

async function read(file: string): Promise<Row[]> {
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const rows: Row[] = [];
  const { report } = await scanInput(file, {
    input: 0,
    context,
    sink: (b) => {
      for (let i = 0; i < b.length; i++) {
        if (b.event[i]! <= LAST_RESERVED) continue;
        const head = context.events.head(b.event[i]!);
        rows.push({
          tsNs: BigInt(context.time.absolute(b.tsNs[i]!)),
          cpu: b.cpu[i]!,
          pid: b.pid[i]!,
          comm: context.names.text(b.comm[i]!),
          what: `${head.kind} ${head.name} ${head.symbol}`,
        });
      }
    },
  });
  expect(report.lines.skipped).toBe(0);
  return rows;
}

interface Against {
  /** Largest difference of two stamps of one event, ns. */
  readonly withinNs: bigint;
  /** Stamps count from the first event. */
  readonly relative?: boolean;
  /** Task names are cut at this length. */
  readonly comm?: number;
}

function compare(one: readonly Row[], other: readonly Row[], how: Against): void {
  const n = Math.min(one.length, other.length);
  expect(n).toBeGreaterThan(80);
  const shift = how.relative ? one[0]!.tsNs - other[0]!.tsNs : 0n;
  const cut = (text: string): string => text.slice(0, how.comm ?? 99);
  const tell = ({ what, cpu, pid, comm, tsNs }: Row): string =>
    `${what} ${cpu} ${pid} ${cut(comm)} at ${tsNs}`;
  const differs = (a: Row, b: Row): boolean => {
    const away = a.tsNs - b.tsNs - shift;
    const late = away > how.withinNs || -away > how.withinNs;
    return late || b.what !== a.what || b.cpu !== a.cpu || b.pid !== a.pid || cut(b.comm) !== cut(a.comm);
  };
  const at = one.findIndex((a, i) => i < n && differs(a, other[i]!));
  expect(at < 0 ? '' : `event ${at + 1}: ${tell(one[at]!)}, ${tell(other[at]!)} there`).toBe('');
}

const SAME: Against = { withinNs: 0n };
/** Printed in µs, rounded or cut. */
const MICRO: Against = { withinNs: 999n };

/** base, other way of printing it, what may differ. */
const PAIRS: readonly [string, string, Against][] = [
  ['oddcomm.txt.gz', 'oddcomm-record-tgid.txt.gz', SAME],
  ['oddcomm.txt.gz', 'no-irq-info.txt', SAME],
  ['oddcomm.txt.gz', 'record-tgid-no-irq-info.txt', SAME],
  ['oddcomm.txt.gz', 'opt-sym-offset.txt', SAME],
  ['oddcomm.txt.gz', 'opt-sym-addr.txt', SAME],
  ['oddcomm.txt.gz', 'latency-format.txt', { withinNs: 1000n, relative: true, comm: 8 }],
  ['oddcomm.txt.gz', 'latency-format-verbose.txt', { withinNs: 1000n, relative: true, comm: 8 }],
  ['trace.dat', 'trace-cmd-report-t.txt', SAME],
  ['trace.dat', 'trace-cmd-report.txt.gz', MICRO],
  ['trace.dat', 'trace-cmd-report-R.txt', MICRO],
  ['trace.dat', 'trace-cmd-report-l.txt', { ...MICRO, comm: 8 }],
  ['trace.dat', 'trace-cmd-report-tsdiff.txt', MICRO],
  ['perf-script-F-ns.txt.gz', 'perf-script.txt.gz', MICRO],
  ['perf-script-F-ns.txt.gz', 'perf-script-F-ipsym.txt', SAME],
];

describe.each(KERNELS)('%s: one capture, several dialects', (kernel) => {
  /** The base is that of the pair before, mostly. */
  let last: { readonly file: string; readonly rows: Row[] } | null = null;
  const readBase = async (file: string): Promise<Row[]> => {
    if (last?.file !== file) last = { file, rows: await read(file) };
    return last.rows;
  };
  for (const [base, other, how] of PAIRS) {
    const files = [base, other].map((name) => `${SHARED}/${kernel}/${name}`);
    test.skipIf(!files.every((file) => existsSync(file)))(`${base} and ${other}`, async () => {
      compare(await readBase(files[0]!), await read(files[1]!), how);
    });
  }
});

test.each(KERNELS)('%s: the shipped trace.dat and what trace-cmd report printed of it', async (kernel) => {
  const dir = path(`fixtures/trace-dat/${kernel}`);
  compare(await read(`${dir}/v6.dat.gz`), await read(`${dir}/v6.report.txt.gz`), MICRO);
});
