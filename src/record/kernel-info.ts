import { gunzipSync } from 'node:zlib';
import { ALWAYS_THERE, FEATURE_SYMBOLS, type Features, featuresOf, THP_SYMBOL } from '../kernel/features.js';
import { UsageError } from '../result/usage-error.js';
import { BPFTRACE_EXTRAS } from './bpftrace-extras.js';
import { btfOffsets } from './btf.js';
import { PROBE_TABLE } from './probe-table.js';
import { membersOf } from './probe-table-readers.js';
/**
 * What a kernel says of itself: enough to plan a recording on another machine. Read from tracefs, or from the text
 * that `KERNEL_INFO_COMMAND` prints.
 */
export interface KernelInfo {
  /** `uname -r`; '' unknown. */
  readonly release: string;
  /** `uname -srvm`. */
  readonly uname: string;
  /** Names in available_filter_functions, compiler clones (`f.isra.0`) included; null = could not be read. */
  readonly functions: ReadonlySet<string> | null;
  /** `system:event`; null = could not be read. */
  readonly events: ReadonlySet<string> | null;
  /** `CONFIG_X` → y, m or a value; `n` for what is not set; null = could not be read. */
  readonly config: ReadonlyMap<string, string> | null;
  /** Clocks the trace can have; [] unknown. */
  readonly clocks: readonly string[];
  /** Tracers that can be set; [] unknown. */
  readonly tracers: readonly string[];
  /** tracefs has kprobe_events; null unknown. */
  readonly kprobes: boolean | null;
  /** The variables vmemmap_base and page_offset_base are in kallsyms; null unknown. */
  readonly baseSymbols: boolean | null;
  /** `struct.member` → bytes, out of the kernel's BTF; null = it has none, or it could not be read. */
  readonly offsets: ReadonlyMap<string, number> | null;
  /** What the kernel and the machine have or lack, as far as config, kallsyms and cpuinfo say. */
  readonly features: Features;
}

/** Names of the sections of a kernel-info file. */
export const SECTIONS = {
  uname: 'uname',
  kprobes: 'kprobes',
  clocks: 'trace_clock',
  tracers: 'available_tracers',
  events: 'available_events',
  functions: 'available_filter_functions',
  symbols: 'kallsyms',
  config: 'config',
  cpuinfo: 'cpuinfo',
  btf: 'btf',
  /** In place of the BTF, which is large: `struct.member N` a line (`offsetLines`). */
  offsets: 'offsets',
} as const;

/**
 * Run as root on the machine that is to be recorded, it prints a kernel-info file: what is worth copying of its
 * events, functions and options. One line, for any POSIX shell; busybox will do.
 */
export const KERNEL_INFO_COMMAND = [
  'cd /sys/kernel/tracing',
  '{ echo "## uname"; uname -srvm',
  'echo "## kprobes"; ls kprobe_events',
  'for f in trace_clock available_tracers; do echo "## $f"; cat $f; done',
  'echo "## available_events"; grep -E "^(tlb|csd|irq_vectors|rcu|kmem|sched|cpuhp|(raw_)?syscalls):" available_events',
  'echo "## available_filter_functions"; grep -E "tlb|rcu|mmap|gup|_fast|pte|pmd|pgd|pgt|vmas|swap_cache|^_raw_spin_(try|un)?lock$|switch_mm|unlink_|mmu_notifier" available_filter_functions',
  `echo "## kallsyms"; grep -wE "${['vmemmap_base', 'page_offset_base', ALWAYS_THERE, THP_SYMBOL, ...Object.values(FEATURE_SYMBOLS)].join('|')}" /proc/kallsyms`,
  'echo "## cpuinfo"; sed -n "/^vendor_id/p; /^cpu family/p; /^flags/{p;q}" /proc/cpuinfo',
  'echo "## config"; (zcat /proc/config.gz || cat /boot/config-$(uname -r)) | grep -E "RCU|PARAVIRT|RECLAIM|GATHER|KPROBE|FTRACE|KALLSYMS|RANDOMIZE|PREEMPT_RT|PTLOCK|SPINLOCK|LOCK_ALLOC|MMU_NOTIFIER|BROADCAST_TLB|TRANSPARENT_HUGEPAGE[= ]"',
  'echo "## btf"; gzip -c /sys/kernel/btf/vmlinux | base64; } 2>/dev/null >/tmp/kernel-info.txt',
].join('; ');

/**
 * Reads a kernel-info file. Throws UsageError with the line when it is none.
 */
export function parseKernelInfo(text: string): KernelInfo {
  const sections = new Map<string, string[]>();
  let current: string[] | null = null;
  text.split('\n').forEach((raw, index) => {
    const line = raw.replace(/\r$/, '');
    const head = /^## (\S+)$/.exec(line);
    if (head) {
      current = [];
      sections.set(head[1]!, current);
    } else if (current) {
      if (line.trim() !== '') current.push(line);
    } else if (line.trim() !== '') {
      throw new UsageError(`line ${index + 1}: no kernel-info file: it begins with '${line.slice(0, 40)}'`);
    }
  });
  if (!sections.has(SECTIONS.uname)) {
    throw new UsageError(`line 1: no kernel-info file: the section '## ${SECTIONS.uname}' is missing`);
  }
  return kernelInfoOf((name) => sections.get(name) ?? null);
}

/** From the lines of each section; a section that could not be read is null. */
export function kernelInfoOf(section: (name: string) => readonly string[] | null): KernelInfo {
  const filled = (name: string): readonly string[] | null => {
    const lines = section(name);
    return lines && lines.length > 0 ? lines : null;
  };
  const uname = section(SECTIONS.uname)?.[0] ?? '';
  const kprobes = section(SECTIONS.kprobes);
  const symbols = section(SECTIONS.symbols);
  const names = symbols && new Set(symbols.map((line) => line.trim().split(/\s+/)[2] ?? ''));
  const config = configOf(filled(SECTIONS.config));
  const words = (name: string): string[] => (section(name) ?? []).join(' ').split(/\s+/).filter(Boolean);
  return {
    release: uname.split(' ')[1] ?? '',
    uname,
    functions: setOf(filled(SECTIONS.functions), (line) => line.trim().split(/\s/)[0]!),
    events: setOf(filled(SECTIONS.events), (line) => line.trim()),
    config,
    clocks: words(SECTIONS.clocks).map((w) => w.replace(/^\[|\]$/g, '')),
    tracers: words(SECTIONS.tracers),
    kprobes: kprobes === null ? null : kprobes.length > 0,
    baseSymbols:
      symbols === null ? null : ['vmemmap_base', 'page_offset_base'].every((name) => names!.has(name)),
    offsets: section(SECTIONS.offsets)
      ? listedOffsets(section(SECTIONS.offsets)!)
      : offsetsOf(filled(SECTIONS.btf)),
    features: featuresOf({ config, symbols: names, cpuinfo: filled(SECTIONS.cpuinfo) }),
  };
}

/** A kernel of which nothing is known: everything is planned, and the recording script finds out. */
export const UNKNOWN_KERNEL: KernelInfo = kernelInfoOf(() => null);

function setOf(lines: readonly string[] | null, of: (line: string) => string): ReadonlySet<string> | null {
  return lines ? new Set(lines.map(of)) : null;
}

function configOf(lines: readonly string[] | null): ReadonlyMap<string, string> | null {
  if (!lines) return null;
  const config = new Map<string, string>();
  for (const line of lines) {
    const set = /^(CONFIG_\w+)=(.*)$/.exec(line.trim());
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line.trim());
    if (set) config.set(set[1]!, set[2]!);
    else if (unset) config.set(unset[1]!, 'n');
  }
  return config;
}

const MEMBERS = membersOf([
  ...PROBE_TABLE.flatMap((row) => row.args),
  ...BPFTRACE_EXTRAS.flatMap((extra) => [...extra.statements, ...extra.fields.map((field) => field[2])]),
]);

/** Throws UsageError for a line that is no member and its offset in bytes. */
function listedOffsets(lines: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    lines.map((line): [string, number] => {
      const found = /^([\w.]+) (\d{1,9})$/.exec(line.trim());
      if (!found)
        throw new UsageError(
          `section ## ${SECTIONS.offsets}: no member and its offset: '${line.slice(0, 40)}'`,
        );
      return [found[1]!, Number(found[2])];
    }),
  );
}

/** The section `## offsets` of a kernel-info file, which says what a recording needs of the BTF; [] without BTF. */
export const offsetLines = (info: KernelInfo): string[] =>
  info.offsets === null
    ? []
    : [`## ${SECTIONS.offsets}`, ...[...info.offsets].map(([member, bytes]) => `${member} ${bytes}`).sort()];

/** From the base64 of the compressed BTF. Throws UsageError when it is none. */
function offsetsOf(lines: readonly string[] | null): ReadonlyMap<string, number> | null {
  if (!lines) return null;
  const packed = Buffer.from(lines.join(''), 'base64');
  try {
    return btfOffsets(gunzipSync(packed), MEMBERS);
  } catch (error) {
    throw new UsageError(`section ## ${SECTIONS.btf}: no compressed BTF: ${(error as Error).message}`);
  }
}

/** Offsets of a running kernel's BTF; null where it has none. */
export function liveOffsets(bytes: Uint8Array | null): ReadonlyMap<string, number> | null {
  if (!bytes) return null;
  try {
    return btfOffsets(bytes, MEMBERS);
  } catch {
    return null;
  }
}
