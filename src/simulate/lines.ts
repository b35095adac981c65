import { LineQueue } from './line-queue.js';

/** The flags column of each place a line may come from, as the real recordings print it. */
export const FLAGS = {
  task: '.....',
  enqueue: 'd....',
  preemptOff: '...1.',
  sending: '...2.',
  irqOff1: 'd..1.',
  irqOff2: 'd..2.',
  hardirq: 'd.h..',
  softirq: '..s1.',
  kthread: 'd..1.',
} as const;
export type FlagsColumn = (typeof FLAGS)[keyof typeof FLAGS];

/** Who a line belongs to. */
export interface SimTask {
  /** At most 15 bytes. */
  readonly comm: string;
  readonly pid: number;
}

/** Columns as tracefs prints them, and what no recording says: that this is none. `cpus` is the `#P:` count. */
export const header = (cpus: number, what: string): string => `# tracer: nop
#
# simulated: ${what}
# simulated: order of events by the model in docs/simulate.md; times drawn from bare-metal priors, not measured
#
# entries-in-buffer/entries-written: 0/0   #P:${cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

/** Recordings do not begin at zero. */
const START_US = 100_000_000;

/** Lines on their way to the log. They come out sorted by time, as soon as nothing earlier can follow. */
export class LogLines {
  lines = 0;
  private readonly queue = new LineQueue<string>();

  add(tsNs: number, cpu: number, task: SimTask, flags: FlagsColumn, body: string): void {
    const us = START_US + Math.floor(tsNs / 1000);
    const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    const who = `${task.comm.padStart(16)}-${String(task.pid).padEnd(7)}`;
    this.queue.push(
      tsNs,
      `${who} [${String(cpu).padStart(3, '0')}] ${flags} ${stamp.padStart(12)}: ${body}\n`,
    );
  }

  /** Lines before this time, in chunks of about 64 KiB. */
  *until(tsNs: number): Generator<string> {
    let text = '';
    while (this.queue.nextNs < tsNs) {
      text += this.queue.pop();
      this.lines++;
      if (text.length < 65_536) continue;
      yield text;
      text = '';
    }
    if (text !== '') yield text;
  }
}

const DIRECT_MAP = 0xffff_8880_0000_0000n;
const VMEMMAP = 0xffff_ea00_0000_0000n;
export const directMap = (pfn: number): string => `0x${(DIRECT_MAP + (BigInt(pfn) << 12n)).toString(16)}`;
/** `struct page` of a frame, plus a field's offset. */
export const pageOf = (pfn: number, offset = 0): string =>
  `0x${(VMEMMAP + (BigInt(pfn) << 6n) + BigInt(offset)).toString(16)}`;
export const hex = (value: number): string => `0x${value.toString(16)}`;
/** A pointer as `%p` prints it: scrambled, the upper half zero. */
export const hashed = (value: number): string =>
  ((Math.imul(value + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0).toString(16).padStart(16, '0');
export const probe = (name: string, symbol: string, args: string): string =>
  `${name}: (${symbol}+0x4/0x200)${args === '' ? '' : ` ${args}`}`;
export const returns = (name: string, caller: string, args = ''): string =>
  `${name}_ret: (${caller}+0x40/0x200 <- ${name})${args === '' ? '' : ` ${args}`}`;
