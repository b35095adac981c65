import { MISSES_MARKER } from '../parsers/input/recording-facts.js';
import { UsageError } from '../result/usage-error.js';
import type { PlannedProbe, RecordingPlan } from './plan.js';
import { probeType } from './shell.js';
import { kernelFilter } from './task-filter.js';
import type { TracefsDir } from './tracefs.js';

/** Everything a recording makes in tracefs bears this name, and the process it belongs to. */
export const NAME_PREFIX = 'pttrace_';

/** Enough of a trace to see in it how this kernel prints. */
const GLUE_SAMPLE = 8 << 20;
/** A second event head on one line. */
const GLUED = / \[\d{3,}\] \S+ +\d+\.\d+: [^\n]* \[\d{3,}\] \S+ +\d+\.\d+: /;

export interface SessionOptions {
  /** Process that records. */
  readonly pid: number;
  /** KiB per CPU. */
  readonly bufferKb: number;
  /** Does something that ends a process, so that exit_mmap runs. */
  readonly endProcess: () => void;
  /** Threads that a process has now; [] where there is no such process. */
  readonly threadsOf: (tgid: number) => readonly number[];
}

/**
 * One recording's part of tracefs: an instance (buffer, clock, options, enabled events) and probe definitions, both
 * under a name of its own. Nothing that others see is changed, so removing the two restores tracefs.
 */
export class Session {
  readonly name: string;
  /** What was set and what the kernel refused, as facts of the recording. */
  readonly facts: string[] = [];
  private readonly tracefs: TracefsDir;
  private readonly plan: RecordingPlan;
  private readonly options: SessionOptions;
  private readonly set: string[] = [];
  /** The option hash-ptr is there and off. */
  private plain = false;
  private readonly instance: string;

  constructor(tracefs: TracefsDir, plan: RecordingPlan, options: SessionOptions) {
    this.tracefs = tracefs;
    this.plan = plan;
    this.options = options;
    this.name = `${NAME_PREFIX}${options.pid}`;
    this.instance = `instances/${this.name}`;
  }

  /** Sets everything up with tracing off. Throws when tracefs cannot be written; then nothing is left behind. */
  open(): void {
    const { tracefs, plan, instance, facts } = this;
    try {
      tracefs.mkdir(instance);
      tracefs.write(`${instance}/tracing_on`, '0');
      const clock = this.tries(`${instance}/trace_clock`, plan.clock) ? plan.clock : 'local';
      tracefs.write(`${instance}/buffer_size_kb`, String(this.options.bufferKb));
      // Pointers in plain, in this instance only.
      this.plain = this.tries(`${instance}/options/hash-ptr`, '0');
      facts.push(`clock ${clock}`, `buffer ${this.bufferSize()} KiB per CPU`);
      for (const probe of plan.kprobes) this.setProbe(probe);
      if (plan.bases) this.readBases();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Enables what was planned; tracing stays off. */
  enable(): void {
    const { tracefs, plan, instance, facts } = this;
    this.setFilter();
    for (const event of this.set) this.tries(`${instance}/events/${this.name}/${event}/enable`, '1');
    for (const { system, event } of plan.tracepoints) {
      const on = this.tries(`${instance}/events/${system}/${event}/enable`, '1');
      facts.push(`${on ? 'event' : 'absent'} ${system}:${event}`);
    }
    if (plan.functions.length === 0) return;
    for (const symbol of plan.functions) {
      const on = this.tries(`${instance}/set_ftrace_filter`, symbol, true);
      facts.push(`${on ? 'function' : 'absent'} ${symbol}`);
    }
    // Without a filter the tracer would take every function of the kernel.
    if (tracefs.read(`${instance}/set_ftrace_filter`).startsWith('#')) return;
    this.tries(`${instance}/current_tracer`, 'function');
  }

  start(): void {
    this.tracefs.clear(`${this.instance}/trace`);
    this.tracefs.write(`${this.instance}/tracing_on`, '1');
  }

  stop(): void {
    this.tracefs.write(`${this.instance}/tracing_on`, '0');
  }

  /** Writes into the trace how many hits each probe has missed by now, so that a replay knows when it was. */
  sampleMisses(): void {
    const counts = this.missed().map(({ event, misses }) => ` ${event}=${misses}`);
    this.tries(`${this.instance}/trace_marker`, `${MISSES_MARKER}${counts.join('')}`);
  }

  /**
   * Pointers are printed in plain where the kernel can. Some print events without their newline then, the next one behind
   * them on the same line: those hash pointers rather than lose events. Asked of what was recorded so far; tracing is off.
   */
  checkPointers(): void {
    if (!this.plain) return;
    let text = '';
    for (const chunk of this.tracefs.stream(`${this.instance}/trace`)) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length > GLUE_SAMPLE) break;
    }
    this.tracefs.closeFiles();
    if (!GLUED.test(text)) return;
    this.tries(`${this.instance}/options/hash-ptr`, '1');
    this.facts.push(
      'note hashed-pointers this kernel prints events without their newline where pointers are not hashed: they are hashed',
    );
  }

  /** Facts about losses; after `stop`. */
  losses(): { readonly facts: readonly string[]; readonly entries: number; readonly overrun: number } {
    const facts: string[] = [];
    let entries = 0;
    let overrun = 0;
    const cpus = this.tracefs.list(`${this.instance}/per_cpu`).filter((name) => /^cpu\d+$/.test(name));
    for (const cpu of cpus.sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))) {
      const stats = this.tracefs.read(`${this.instance}/per_cpu/${cpu}/stats`);
      const number = (key: string): number =>
        Number(new RegExp(`^${key}: (\\d+)`, 'm').exec(stats)?.[1] ?? 0);
      entries += number('entries');
      overrun += number('overrun');
      const losses = `overrun ${number('overrun')} commit-overrun ${number('commit overrun')} dropped ${number('dropped events')}`;
      facts.push(`cpu ${cpu.slice(3)} entries ${number('entries')} ${losses}`);
    }
    facts.push(...this.misses());
    return { facts, entries, overrun };
  }

  /** The trace as tracefs prints it: all CPUs, merged by the kernel in ns. */
  trace(): Iterable<Uint8Array> {
    return this.tracefs.stream(`${this.instance}/trace`);
  }

  /** Removes everything; never throws. Says what could not be removed. */
  close(): string[] {
    return removeNamed(this.tracefs, this.name);
  }

  private misses(): string[] {
    return this.missed().map(({ event, misses }) => `missed ${event} ${misses}`);
  }

  /** Probes of this recording that have missed hits, in the order of kprobe_profile. */
  private missed(): { readonly event: string; readonly misses: string }[] {
    if (!this.tracefs.exists('kprobe_profile')) return [];
    return this.tracefs
      .read('kprobe_profile')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([event, , misses]) => event && this.set.includes(event) && (misses ?? '0') !== '0')
      .map(([event, , misses]) => ({ event: event!, misses: misses! }));
  }

  private setProbe(probe: PlannedProbe): void {
    const definition = [`${probeType(probe)}:${this.name}/${probe.event}`, probe.symbol, ...probe.args].join(
      ' ',
    );
    if (this.tries('kprobe_events', definition, true)) {
      if (!this.set.includes(probe.event)) this.set.push(probe.event);
      this.facts.push(`probe ${definition}`);
    } else this.facts.push(`absent ${probe.event} ${probe.symbol}`);
  }

  /** Throws UsageError where the filter would let nobody through. */
  private setFilter(): void {
    const { filter, kprobes } = this.plan;
    if (filter === null) return;
    const tids = filter.tgids.flatMap((tgid) => this.options.threadsOf(tgid));
    const text = kernelFilter(filter, tids);
    if (text === '') throw new UsageError(`no such process: ${filter.tgids.join(', ')}`);
    this.facts.push(`filter ${text}`);
    for (const event of new Set(kprobes.filter((p) => p.hot).map((p) => p.event))) {
      if (!this.set.includes(event)) continue;
      const on = this.tries(`${this.instance}/events/${this.name}/${event}/filter`, text);
      if (!on) this.facts.push(`unfiltered ${event}`);
    }
  }

  /** A probe reads the variables that say where KASLR has put struct pages and the direct map. */
  private readBases(): void {
    const { tracefs, name } = this;
    const event = `${name}/bases`;
    const definition = `p:${event} exit_mmap vmemmap=@vmemmap_base:x64 direct_map=@page_offset_base:x64`;
    if (!this.tries('kprobe_events', definition, true)) return;
    const instance = `instances/${name}_b`;
    tracefs.mkdir(instance);
    try {
      if (!this.tries(`${instance}/events/${event}/enable`, '1')) return;
      this.options.endProcess();
      this.tries(`${instance}/events/${event}/enable`, '0');
      const found = /vmemmap=(0x[0-9a-f]+) direct_map=(0x[0-9a-f]+)/.exec(tracefs.read(`${instance}/trace`));
      if (found) this.facts.push(`base vmemmap ${found[1]}`, `base direct-map ${found[2]}`);
    } finally {
      tracefs.rmdir(instance);
      this.tries('kprobe_events', `-:${event}`, true);
    }
  }

  /** `8195` or, before the buffer was touched, `7 (expanded: 1408)`. */
  private bufferSize(): string {
    const text = this.tracefs.read(`${this.instance}/buffer_size_kb`);
    return /expanded: (\d+)/.exec(text)?.[1] ?? text.trim();
  }

  private tries(path: string, value: string, append = false): boolean {
    try {
      if (append) this.tracefs.append(path, value);
      else this.tracefs.write(path, value);
      return true;
    } catch {
      return false;
    }
  }
}

/** Removes the instances and probes of one recording; returns what could not be removed, with the reason. */
export function removeNamed(tracefs: TracefsDir, name: string): string[] {
  tracefs.closeFiles();
  const failed: string[] = [];
  const attempt = (what: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      failed.push(`${what}: ${(error as Error).message}`);
    }
  };
  for (const instance of [name, `${name}_b`]) {
    const path = `instances/${instance}`;
    if (!tracefs.exists(path)) continue;
    try {
      if (tracefs.exists(`${path}/tracing_on`)) tracefs.write(`${path}/tracing_on`, '0');
    } catch {
      // It is removed anyway.
    }
    attempt(`instance ${instance}`, () => tracefs.rmdir(path));
  }
  for (const event of probesOfGroup(tracefs, name)) {
    attempt(`probe ${event}`, () => tracefs.append('kprobe_events', `-:${name}/${event}`));
  }
  return failed;
}

function probesOfGroup(tracefs: TracefsDir, group: string): string[] {
  if (!tracefs.exists('kprobe_events')) return [];
  const events = new Set<string>();
  for (const line of tracefs.read('kprobe_events').split('\n')) {
    const m = /^[pr]\d*:([^/\s]+)\/(\S+)/.exec(line);
    if (m && m[1] === group) events.add(m[2]!);
  }
  return [...events];
}

/** A recording that is or was: found by the names it uses in tracefs. */
export interface Leftover {
  readonly name: string;
  /** Process that made it. */
  readonly pid: number;
  readonly instances: number;
  readonly probes: number;
}

/** All recordings that have something in tracefs, of `record` and of printed scripts. */
export function leftovers(tracefs: TracefsDir): Leftover[] {
  const names = new Map<string, { instances: number; probes: number }>();
  const count = (text: string, what: 'instances' | 'probes'): void => {
    const name = /^(pttrace_\d+)(?:_b)?$/.exec(text)?.[1];
    if (name === undefined) return;
    const entry = names.get(name) ?? { instances: 0, probes: 0 };
    entry[what]++;
    names.set(name, entry);
  };
  if (tracefs.exists('instances')) for (const name of tracefs.list('instances')) count(name, 'instances');
  if (tracefs.exists('kprobe_events')) {
    for (const line of tracefs.read('kprobe_events').split('\n')) {
      const group = /^[pr]\d*:([^/\s]+)\//.exec(line)?.[1];
      if (group !== undefined) count(group, 'probes');
    }
  }
  return [...names]
    .map(([name, n]) => ({ name, pid: Number(name.slice(NAME_PREFIX.length)), ...n }))
    .sort((a, b) => a.pid - b.pid);
}
