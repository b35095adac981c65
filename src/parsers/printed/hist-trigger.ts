/**
 * Output of tracefs `hist` triggers (`events/SYSTEM/EVENT/hist`): tables, not events.
 *
 *     # event histogram
 *     #
 *     # trigger info: hist:keys=len:vals=hitcount:sort=hitcount:size=2048 [active]
 *     #
 *
 *     { len:        176 } hitcount:          1
 *
 *     Totals:
 *         Hits: 1428
 *         Entries: 147
 *         Dropped: 0
 *
 * Source: kernel/trace/trace_events_hist.c `hist_trigger_show()`, `hist_trigger_entry_print()`.
 */
export interface HistKey {
  readonly name: string;
  /** As printed, trimmed: `176`, `~ 2^10`, `~ 0-9`, `[ffffffff81…] name`, `comm[pid]`; stacks: frames by newline. */
  readonly value: string;
}

export interface HistRow {
  readonly keys: HistKey[];
  readonly hitcount: number;
  /** Further values by name, in printed order; `.percent` as the number printed, `.graph` bars are dropped. */
  readonly vals: Record<string, number>;
  /** Lines of `onmax()`/`onchange()` actions under the row, as printed: `max:  27  next_comm: cyclictest`. */
  readonly actions: string[];
  /** 1-based line of the row (its last line for stack keys). */
  readonly line: number;
}

export interface HistTable {
  /** What follows `trigger info: `; empty when the head was cut off. */
  readonly trigger: string;
  /** Key names with their modifiers as in the trigger (`skbaddr.hex`). */
  readonly keyFields: string[];
  readonly rows: HistRow[];
  /** -1 where the totals are missing (cut file). */
  hits: number;
  entries: number;
  dropped: number;
  /** Lines between header and totals that are no row: 1-based numbers. `[...]`-like cuts land here too. */
  readonly unread: number[];
}

const INDENT = /^[\t >|]*/;

/** True when the text holds at least one histogram of this kind. */
export function isHistTrigger(sample: Uint8Array): boolean {
  return /^[\t >|]*# (?:event histogram[ \t]*\r?$|trigger info: hist:)/m.test(
    new TextDecoder('latin1').decode(sample),
  );
}

/** Every histogram of `text`, which may have prose around them. Never throws. */
export function parseHistTriggers(text: string): HistTable[] {
  const tables: HistTable[] = [];
  let table: HistTable | null = null;
  let inTotals = false;
  /** Lines of a row whose `}` has not come yet. */
  let open: string[] | null = null;
  const lines = text.split(/\r?\n/);
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n]!.replace(INDENT, '').trimEnd();
    const trigger = /^# trigger info: (.*)$/.exec(line);
    if (trigger) {
      table = newTable(trigger[1]!);
      tables.push(table);
      inTotals = false;
      open = null;
      continue;
    }
    if (table === null || inTotals) {
      // Rows whose head was cut off.
      const bare = /^\{ \w+: .* \} hitcount: +\d/.test(line);
      if (bare) {
        table = newTable('');
        tables.push(table);
        inTotals = false;
      }
    }
    if (table === null) continue;
    if (open !== null || (!inTotals && line.startsWith('{ '))) {
      open = open ?? [];
      open.push(line);
      const end = rowEnd(open.join('\n'));
      if (end !== null) {
        addRow(table, open.join('\n'), end, n + 1);
        open = null;
      } else if (open.length > 200) {
        table.unread.push(n + 1);
        open = null;
      }
    } else if (line === 'Totals:') inTotals = true;
    else if (inTotals) {
      const total = /^(Hits|Entries|Dropped): (\d+)/.exec(line);
      if (total) {
        if (total[1] === 'Hits') table.hits = Number(total[2]);
        else if (total[1] === 'Entries') table.entries = Number(total[2]);
        else table.dropped = Number(total[2]);
      } else if (line !== '') table = null;
    } else if (table.rows.length > 0 && /^[\w$-]+:\s+\S/.test(line)) table.rows.at(-1)!.actions.push(line);
    else if (line !== '' && !line.startsWith('#')) table.unread.push(n + 1);
  }
  return tables;
}

function newTable(trigger: string): HistTable {
  return {
    trigger,
    keyFields: keyFieldsOf(trigger),
    rows: [],
    hits: -1,
    entries: -1,
    dropped: -1,
    unread: [],
  };
}

function keyFieldsOf(trigger: string): string[] {
  const keys = /(?:^|:)keys?=([^:]*)/.exec(trigger);
  return keys ? keys[1]!.split(',') : [];
}

/** The ` } hitcount:` that ends the keys: the last one, since comms may hold braces. */
function rowEnd(row: string): { keysEnd: number; valsStart: number } | null {
  const m = /^.*(\s+\}\s+)(?=[\w.]+(?: \(%\))?:\s)/s.exec(row);
  return m ? { keysEnd: m[0].length - m[1]!.length, valsStart: m[0].length } : null;
}

function addRow(
  table: HistTable,
  row: string,
  end: { keysEnd: number; valsStart: number },
  line: number,
): void {
  const keys = splitKeys(row.slice(2, end.keysEnd), table.keyFields);
  const vals: Record<string, number> = {};
  let hitcount = Number.NaN;
  for (const m of row
    .slice(end.valsStart)
    .matchAll(/([\w.]+(?: \(%\))?):\s*(-?[\d.]+|0x[0-9a-f]+|#*)(?=\s|$)/g)) {
    if (m[2] === '' || m[2]!.startsWith('#')) continue;
    const value = Number(m[2]);
    if (m[1] === 'hitcount') hitcount = value;
    else vals[m[1]!] = value;
  }
  if (Number.isNaN(hitcount) && Object.keys(vals).length === 0) table.unread.push(line);
  else table.rows.push({ keys, hitcount, vals, actions: [], line });
}

/** Cuts at `, name:` for the names the trigger lists; a value may itself hold commas and colons. */
function splitKeys(text: string, fields: string[]): HistKey[] {
  const names = fields.map((f) => f.replace(/\..*$/, ''));
  const keys: HistKey[] = [];
  let rest = text;
  for (let i = 0; i < Math.max(names.length, 1); i++) {
    const colon = rest.indexOf(':');
    if (colon < 0) break;
    const name = rest.slice(0, colon).trim();
    let cut = rest.length;
    if (i + 1 < names.length) {
      const next = rest.lastIndexOf(`, ${names[i + 1]}:`);
      if (next > colon) cut = next;
    }
    const value = rest.slice(colon + 1, cut);
    const lines = value.split('\n').map((l) => l.trim());
    keys.push({ name, value: lines.filter((l) => l !== '').join('\n') });
    rest = rest.slice(cut + 2);
  }
  return keys;
}
