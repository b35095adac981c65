import type { Head, Table } from '../state/table-life.js';
import type { Moment } from './doubtful.js';

/** When a head was queued. */
export const queuedAt = (head: Head): Moment => ({
  event: head.crEvent,
  seq: head.crSeq,
  ref: head.crRef,
});

/** When a table was handed over. */
export const removedAt = (table: Table): Moment => ({
  event: table.trEvent,
  seq: table.trSeq,
  ref: table.trRef,
});
