import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { release } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import { FACT_PREFIX } from '../src/parsers/input/recording-facts.js';
import { TraceError } from '../src/parsers/input/trace-error.js';
import type { KernelInfo } from '../src/record/kernel-info.js';
import { liveKernelInfo } from '../src/record/live-info.js';
import type { RecordingPlan } from '../src/record/plan.js';
import { Session } from '../src/record/session.js';
import { beginners, sentinels } from '../src/record/shell.js';
import { TRACEFS_PLACES, type TracefsDir, tracefsAt } from '../src/record/tracefs.js';
import { UsageError } from '../src/result/usage-error.js';
import { EXIT } from './exit-codes.js';
import type { RecordingSummary } from './render/record.js';

const NULL_ROUNDS = 25;
/** How often missed hits are told. */
const SAMPLE_MS = 100;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const CONFIG =
  /^(?:# )?CONFIG_(?:PT_RECLAIM|PARAVIRT|MMU_GATHER_\w*|RCU_TRACE|PREEMPT\w*|RCU_LAZY|KPROBES|MMU_NOTIFIER|BROADCAST_TLB_FLUSH|SPLIT_PTLOCK_CPUS|DEBUG_SPINLOCK|DEBUG_LOCK_ALLOC)[= ].*$/gm;

/** The machine's tracefs. Throws TraceError when there is none or it cannot be written. */
export function findTracefs(given: string | undefined): TracefsDir {
  const places = given === undefined ? TRACEFS_PLACES : [given];
  const root = places.find((place) => existsSync(`${place}/trace`));
  if (root === undefined) {
    const message = `no tracefs at ${places.join(' or ')}: mount it (mount -t tracefs tracefs ${places[0]}); it takes root`;
    throw new TraceError('no-tracefs', message);
  }
  return tracefsAt(root);
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

function bytesOf(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

function kernelConfig(): string {
  try {
    return gunzipSync(readFileSync('/proc/config.gz')).toString();
  } catch {
    return textOf(`/boot/config-${release()}`);
  }
}

interface Machine {
  readonly kernel: KernelInfo;
  readonly config: string;
}

function threadsOf(tgid: number): number[] {
  try {
    return readdirSync(`/proc/${tgid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** What this machine says of its kernel. */
export function machineOf(tracefs: TracefsDir): Machine {
  const config = kernelConfig();
  const version = /^(\S+) version (\S+)/.exec(textOf('/proc/version'));
  const build = textOf('/proc/sys/kernel/version').trim();
  const uname = version ? `${version[1]} ${version[2]} ${build} x86_64` : '';
  return {
    kernel: liveKernelInfo(tracefs, {
      uname,
      config,
      kallsyms: textOf('/proc/kallsyms'),
      cpuinfo: textOf('/proc/cpuinfo'),
      btf: bytesOf('/sys/kernel/btf/vmlinux'),
    }),
    config,
  };
}

export interface RecordingOptions {
  readonly out: string;
  readonly bufferKb: number;
  /** Name of this machine; '' is not written. */
  readonly host: string;
  /** Seconds; undefined = until the command ends or Ctrl-C. */
  readonly durationS: number | undefined;
  readonly command: readonly string[];
  readonly onStart: () => void;
}

/** Ends of a recording that are no command's own. */
interface Stop {
  signal: NodeJS.Signals | null;
  wake: () => void;
}

/** Makes a recording on this machine and restores tracefs, whatever happens short of SIGKILL. */
export async function recordLive(
  tracefs: TracefsDir,
  plan: RecordingPlan,
  config: string,
  options: RecordingOptions,
): Promise<RecordingSummary> {
  const endProcess = (): void => {
    spawnSync('sh', ['-c', ':'], { stdio: 'ignore' });
  };
  const session = new Session(tracefs, plan, {
    pid: process.pid,
    bufferKb: options.bufferKb,
    endProcess,
    threadsOf,
  });
  const part = `${options.out}.part`;
  const stop: Stop = { signal: null, wake: () => {} };
  const onSignal = (signal: NodeJS.Signals): void => {
    // The second one does not wait for the file.
    if (stop.signal !== null) process.exit(codeOf(signal));
    stop.signal = signal;
    stop.wake();
  };
  const onExit = (): void => {
    session.close();
    rmSync(part, { force: true });
  };
  process.once('exit', onExit);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    session.open();
    const nullMs = overheadOf(session, endProcess);
    // Signals that came in the meantime are delivered now.
    await new Promise((resolve) => setImmediate(resolve));
    if (stop.signal === null) await recordWorkload(session, options, stop);
    session.stop();
    const losses = session.losses();
    const head = headOf(plan, config, options.host, [
      ...session.facts,
      overheadFact(nullMs),
      ...losses.facts,
    ]);
    await write(part, head, session.trace());
    renameSync(part, options.out);
    if (stop.signal !== null && (options.command.length > 0 || stop.signal !== 'SIGINT')) {
      process.exitCode = codeOf(stop.signal);
    }
    return {
      file: options.out,
      bytes: statSync(options.out).size,
      entries: losses.entries,
      overrun: losses.overrun,
      misses: losses.facts.filter((fact) => fact.startsWith('missed ')),
      nullMs,
      partial: stop.signal !== null && process.exitCode === codeOf(stop.signal),
    };
  } finally {
    onExit();
    process.off('exit', onExit);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** Milliseconds that the same processes take without the probes and with them, and the probes are on. */
function overheadOf(session: Session, endProcess: () => void): [number, number] {
  const before = timed(endProcess);
  session.enable();
  session.start();
  const after = timed(endProcess);
  session.stop();
  session.checkPointers();
  return [before, after];
}

const overheadFact = ([before, after]: readonly [number, number]): string =>
  `overhead ${NULL_ROUNDS} processes: ${before.toFixed(1)} ms without, ${after.toFixed(1)} ms while recording`;

/** From the start of the command to its end, and what has to be in the buffer behind it. */
async function recordWorkload(session: Session, options: RecordingOptions, stop: Stop): Promise<void> {
  options.onStart();
  session.start();
  session.sampleMisses();
  const samples = setInterval(() => session.sampleMisses(), SAMPLE_MS);
  spawnSync('sh', ['-c', beginners], { stdio: 'ignore' });
  try {
    await workload(options, stop);
  } finally {
    clearInterval(samples);
  }
  spawnSync('sh', ['-c', sentinels], { stdio: 'ignore' });
  session.sampleMisses();
}

/** What the file says of itself, before the trace. */
const headOf = (plan: RecordingPlan, config: string, host: string, measured: readonly string[]): string[] => [
  'recording 1 record',
  `kernel ${plan.kernel.uname}`,
  ...(host === '' ? [] : [`host ${host}`]),
  `level ${plan.level}`,
  ...[...config.matchAll(CONFIG)].map((m) => `config ${m[0]}`),
  ...[...plan.kernel.features].map(([name, has]) => `feature ${name} ${has ? 'yes' : 'no'}`),
  ...measured,
];

const CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hangup,
};
const codeOf = (signal: NodeJS.Signals): number => CODES[signal] ?? EXIT.terminated;

function timed(once: () => void): number {
  const start = performance.now();
  for (let i = 0; i < NULL_ROUNDS; i++) once();
  return performance.now() - start;
}

/** Until the command ends, the time is over, or a signal comes (which also ends the command). */
async function workload(options: RecordingOptions, stop: Stop): Promise<void> {
  const child = options.command.length > 0 ? start(options.command) : null;
  const ended = child === null ? new Promise<void>(() => {}) : endOf(child);
  let timer: NodeJS.Timeout | undefined;
  const broken = new Promise<void>((resolve) => {
    stop.wake = resolve;
    // Also keeps a process alive that waits for nothing but a signal.
    timer = setTimeout(resolve, (options.durationS ?? 2 ** 31 / 1000 - 1) * 1000);
  });
  await Promise.race([ended, broken]);
  clearTimeout(timer);
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000))]);
  }
}

function start(command: readonly string[]): ChildProcess {
  return spawn(command[0]!, command.slice(1), { stdio: 'inherit' });
}

const endOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new UsageError(`the command cannot be run: ${error.message}`)));
    child.once('exit', () => resolve());
  });

async function write(file: string, head: readonly string[], trace: Iterable<Uint8Array>): Promise<void> {
  const text = head.map((fact) => `${FACT_PREFIX}${fact}\n`).join('');
  function* all(): Iterable<Uint8Array> {
    yield Buffer.from(text);
    yield* trace;
  }
  await pipeline(Readable.from(all()), createGzip({ level: 6 }), createWriteStream(file));
}
