import { unitOfName } from '../../latency/histogram/unit-names.js';
import { latin1 } from '../../timeline/batch.js';
import type { EventHead } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { sampleText } from '../input/sample-text.js';

/**
 * Tables with a latency in each row, as bpftrace and bcc tools print them (biosnoop, runqslower, funcslower, ext4slower
 * and programs of one's own), whatever the other columns:
 *
 *     TIME(us)    PID    COMM          LAT(us) FUNC
 *     120145400   901    munmap-test   412     munmap
 *
 * Each row is a `span`: the tool measured it. It is called by its FUNC (SYSCALL, NAME …) cell, without one by the
 * latency's column (`lat`). A time of day, or no time, is no clock: such rows are in order, and no more. Task names
 * may hold blanks: they take what is left over.
 */
export const LATENCY_TABLE: DialectInfo = {
  id: 'latency-table',
  title: 'a table of latencies, as tools print them',
  silentLoss:
    'such tools tell of lost events on standard error, if at all: what is absent here proves nothing',
  score,
  open: () => new LatencyTableDialect(),
};

type Use = 'time' | 'pid' | 'tid' | 'comm' | 'cpu' | 'name' | 'latency' | 'other';
interface Column {
  readonly use: Use;
  readonly unitNs: number;
}
interface Table {
  readonly columns: readonly Column[];
  readonly name: string;
}

const LATENCY = /^(?:LAT|LATENCY|DUR|DURATION|DELTA|ELAPSED|DELAY|WAIT|TOOK)(?=$|[^A-Za-z]|[a-zµ]|_)/;
const USES: readonly [RegExp, Use][] = [
  [/^TIME\b|^TIME[_(a-z]|^TS\b|^TIMESTAMP/, 'time'],
  [/^PID$/, 'pid'],
  [/^TID$/, 'tid'],
  [/^(?:COMM|TASK|PROCESS|COMMAND)$/, 'comm'],
  [/^CPU$/, 'cpu'],
  [/^(?:FUNC|FUNCTION|SYSCALL|CALL|NAME|EVENT|PROBE)$/, 'name'],
];
const CHATTER = /^(?:\^C|Attach(?:ing|ed) \d+ probes?|Tracing|Lost \d+)/;

/** The columns a heading names; null for a line that is none. */
function tableOf(text: string): Table | null {
  const words = text.trim().split(/\s+/);
  if (words.length < 2 || words.length > 24 || !/^[A-Z]/.test(words[0]!)) return null;
  let name = '';
  const columns = words.map((word): Column => {
    const unit = unitOfName(word);
    const unitNs = unit !== null && 'ns' in unit ? unit.ns : 0;
    if (
      name === '' &&
      unitNs > 0 &&
      LATENCY.test(word.toUpperCase().startsWith('LAT') ? word : word.toUpperCase())
    ) {
      name = /^[A-Za-z]+?(?=[^A-Za-z]|[a-z]*$)/.exec(word)![0].toLowerCase();
      return { use: 'latency', unitNs };
    }
    return { use: USES.find(([form]) => form.test(word))?.[1] ?? 'other', unitNs };
  });
  return name === '' ? null : { columns, name };
}

class LatencyTableDialect implements LineDialect {
  readonly id = 'latency-table';
  private table: Table | null = null;
  private rows = 0;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, end);
    if (text.trim() === '') return LINE.blank;
    const table = tableOf(text);
    if (table !== null) {
      this.table = table;
      return LINE.header;
    }
    if (this.table === null || CHATTER.test(text.trim()))
      return CHATTER.test(text.trim()) ? LINE.header : LINE.foreign;
    const cells = cellsOf(text, this.table.columns);
    return cells === null ? LINE.foreign : this.event(cells, this.table, host, start, end);
  }

  private event(
    cells: readonly string[],
    table: Table,
    host: LineHost,
    start: number,
    end: number,
  ): LineKind {
    const cell = (use: Use): string => cells[table.columns.findIndex((c) => c.use === use)] ?? '';
    const took = decimal(cell('latency'), table.columns.find((c) => c.use === 'latency')!.unitNs);
    if (took < 0) return host.skip('latency table: the latency column holds no number');
    const { batch, time } = host;
    const i = batch.length;
    const at = table.columns.find((c) => c.use === 'time');
    const stamp = at === undefined ? -1 : decimal(cell('time'), at.unitNs || 1e9);
    if (stamp < 0 || this.rows < 0) {
      time.unit = 'ticks';
      host.note(
        'no-clock',
        'its rows have no clock but a time of day, or none: their latencies are exact, the rest is order',
      );
      batch.tsNs[i] = time.relative(0, this.rows < 0 ? -this.rows : 1);
      this.rows--;
    } else {
      if (at?.unitNs === 1) time.resolutionNs = 1;
      batch.tsNs[i] = time.relative(Math.floor(stamp / 1e9), stamp % 1e9);
    }
    const tid = integer(cell('tid'));
    const pid = integer(cell('pid'));
    batch.cpu[i] = integer(cell('cpu'));
    batch.pid[i] = tid >= 0 ? tid : pid;
    batch.tgid[i] = tid >= 0 ? pid : -1;
    batch.flags[i] = 0;
    batch.comm[i] = host.names.internString(cell('comm'));
    const name = cell('name') || table.name;
    batch.event[i] = host.events.internHead(`table ${name}`, headOf(name));
    batch.bodyStart[i] = start;
    batch.bodyEnd[i] = end;
    batch.aux[i] = took;
    host.commit();
    return LINE.event;
  }
}

const headOf = (name: string): EventHead => ({
  kind: 'span',
  name: name.replace(/^(?:__x64_|__se_)?sys_/, ''),
  symbol: '',
  caller: '',
  stamp: 'end',
});

/** Words by column; those too many belong to the task name, or to the last column. */
function cellsOf(text: string, columns: readonly Column[]): string[] | null {
  const words = text.trim().split(/\s+/);
  const extra = words.length - columns.length;
  const last = columns.at(-1)!.use === 'other' || columns.at(-1)!.use === 'name';
  if (extra < 0) return extra === -1 && last ? [...words, ''] : null;
  const comm = columns.findIndex((c) => c.use === 'comm');
  const wide = comm >= 0 ? comm : columns.length - 1;
  if (extra > 0 && comm < 0 && !last) return null;
  return [
    ...words.slice(0, wide),
    words.slice(wide, wide + extra + 1).join(' '),
    ...words.slice(wide + extra + 1),
  ];
}

/** A decimal number of units in ns; -1 for anything else. */
function decimal(text: string, unitNs: number): number {
  const m = /^(\d{1,15})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (m === null) return -1;
  const fraction = m[2] === undefined ? 0 : Math.round((Number(m[2]) / 10 ** m[2].length) * unitNs);
  return Number(m[1]) * unitNs + fraction;
}

const integer = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : -1);

/** A heading, and rows that fill its columns. */
function score(sample: Uint8Array): number {
  const lines = sampleText(sample, 1 << 14).split('\n', 300);
  let table: Table | null = null;
  let hits = 0;
  let other = 0;
  for (const line of lines) {
    const found = tableOf(line);
    if (found !== null) table = found;
    else if (line.trim() !== '' && !CHATTER.test(line.trim())) {
      const cells: string[] | null = table === null ? null : cellsOf(line, table.columns);
      const at: number = table?.columns.findIndex((c) => c.use === 'latency') ?? -1;
      if (cells !== null && decimal(cells[at] ?? '', 1) >= 0) hits++;
      else other++;
    }
  }
  return hits === 0 ? 0 : (hits / (hits + other)) * 0.92;
}
