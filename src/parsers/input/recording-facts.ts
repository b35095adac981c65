import { type Features, isFeature } from '../../kernel/features.js';
import { latin1 } from '../../timeline/batch.js';

/**
 * Lines in which a recording of `pttrace record` (or of a script it printed) says how it was made. They stand before
 * the trace, in front of whatever format follows:
 *
 *     # pttrace: kernel Linux 6.1.0-56-amd64 #1 SMP … x86_64
 *     # pttrace: host lab-3
 *     # pttrace: probe p:pttrace_17/call_rcu call_rcu head=%di:x64 func=%si:symbol
 *     # pttrace: base vmemmap 0xffffea0000000000
 *     # pttrace: missed flush_tlb_func 3
 */
export const FACT_PREFIX = '# pttrace: ';

/**
 * Body of a trace marker that tells what probes had missed by then, `pttrace: misses call_rcu=2 …`; none missed anything:
 * the word alone. And the task name under which a recording ends on each CPU.
 */
export const MISSES_MARKER = 'pttrace: misses';
export const SENTINEL_COMM = 'pttrace-end';

const HASH = 35;
const LF = 10;
const PREFIX = Uint8Array.from(FACT_PREFIX, (c) => c.charCodeAt(0));
const MAX_FACT = 4096;
const MAX_FACTS = 10_000;

/** Is the line from `start` on one of these? */
export function isFactLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < PREFIX.length || bytes[start] !== HASH) return false;
  for (let i = 1; i < PREFIX.length; i++) if (bytes[start + i] !== PREFIX[i]) return false;
  return true;
}

/** The sample without the fact lines it begins with: they say nothing about the format of the trace. */
export function behindFacts(sample: Uint8Array): Uint8Array {
  let at = 0;
  while (isFactLine(sample, at, sample.length)) {
    const lf = sample.indexOf(LF, at);
    // A sample that holds nothing else is left as it is.
    if (lf < 0) return sample;
    at = lf + 1;
  }
  return at === 0 ? sample : sample.subarray(at);
}

/** Do the facts that the input begins with say that its recorder lost no event for want of room? */
export function saysNoneLost(head: Uint8Array): boolean {
  const facts = latin1(head, 0, head.length - behindFacts(head).length);
  return facts.split('\n').includes(`${FACT_PREFIX}losses none`);
}

/** Collects the facts of one run; filled before the first event is delivered. */
export class RecordingFacts {
  /** Definitions of probes, as a kprobe_events file has them. */
  readonly probes: string[] = [];
  /** Tracepoints that were on, `SYSTEM:EVENT`. */
  readonly events: string[] = [];
  /** Hits that kprobes did not record, by event name. */
  readonly missed = new Map<string, number>();
  /** Hexadecimal; null where the recording does not say. */
  vmemmap: string | null = null;
  directMap: string | null = null;
  private basesSaid = false;
  /** Clock of the newest input; '' where it does not say. */
  clock = '';
  /** All facts as `key value`, in order. */
  readonly all: string[] = [];
  /** Facts that contradict those of an earlier input, in words. */
  readonly conflicts: string[] = [];
  private readonly byEvent = new Map<string, string>();
  /** What counts before what the recording says. */
  private readonly known: readonly string[];

  constructor(known: readonly string[] = []) {
    this.known = known;
  }

  /** Takes a line; returns what the reader must be told about it, if anything. */
  take(bytes: Uint8Array, start: number, end: number): { code: string; message: string } | null {
    const text = latin1(bytes, start + PREFIX.length, Math.min(end, start + MAX_FACT)).trim();
    if (this.all.length < MAX_FACTS) this.all.push(text);
    return this.learn(text);
  }

  /** Value of the first fact with this key; null if there is none. */
  value(key: string): string | null {
    const found = this.all.find((fact) => fact.startsWith(`${key} `));
    return found === undefined ? null : found.slice(key.length + 1);
  }

  /**
   * The kernel that was recorded: release ('' where nothing says it, or where inputs say different ones) and options
   * (null: none are given).
   */
  kernel(): { release: string; config: ReadonlyMap<string, string> | null } {
    const said = kernelOf(this.all);
    const given = kernelOf(this.known);
    const config = new Map([...said.config, ...given.config]);
    return { release: given.release || said.release, config: config.size > 0 ? config : null };
  }

  /** The levels at which the inputs say they were recorded. */
  levels(): ReadonlySet<string> {
    return new Set(this.all.filter((fact) => fact.startsWith('level ')).map((fact) => fact.slice(6)));
  }

  /** Name of the machine that was recorded; '' where nothing says it, or where inputs say different ones. */
  host(): string {
    const said = new Set(this.all.filter((fact) => fact.startsWith('host ')).map((fact) => fact.slice(5)));
    // What the kernel calls a machine that nobody has named.
    said.delete('(none)');
    return said.size === 1 ? [...said][0]! : '';
  }

  /** What the recorded kernel and machine have or lack, by facts `feature NAME yes`. */
  features(): Features {
    const known = new Map<Parameters<Features['get']>[0], boolean>();
    for (const fact of [...this.all, ...this.known]) {
      const told = /^feature (\S+) (yes|no)$/.exec(fact);
      if (told && isFeature(told[1]!)) known.set(told[1] as 'invlpgb', told[2] === 'yes');
    }
    return known;
  }

  private learn(text: string): { code: string; message: string } | null {
    const base = /^base (vmemmap|direct-map) (0x[0-9a-f]{8,16})$/.exec(text);
    if (base) return this.base(base[1]!, base[2]!);
    const probe = /^probe ((\S)\d*:(\S*)\s.*)$/.exec(text);
    if (probe) {
      const event = `${probe[3]!.split('/').at(-1)}`;
      const body = probe[1]!.replace(/^\S+\s+/, `${probe[2]} `);
      const known = this.byEvent.get(event);
      if (known !== undefined && known !== body) return this.conflict(`the probe ${event}`);
      if (known === undefined) {
        this.byEvent.set(event, body);
        this.probes.push(probe[1]!);
      }
      return null;
    }
    const clock = /^clock (\S+)$/.exec(text);
    if (clock) {
      this.clock = clock[1]!;
      return null;
    }
    const event = /^event (\S+:\S+)$/.exec(text);
    if (event) {
      if (this.events.length < MAX_FACTS) this.events.push(event[1]!);
      return null;
    }
    const missed = /^missed (\S+) (\d+)$/.exec(text);
    if (missed) {
      this.missed.set(missed[1]!, (this.missed.get(missed[1]!) ?? 0) + Number(missed[2]));
      return {
        code: `missed-${missed[1]}`,
        message: `the probe ${missed[1]} missed ${missed[2]} hits: what it does not show may have happened`,
      };
    }
    const filter = /^filter (.+)$/.exec(text);
    if (filter) return { code: 'filtered-probes', message: filtered(filter[1]!) };
    const note = /^note (\S+) (.+)$/.exec(text);
    return note ? { code: note[1]!, message: note[2]! } : null;
  }

  /** The bases, if they were said since the last call: those of a capture are not those of the next. */
  takeBases(): { vmemmap: string | null; directMap: string | null } | null {
    const said = this.basesSaid ? { vmemmap: this.vmemmap, directMap: this.directMap } : null;
    this.basesSaid = false;
    return said;
  }

  private base(which: string, value: string): { code: string; message: string } | null {
    const known = which === 'vmemmap' ? this.vmemmap : this.directMap;
    this.basesSaid = true;
    if (which === 'vmemmap') this.vmemmap = value;
    else this.directMap = value;
    if (known === null || known === value) return null;
    const message = `the address base ${which} differs from that of an earlier capture: each is read by its own`;
    return { code: 'recording-conflict', message };
  }

  private conflict(what: string): { code: string; message: string } {
    const message = `${what} differs from that of an earlier input, which is used: read recordings of different boots one at a time`;
    this.conflicts.push(message);
    return { code: 'recording-conflict', message };
  }
}

/** What a recording does not show whose hot probes were kept to an expression, `comm~"rd-*"`. */
function filtered(expression: string): string {
  const hot = 'probes on lookups, reader sections and locks';
  const [, without, only] = /^comm != "([^"]*)"(?: && \((.*)\))?$/.exec(expression) ?? ['', '', expression];
  if (only === undefined) return `${hot} left out the task ${without}: readers in it are not shown`;
  return `${hot} recorded only hits of ${only}: readers among other tasks are not shown`;
}

/** '' where nothing names it, or different releases are named. */
function kernelOf(facts: readonly string[]): { release: string; config: Map<string, string> } {
  let release: string | null = null;
  const config = new Map<string, string>();
  for (const fact of facts) {
    const named = /^kernel (?:Linux )?(\S+)/.exec(fact);
    if (named) release = release === null || release === named[1] ? named[1]! : '';
    const set = /^config (?:(CONFIG_\w+)=(\S+)|# (CONFIG_\w+) is not set)$/.exec(fact);
    if (set) config.set(set[1] ?? set[3]!, set[2] ?? 'n');
  }
  return { release: release ?? '', config };
}
