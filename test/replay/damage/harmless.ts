/**
 * Changes of a kprobe recording that say the same thing in other words: no verdict may change. Text in, text out.
 */
import { seededRandom } from './edit.js';
import { type Line, parseLine } from './recording-lines.js';

export interface HarmlessInput {
  readonly lines: readonly string[];
  /** The recorder's kprobe_events file (`p:group/name symbol arg=…`), as given with --probes. */
  readonly probes: string;
}

export interface HarmlessOutput {
  readonly lines: string[];
  readonly probes: string;
}

export type Harmless = (input: HarmlessInput, seed: number) => HarmlessOutput;

function mapEvents(input: HarmlessInput, change: (line: Line, text: string) => string): HarmlessOutput {
  const lines = input.lines.map((text, i) => {
    const line = parseLine(text, i);
    return line === null ? text : change(line, text);
  });
  return { lines, probes: input.probes };
}

/** A random one-to-one map of the given keys to `make(0 … n-1)`. */
function shuffledMap<K, V>(keys: readonly K[], seed: number, make: (i: number) => V): Map<K, V> {
  const random = seededRandom(seed);
  const order = keys.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return new Map(keys.map((key, i) => [key, make(order[i]!)]));
}

const DEFINITION = /^([pr]\d*):(\S+)\/(\S+) (\S+)(.*)$/;

/** Every probe and every argument gets another name, in the recording and in the kprobe_events text. */
export const renameProbes: Harmless = (input, seed) => {
  const definitions = input.probes.split('\n').map((text) => ({ text, m: DEFINITION.exec(text) }));
  const names = definitions.flatMap((d) => (d.m === null ? [] : [d.m[3]!]));
  const renamed = shuffledMap(names, seed, (i) => `probe_${i}`);
  const argNames = (tail: string) => [...tail.matchAll(/\s(\w+)=/g)].map((m) => m[1]!);
  const argsOf = new Map(
    definitions.flatMap((d) => (d.m === null ? [] : [[d.m[3]!, argNames(d.m[5]!)] as const])),
  );
  const renameArgs = (probe: string, tail: string) => {
    const args = argsOf.get(probe)!;
    return tail.replace(/(^|\s)(\w+)=/g, (whole, space: string, name: string) =>
      args.includes(name) ? `${space}v${args.indexOf(name)}_${seed % 97}=` : whole,
    );
  };
  const probes = definitions
    .map(({ text, m }) =>
      m === null ? text : `${m[1]}:${m[2]}/${renamed.get(m[3]!)} ${m[4]}${renameArgs(m[3]!, m[5]!)}`,
    )
    .join('\n');
  const { lines } = mapEvents(input, (line, text) => {
    const m = /^(\S+): (\([^)]*\))(.*)$/.exec(line.rest);
    if (m === null || (line.kind !== 'probe' && line.kind !== 'return') || !renamed.has(m[1]!)) return text;
    return `${line.prefix}${line.stamp}: ${renamed.get(m[1]!)}: ${m[2]}${renameArgs(m[1]!, m[3]!)}`;
  });
  return { lines, probes };
};

const GIB = 1n << 30n;
/** Start, size of the kernel's address regions without KASLR (Documentation/arch/x86/x86_64/mm.rst, 4-level). */
const REGIONS = [
  { name: 'direct map', start: 0xffff888000000000n, size: 0x400000000000n },
  { name: 'vmalloc', start: 0xffffc90000000000n, size: 0x200000000000n },
  { name: 'vmemmap', start: 0xffffea0000000000n, size: 0x10000000000n },
] as const;

/** As KASLR does: each region moves by its own number of GiB; pointers of one region keep their distances. */
export const shiftBases: Harmless = (input, seed) => {
  const random = seededRandom(seed);
  const deltas = REGIONS.map(() => GIB * BigInt(1 + Math.floor(random() * 200)));
  const move = (hex: string) => {
    const value = BigInt(`0x${hex}`);
    const region = REGIONS.findIndex((r) => value >= r.start && value < r.start + r.size);
    return region < 0 ? hex : (value + deltas[region]!).toString(16);
  };
  return mapEvents(
    input,
    (line) =>
      `${line.prefix}${line.stamp}: ${line.rest.replace(/(?<![0-9a-f])ffff[0-9a-f]{12}(?![0-9a-f])/g, move)}`,
  );
};

/** CPUs swap their numbers everywhere a number or a mask of CPUs is printed. */
export const permuteCpus: Harmless = (input, seed) => {
  const count = 1 + Math.max(...input.lines.map((text, i) => parseLine(text, i)?.cpu ?? 0));
  const cpus = shuffledMap([...Array(count).keys()], seed, (i) => i);
  const cpu = (text: string) => `${cpus.get(Number(text)) ?? text}`;
  const mask = (hex: string) => {
    let out = (BigInt(`0x${hex}`) >> BigInt(count)) << BigInt(count);
    for (const [from, to] of cpus) if ((BigInt(`0x${hex}`) >> BigInt(from)) & 1n) out |= 1n << BigInt(to);
    return out.toString(16);
  };
  /** `00000000,0000000e`: 32-bit words, as `%*pb` prints a cpumask. */
  const maskWords = (words: string) => {
    const digits = words.replaceAll(',', '');
    const moved = mask(digits).padStart(digits.length, '0');
    return words.includes(',') ? moved.replace(/.{8}(?=.)/g, '$&,') : moved;
  };
  const { lines, probes } = mapEvents(input, (line) => {
    const prefix = line.prefix.replace(
      /\[(\d+)\](?=[^[]*$)/,
      (_, n: string) => `[${cpu(n).padStart(3, '0')}]`,
    );
    let rest = line.rest;
    if (line.symbol === 'csd_queue_cpu' || line.symbol === 'ipi_send_cpu')
      rest = rest.replace(/\bcpu=(\d+)/, (_, n: string) => `cpu=${cpu(n)}`);
    else if (line.symbol === 'native_flush_tlb_multi')
      rest = rest.replace(/\bcpumask=0x([0-9a-f]+)/, (_, hex: string) => `cpumask=0x${mask(hex)}`);
    else if (line.symbol === 'ipi_send_cpumask')
      rest = rest.replace(/\bcpumask=([0-9a-f,]+)/, (_, words: string) => `cpumask=${maskWords(words)}`);
    else if (line.symbol === 'rcu_quiescent_state_report')
      rest = rest.replace(
        / ([0-9a-f]+)>([0-9a-f]+) /,
        (_, a: string, b: string) => ` ${mask(a)}>${mask(b)} `,
      );
    else if (line.symbol === 'sched_switch')
      rest = rest.replace(/_comm=swapper\/(\d+)/g, (_, n: string) => `_comm=swapper/${cpu(n)}`);
    return `${prefix}${line.stamp}: ${rest}`;
  });
  return {
    lines: lines.map((l) => l.replace(/^CPU:(\d+) \[LOST/, (_, n: string) => `CPU:${cpu(n)} [LOST`)),
    probes,
  };
};

/** Every task but idle gets another pid. */
export const renamePids: Harmless = (input, seed) => {
  const seen = new Set<number>();
  input.lines.forEach((text, i) => {
    const line = parseLine(text, i);
    if (line === null) return;
    seen.add(line.pid);
    for (const m of line.rest.matchAll(/\b(?:prev_|next_)?pid=(\d+)/g)) seen.add(Number(m[1]));
  });
  seen.delete(0);
  const pids = shuffledMap([...seen], seed, (i) => 20_000 + i);
  const pid = (text: string) => `${pids.get(Number(text)) ?? text}`;
  return mapEvents(input, (line) => {
    const prefix = line.prefix.replace(
      /-(\d+)(\s+(?:\([ \d-]+\)\s+)?\[\d+\][^[]*)$/,
      (_, n: string, tail: string) => `-${pid(n)}${tail}`,
    );
    const rest = line.rest.replace(
      /\b((?:prev_|next_)?pid)=(\d+)/g,
      (_, name: string, n: string) => `${name}=${pid(n)}`,
    );
    return `${prefix}${line.stamp}: ${rest}`;
  });
};

/** All stamps move by the same amount. */
export const shiftTimes: Harmless = (input, seed) => {
  const shift = BigInt(1 + Math.floor(seededRandom(seed)() * 900_000));
  return mapEvents(input, (line) => {
    const [seconds, fraction] = line.stamp.split('.') as [string, string];
    const unit = 10n ** BigInt(fraction.length);
    const value = BigInt(seconds) * unit + BigInt(fraction) + shift * unit + shift;
    return `${line.prefix}${value / unit}.${String(value % unit).padStart(fraction.length, '0')}: ${line.rest}`;
  });
};

/** Kernel threads keep their names: a name like rcuop/1 says what the thread does. */
const KERNEL_THREAD = /^(<idle>|swapper|rcu|ksoftirqd|kworker|kthread|migration|khugepaged|kcompactd)/;

/** User tasks get other names, of other lengths, with blanks and brackets in them. */
export const renameComms: Harmless = (input, seed) => {
  const renamed = new Map<string, string>();
  const name = (comm: string) => {
    if (KERNEL_THREAD.test(comm)) return comm;
    if (!renamed.has(comm)) renamed.set(comm, `t ${(seed + renamed.size) % 1000}-x [${renamed.size}]`);
    return renamed.get(comm)!;
  };
  return mapEvents(input, (line) => {
    const prefix = line.prefix.replace(
      /^(\s*)(.*)(-\d+\s+(?:\([ \d-]+\)\s+)?\[\d+\][^[]*)$/,
      (_, _pad: string, comm: string, tail: string) => `${name(comm).padStart(16)}${tail}`,
    );
    const rest =
      line.symbol === 'sched_switch'
        ? line.rest.replace(
            /_comm=(.*?) (prev|next)_pid=/g,
            (_, comm: string, side: string) => `_comm=${name(comm)} ${side}_pid=`,
          )
        : line.rest;
    return `${prefix}${line.stamp}: ${rest}`;
  });
};

/** Another boot key: hashed `%p` values (16 digits, upper half zero) change, equal ones stay equal. */
export const rehashPointers: Harmless = (input, seed) => {
  const odd = BigInt(2 * (seed % 1_000_000) + 2_654_435_761) | 1n;
  return mapEvents(
    input,
    (line) =>
      `${line.prefix}${line.stamp}: ${line.rest.replace(/(?<![0-9a-fx])00000000([0-9a-f]{8})(?![0-9a-f])/g, (_, low: string) => ((BigInt(`0x${low}`) * odd) & 0xffffffffn).toString(16).padStart(16, '0'))}`,
  );
};

/** Every harmless change by name. */
export const HARMLESS: Readonly<Record<string, Harmless>> = {
  'rename-probes': renameProbes,
  'shift-bases': shiftBases,
  'permute-cpus': permuteCpus,
  'rename-pids': renamePids,
  'shift-times': shiftTimes,
  'rename-comms': renameComms,
  'rehash-pointers': rehashPointers,
};
