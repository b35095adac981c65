import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type KernelInfo, kernelInfoOf, parseKernelInfo, SECTIONS } from '../../../src/record/kernel-info.js';

export const FIXTURES = join(import.meta.dirname, '../../../fixtures/record');
export const unzipped = (path: string): string =>
  gunzipSync(readFileSync(join(FIXTURES, path))).toString('utf8');

export const debian61 = (): KernelInfo => parseKernelInfo(unzipped('debian-6.1.192/kernel-info.txt.gz'));

/** A stock kernel of Debian, with the offsets of its structs: `7.3.4`. */
export const stock = (release: string): KernelInfo =>
  parseKernelInfo(unzipped(`debian-${release}/kernel-info-offsets.txt.gz`));

/** From a list of which functions a kernel has: `name  yes|variant|notrace|absent  names | kallsyms`. */
export function fromList(kernel: string, release: string, config: readonly string[]): KernelInfo {
  const lines = unzipped(`${kernel}/available-functions.txt.gz`).split('\n');
  const functions: string[] = [];
  for (const line of lines) {
    const m = /^(\S+)\s+(?:yes|variant)\s+(.*?) \|/.exec(line);
    if (m) functions.push(...m[2]!.split(' '));
  }
  const events = lines.filter((line) => /^[a-z_]+:[a-z_0-9]+$/.test(line));
  // The list leaves these systems out.
  for (const name of ['munmap', 'mmap', 'mremap', 'madvise', 'process_madvise', 'brk']) {
    events.push(`syscalls:sys_enter_${name}`, `syscalls:sys_exit_${name}`);
  }
  events.push('sched:sched_switch', 'sched:sched_process_fork', 'sched:sched_process_exit');
  const sections: Record<string, readonly string[]> = {
    [SECTIONS.uname]: [`Linux ${release} #1 SMP x86_64`],
    [SECTIONS.kprobes]: ['kprobe_events'],
    [SECTIONS.clocks]: ['[local] global mono boot'],
    [SECTIONS.tracers]: ['function nop'],
    [SECTIONS.events]: events,
    [SECTIONS.functions]: functions,
    [SECTIONS.symbols]: ['0 D vmemmap_base', '0 D page_offset_base'],
    [SECTIONS.config]: config,
  };
  return kernelInfoOf((name) => sections[name] ?? null);
}

export const debian616 = (): KernelInfo =>
  fromList('debian-6.16.12', '6.16.12+deb13-amd64', [
    'CONFIG_PT_RECLAIM=y',
    'CONFIG_MMU_GATHER_TABLE_FREE=y',
  ]);
export const lab612n = (): KernelInfo =>
  fromList('6.12.117-lab-n', '6.12.117-lab', ['CONFIG_PARAVIRT=y', 'CONFIG_MMU_GATHER_TABLE_FREE=y']);
