import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import type { AnalyseOptions } from '../src/analyse/analyse.js';
import { Distribution } from '../src/latency/histogram/distribution.js';
import type { Evidence } from '../src/replay/evidence.js';
import { CATALOGUE } from '../src/replay/rules/catalogue.js';
import { printableName } from '../src/result/printable.js';
import { refOffset } from '../src/timeline/batch.js';
import { duration } from './render/text.js';

const LINE_BYTES = 4096;
const LF = 10;

/** A violation as it is told while it happens; what is lost later may still make it unknown. */
export interface LiveFinding {
  readonly rule: string;
  readonly message: string;
  /** The lines that show it, as far as they can be read again. */
  readonly lines: readonly string[];
}

export interface LiveOptions {
  /** Syscall that is measured. */
  readonly syscall: string;
  /** A copy of the input whose offsets are those of the evidence; undefined: lines cannot be read again. */
  readonly copy: string | undefined;
  readonly say: (text: string) => void;
  readonly onFinding: (finding: LiveFinding) => void;
}

/** Looks on while a recording is replayed: a line a second, each violation once. Memory does not grow with the input. */
export class Live {
  readonly watch: NonNullable<AnalyseOptions['watch']>;
  private readonly options: LiveOptions;
  private readonly calls = new Distribution();
  private readonly told = new Map<number, number>();
  private evidence: Evidence | null = null;
  private events = 0;
  private lastEvents = 0;
  private waiting = 0;
  private violations = 0;
  private readonly startMs: number;

  constructor(options: LiveOptions, startMs: number) {
    this.options = options;
    this.startMs = startMs;
    this.watch = ({ funcs }, evidence) => {
      this.evidence = evidence;
      const entered = new Map<number, number>();
      return [
        {
          syscallEntered: (task, op) => {
            if (funcs.name(op.a0) === options.syscall) entered.set(task.key, op.tsNs);
          },
          syscallLeft: (task, op) => {
            const since = entered.get(task.key);
            entered.delete(task.key);
            if (since !== undefined && op.tsNs >= since) this.calls.add(op.tsNs - since);
          },
          queued: ({ tables }) => {
            this.waiting += tables.length;
          },
          callbackRan: ({ tables }) => {
            this.waiting = Math.max(0, this.waiting - tables.length);
          },
        },
      ];
    };
  }

  /** After each piece of input. */
  progress(events: number): void {
    this.events = events;
    const { evidence } = this;
    if (!evidence) return;
    for (const [number, tally] of evidence.ledger.tallies) {
      const before = this.told.get(number) ?? 0;
      const n = tally.violated;
      if (n <= before) continue;
      this.told.set(number, n);
      this.violations += n - before;
      // The ledger keeps the first ones; of the rest the number is told.
      for (const violation of tally.violations.slice(before)) {
        const rule = CATALOGUE.find((r) => r.number === number);
        const lines = violation.events.map((e) => this.lineAt(e.ref)).filter((line) => line !== null);
        const finding = {
          rule: rule ? `${rule.id} ${rule.name}` : `rule ${number}`,
          message: violation.message,
          lines,
        };
        this.options.say(`${finding.rule} is violated: ${finding.message}\n`);
        for (const line of lines) this.options.say(`  ${line}\n`);
        this.options.onFinding(finding);
      }
    }
  }

  /** The line of a second. */
  status(nowMs: number, everyMs: number): void {
    const rate = ((this.events - this.lastEvents) * 1000) / Math.max(1, everyMs);
    this.lastEvents = this.events;
    const n = this.calls.count;
    const times =
      n === 0 ? '' : `, p50 ${duration(this.calls.quantile(0.5))}, max ${duration(this.calls.maxNs)}`;
    const at = Math.round((nowMs - this.startMs) / 1000);
    this.options.say(
      `${at} s: ${this.events} events, ${Math.round(rate)}/s; ${this.options.syscall} ${n}${times}; ${this.waiting} tables queued to RCU; ${this.violations === 0 ? 'no violation' : `violations: ${this.violations}`}\n`,
    );
  }

  private lineAt(ref: number): string | null {
    if (this.options.copy === undefined || ref < 0) return null;
    try {
      const fd = openSync(this.options.copy, 'r');
      try {
        const bytes = Buffer.alloc(LINE_BYTES);
        const size = readSync(fd, bytes, 0, LINE_BYTES, refOffset(ref));
        const end = bytes.subarray(0, size).indexOf(LF);
        return printableName(
          bytes
            .subarray(0, end < 0 ? size : end)
            .toString('utf8')
            .trim(),
        );
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }
}

/** Runs a command for each finding, one at a time; what it prints goes to standard error. */
export class Runner {
  private last: Promise<void> = Promise.resolve();
  private readonly command: string;
  private queued = 0;
  /** Findings for which it was not run: too many were waiting. */
  skipped = 0;

  constructor(command: string) {
    this.command = command;
  }

  run({ rule, message, lines }: LiveFinding): void {
    // A burst of findings must not become a burst of processes.
    if (this.queued >= 16) {
      this.skipped++;
      return;
    }
    this.queued++;
    this.last = this.last.then(
      () =>
        new Promise<void>((resolve) => {
          const env = {
            ...process.env,
            // By the environment, not in the text of the command: names in a recording are anybody's.
            PTTRACE_RULE: rule,
            PTTRACE_MESSAGE: printableName(message),
            PTTRACE_LINES: lines.join('\n'),
          };
          const child = spawn('/bin/sh', ['-c', this.command], { env, stdio: ['ignore', 2, 2] });
          const done = (): void => {
            this.queued--;
            resolve();
          };
          child.on('error', done);
          child.on('close', done);
        }),
    );
  }

  async finished(): Promise<void> {
    await this.last;
  }
}
