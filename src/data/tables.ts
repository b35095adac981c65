/** What a column holds: text, or a whole number of at most 32 or 64 bits. */
export type ColumnKind = 'text' | 'int' | 'long';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Null where it is not known; the others always hold something. */
  readonly nullable?: boolean;
  /** With the unit. */
  readonly what: string;
}

export interface Table {
  readonly name: TableName;
  /** What one row is. */
  readonly row: string;
  readonly columns: readonly Column[];
}

export type TableName = 'recordings' | 'verdicts' | 'spans' | 'delays' | 'margins';

const RECORDING: Column = { name: 'recording', kind: 'text', what: 'path of the recording, as given' };

const long = (name: string, what: string): Column => ({ name, kind: 'long', what });
const text = (name: string, what: string): Column => ({ name, kind: 'text', what });
const int = (name: string, what: string): Column => ({ name, kind: 'int', what });
const orNull = (column: Column): Column => ({ ...column, nullable: true });

/**
 * The tables that results are written as. Kernel and host are no columns: they are the folders that the files lie in
 * (`dataset.ts`). Stamps are ns of the recording's own clock; durations are ns.
 */
export const TABLES: readonly Table[] = [
  {
    name: 'recordings',
    row: 'one recording, read or not',
    columns: [
      RECORDING,
      text('status', '`no-finding`, `finding`, `unreadable` or `failed` (nothing is known of the recording)'),
      orNull(text('error', 'why it could not be read, or not to its end')),
      orNull(text('build', 'the kernel as the recording says it: release, version, machine')),
      text('variants', 'kernel variants that it allows, blanks between them'),
      text('clock', '`ns`, or `ticks`: nothing is measured then'),
      long('events', 'events of the timeline'),
      orNull(long('first_ns', 'stamp of the first event')),
      orNull(long('last_ns', 'stamp of the last event')),
      orNull(long('span_ns', 'time that it covers, ns')),
      int('cpus', 'CPUs that it shows'),
      long('lost', 'events that the buffers said they lost'),
      int('lost_unknown', 'losses of which no number was said'),
      long('table_frees', 'events that show a page table being freed'),
      long('findings', 'violations, and what else `--require` and `--strict` make a finding'),
    ],
  },
  {
    name: 'verdicts',
    row: 'what one rule says of one recording',
    columns: [
      RECORDING,
      text('rule', 'id, `I01`'),
      text('name', 'name of the rule'),
      text('severity', '`S1` to `S4`'),
      text('verdict', '`pass`, `violated`, `unknown` or `not-applicable`'),
      long('pass', 'instances that pass'),
      long('violated', 'instances that violate it'),
      long('unknown', 'instances that cannot be decided'),
      long('censored', 'instances cut off by an edge of the recording'),
      orNull(text('why', 'why it is unknown, without the number of instances')),
      orNull(text('message', 'of the first finding')),
    ],
  },
  {
    name: 'spans',
    row: 'one whole call',
    columns: [
      RECORDING,
      text('call', 'the syscall, `munmap`'),
      long('ended_ns', 'stamp of its end'),
      long('ns', 'how long it took, ns'),
      orNull(int('cpu', 'where it ended')),
      orNull(int('tid', 'thread')),
      text('comm', 'name of the task'),
    ],
  },
  {
    name: 'delays',
    row: 'one RCU callback of page tables that ran',
    columns: [
      RECORDING,
      text(
        'kind',
        '`batch` (tlb_remove_table_rcu), `single` (the path without memory), `defer` (pte_free_defer)',
      ),
      long('queued_ns', 'stamp of its call_rcu()'),
      long('ns', 'from call_rcu() to the callback, ns'),
      orNull(int('tables', 'tables that it frees')),
    ],
  },
  {
    name: 'margins',
    row: 'one PTE table with readers in it when it was unlinked, and released later',
    columns: [
      RECORDING,
      text('page', 'the table: `pfn 0x…`, or a number where only its address is known'),
      orNull(text('address', 'user address that it mapped')),
      text('unlinked_by', 'who unlinked it'),
      long('unlinked_ns', 'stamp of its unlink'),
      long('released_ns', 'stamp of the release of its page'),
      long('ns', 'from the end of the last of these readers to the release, ns; negative: released under it'),
      int('walkers', 'walkers that were inside at the unlink'),
      int('gup_fast', 'GUP-fast brackets that were open at the unlink'),
    ],
  },
];

export function tableOf(name: TableName): Table {
  return TABLES.find((t) => t.name === name)!;
}
