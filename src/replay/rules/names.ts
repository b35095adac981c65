import { LEVEL_NAMES } from '../../kernel/ops.js';
import type { Table } from '../state/table-life.js';

/** By `READER`. */
export const READER_NAMES = ['interrupts off', 'rcu_read_lock', 'preemption off', 'a lock', 'hardware'];

export const levelName = (table: Table): string => LEVEL_NAMES[table.level] ?? '?';

/** `pfn 0x113f97`, or `page #n` where the trace gives identity only. */
export const pageName = (key: number): string =>
  key >= 0 ? `pfn 0x${key.toString(16)}` : `page #${(-key).toString(16)} (base unknown)`;

/** `PTE table pfn 0x113f97`. */
export const tableName = (table: Table): string => `${levelName(table)} table ${pageName(table.key)}`;
