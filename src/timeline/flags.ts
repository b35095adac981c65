/**
 * The irq/preempt column of an event, packed into 32 bits.
 * Source: kernel/trace/trace_output.c `trace_print_lat_fmt()`.
 */
export const FLAG = {
  /** The line had a flags column at all; without it nothing about context is known. */
  known: 1 << 0,
  irqsOff: 1 << 1,
  bhOff: 1 << 2,
  needResched: 1 << 3,
  needReschedLazy: 1 << 4,
  hardirq: 1 << 5,
  softirq: 1 << 6,
  nmi: 1 << 7,
} as const;

/** Preempt depth in bits 8–11, migrate-disable depth in bits 12–15. */
export const preemptDepth = (flags: number): number => (flags >>> 8) & 15;
export const migrateDepth = (flags: number): number => (flags >>> 12) & 15;

/** Execution context of an event. `unknown` when the recording has no flags column. */
export const CONTEXT = { task: 0, softirq: 1, hardirq: 2, nmi: 3, unknown: 4 } as const;
export type Context = (typeof CONTEXT)[keyof typeof CONTEXT];

export function contextOf(flags: number): Context {
  if ((flags & FLAG.known) === 0) return CONTEXT.unknown;
  if (flags & FLAG.nmi) return CONTEXT.nmi;
  if (flags & FLAG.hardirq) return CONTEXT.hardirq;
  if (flags & FLAG.softirq) return CONTEXT.softirq;
  return CONTEXT.task;
}
