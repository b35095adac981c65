import { type KernelInfo, kernelInfoOf, liveOffsets, SECTIONS } from './kernel-info.js';
import type { TracefsDir } from './tracefs.js';

/** What is read outside tracefs; '' where it could not be. */
export interface HostTexts {
  readonly uname: string;
  readonly config: string;
  readonly kallsyms: string;
  readonly cpuinfo: string;
  /** /sys/kernel/btf/vmlinux; null where there is none. */
  readonly btf?: Uint8Array | null;
}

/** What this machine's kernel says of itself. Files that cannot be read are taken as unknown. */
export function liveKernelInfo(tracefs: TracefsDir, host: HostTexts): KernelInfo {
  const lines = (text: string): string[] | null => (text === '' ? null : text.split('\n').filter(Boolean));
  const file = (path: string): string[] | null => {
    try {
      return lines(tracefs.read(path));
    } catch {
      return null;
    }
  };
  const info = kernelInfoOf((name) => {
    switch (name) {
      case SECTIONS.uname:
        return lines(host.uname);
      case SECTIONS.config:
        return lines(host.config);
      case SECTIONS.symbols:
        return lines(host.kallsyms);
      case SECTIONS.cpuinfo:
        return lines(host.cpuinfo);
      case SECTIONS.btf:
        return null;
      case SECTIONS.kprobes:
        return tracefs.exists('kprobe_events') ? ['kprobe_events'] : [];
      default:
        return file(name);
    }
  });
  return { ...info, offsets: liveOffsets(host.btf ?? null) };
}
