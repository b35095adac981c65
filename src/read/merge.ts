import { isStored } from '../parsers/input/chunks.js';
import { splitMachine } from '../parsers/input/machines.js';
import { type ScannedInput, scanInput } from '../parsers/input/open-input.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { isTraceDatFile } from '../parsers/trace-dat/trace-dat-input.js';
import type { InputJoin } from '../result/types.js';
import type { RecordBatch } from '../timeline/batch.js';
import { EventTable, LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { Interner } from '../timeline/interner.js';
import { TimeBase } from '../timeline/time-base.js';

/** Stamps that go back by more than this begin a new capture. */
const JUMP_NS = 1e9;

/** When one CPU of an input has events: ns (or ticks) since the epoch of its clock. */
interface Stretch {
  first: number;
  last: number;
}

/** What decides whether an input can be put together with others. */
export interface Survey {
  readonly path: string;
  /** Why it must stand alone whatever the others are; '' where nothing says so. */
  readonly alone: string;
  /** Who stamped the events: recorders of one family read the same clock unless they say otherwise. */
  readonly family: string;
  /** As the recording says; '' where it does not. */
  readonly clock: string;
  readonly unit: 'ns' | 'ticks';
  readonly first: number;
  readonly last: number;
  /** By CPU; -1: events that name none. */
  readonly cpus: ReadonlyMap<number, Stretch>;
  /** CPUs of the machine, -1 not said. */
  readonly machine: number;
  readonly tracer: string;
  /** Kernel it was recorded on, null not said. */
  readonly kernel: string | null;
  /** What came before its first event was overwritten, or what came behind its last one could not be read. */
  readonly lostBefore: boolean;
  readonly lostBehind: boolean;
}

/** Inputs of one capture, in the order given, and how they came together. */
export interface Plan {
  /** Indices into the paths. */
  readonly groups: readonly (readonly number[])[];
  readonly joins: readonly InputJoin[];
  readonly surveys: readonly Survey[];
}

/** Formats whose stamps are those of the kernel's ring buffer, absolute. */
const RING_BUFFER = ['ftrace', 'ftrace-fields', 'ftrace-dump', 'trace-cmd-report', 'systrace-html'];
const BPFTRACE = ['bpftrace-log', 'bpftrace-json'];
const familyOf = (format: string): string => {
  if (RING_BUFFER.includes(format)) return "the kernel's ring buffer";
  return BPFTRACE.includes(format) ? 'bpftrace' : format;
};

export interface SurveyOptions {
  readonly format?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads several inputs once to find which belong into one timeline; what is read again afterwards must be stored files.
 * Throws TraceError for one that cannot be read at all.
 */
export async function planMerge(paths: readonly string[], options: SurveyOptions): Promise<Plan> {
  const surveys: Survey[] = [];
  for (const path of paths) surveys.push(await survey(path, options));
  return group(surveys);
}

const UNREAD = { family: '', clock: '', unit: 'ns', first: Number.NaN, last: Number.NaN } as const;

async function survey(path: string, options: SurveyOptions): Promise<Survey> {
  const alone = (why: string): Survey => ({
    ...UNREAD,
    path,
    alone: why,
    cpus: new Map(),
    machine: -1,
    tracer: '',
    kernel: null,
    lostBefore: false,
    lostBehind: false,
  });
  if (splitMachine(path).machine !== '') return alone('it is one of several machines in a report');
  if (path === '-') return alone('standard input can be read only once');
  if (!isStored(path)) return alone('it is no stored file and can be read only once');
  if (isTraceDatFile(path)) return alone('a trace.dat holds all its CPUs and is read in one go');
  const time = new TimeBase();
  const facts = new RecordingFacts();
  const look = new Look();
  let scanned: ScannedInput;
  try {
    scanned = await scanInput(path, {
      input: 0,
      context: { names: new Interner(), events: new EventTable(), time },
      sink: (batch) => look.batch(batch),
      facts,
      format: options.format,
      signal: options.signal,
    });
  } catch (error) {
    // The reading proper says it with all it knows.
    if (error instanceof TraceError) return alone('it cannot be read');
    throw error;
  }
  const base = (time.baseSec ?? 0) * 1e9;
  for (const stretch of look.cpus.values()) {
    stretch.first += base;
    stretch.last += base;
  }
  const { report, header } = scanned;
  return {
    path,
    alone: look.alone(report.blocks !== undefined),
    family: familyOf(report.format),
    clock: header.clock,
    unit: time.unit,
    first: look.first + base,
    last: look.last + base,
    cpus: look.cpus,
    machine: header.cpus > 0 ? header.cpus : -1,
    tracer: header.tracer,
    kernel: facts.value('kernel'),
    lostBefore: header.entriesWritten > header.entriesInBuffer,
    lostBehind: report.error !== undefined,
  };
}

/** Takes the stamps of one input. */
class Look {
  readonly cpus = new Map<number, Stretch>();
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  private segments = 1;
  private jumps = false;

  batch(batch: RecordBatch): void {
    for (let row = 0; row < batch.length; row++) {
      if (batch.event[row]! <= LAST_RESERVED) {
        if (batch.event[row] === RESERVED.segment && this.cpus.size > 0) this.segments++;
        continue;
      }
      const ts = batch.tsNs[row]!;
      if (Number.isNaN(ts)) continue;
      if (ts < this.last - JUMP_NS) this.jumps = true;
      if (ts < this.first) this.first = ts;
      if (ts > this.last) this.last = ts;
      const cpu = batch.cpu[row]!;
      const stretch = this.cpus.get(cpu);
      if (!stretch) this.cpus.set(cpu, { first: ts, last: ts });
      else if (ts > stretch.last) stretch.last = ts;
      else if (ts < stretch.first) stretch.first = ts;
    }
  }

  alone(mixed: boolean): string {
    if (this.cpus.size === 0) return 'it has no event with a time';
    if (mixed) return 'it holds several formats';
    if (this.segments > 1) return 'it holds several captures';
    return this.jumps ? 'its time goes back' : '';
  }
}

function group(surveys: readonly Survey[]): Plan {
  const groups: number[][] = [];
  const why: string[] = [];
  surveys.forEach((one, i) => {
    const reasons: string[] = [];
    for (const members of groups) {
      const reason = reasonApart(
        one,
        members.map((m) => surveys[m]!),
      );
      if (reason === null) {
        members.push(i);
        return;
      }
      if (!reasons.includes(reason)) reasons.push(reason);
    }
    groups.push([i]);
    why.push(reasons.join('; '));
  });
  // Inputs are numbered in the order they are read.
  let next = 0;
  const joins = groups.map((members, g): InputJoin => {
    const inputs = members.map(() => next++);
    if (members.length > 1) {
      return { inputs, how: 'merged', reason: reasonMerged(members.map((m) => surveys[m]!)) };
    }
    return { inputs, how: 'apart', reason: g === 0 ? 'the first input' : why[g]! };
  });
  return { groups, joins, surveys };
}

function reasonMerged(members: readonly Survey[]): string {
  const { clock, family } = members[0]!;
  const how = clock === '' ? `all stamped by ${family}` : `all on the clock ${clock}`;
  return `${how}, their times overlap and no CPU is in two of them at one time: merged by time`;
}

/** Why an input cannot be put into a capture; null: it can. */
function reasonApart(one: Survey, members: readonly Survey[]): string | null {
  if (one.alone !== '') return one.alone;
  for (const member of members) {
    const reason = member.alone === '' ? clash(one, member) : `${member.path} stands alone: ${member.alone}`;
    if (reason !== null) return reason;
  }
  if (members.some((m) => one.first <= m.last && m.first <= one.last)) return null;
  return `its time does not overlap that of ${members.map((m) => m.path).join(', ')}`;
}

function clash(a: Survey, b: Survey): string | null {
  const name = b.path;
  if (a.unit !== b.unit) return `its clock counts ${a.unit}, that of ${name} ${b.unit}`;
  if (a.clock !== b.clock) {
    return `its clock is ${a.clock || 'not stated'}, that of ${name} ${b.clock || 'not stated'}`;
  }
  if (a.family !== b.family && a.clock === '') {
    return `it was stamped by ${a.family} and ${name} by ${b.family}, and neither says on which clock`;
  }
  if (a.machine >= 0 && b.machine >= 0 && a.machine !== b.machine) {
    return `it is from a machine of ${a.machine} CPUs, ${name} from one of ${b.machine}`;
  }
  if (a.kernel !== null && b.kernel !== null && a.kernel !== b.kernel) {
    return `it is from another kernel than ${name}`;
  }
  for (const [cpu, one] of a.cpus) {
    for (const [other, two] of b.cpus) {
      // Events that name no CPU may be of any.
      const same = cpu === other || cpu < 0 || other < 0;
      if (same && one.first <= two.last && two.first <= one.last) {
        const which = cpu < 0 || other < 0 ? 'events of unknown CPUs' : `events of CPU ${cpu}`;
        return `it and ${name} both have ${which} at the same time`;
      }
    }
  }
  return null;
}
