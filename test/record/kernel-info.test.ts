import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesOf } from '../../src/kernel/variants.js';
import { variantsOf } from '../../src/kernel/variants-of-release.js';
import { KERNEL_INFO_COMMAND, offsetLines, parseKernelInfo } from '../../src/record/kernel-info.js';
import { debian61, unzipped } from './support/kernels.js';

describe('a kernel-info file', () => {
  it('tells release, functions, events, configuration and clocks', () => {
    const kernel = debian61();
    expect(kernel.release).toBe('6.1.0-56-amd64');
    expect(kernel.functions!.has('___pte_free_tlb')).toBe(true);
    expect(kernel.events!.has('kmem:mm_page_free')).toBe(true);
    expect(kernel.config!.get('CONFIG_PARAVIRT')).toBe('y');
    expect(kernel.config!.get('CONFIG_RCU_TRACE')).toBe('n');
    expect(kernel.clocks).toContain('local');
    expect(kernel.tracers).toContain('function');
    expect(kernel.kprobes).toBe(true);
    expect(kernel.baseSymbols).toBe(true);
  });

  it('is read with the line ends of another system', () => {
    const text = unzipped('debian-6.1.192/kernel-info.txt.gz');
    expect(parseKernelInfo(text.replaceAll('\n', '\r\n'))).toEqual(parseKernelInfo(text));
  });

  it('an empty section was not readable; a missing one is unknown', () => {
    const kernel = parseKernelInfo('## uname\nLinux 6.6.1 #1 x86_64\n## kprobes\n## available_events\n');
    expect(kernel.kprobes).toBe(false);
    expect(kernel.events).toBeNull();
    expect(kernel.functions).toBeNull();
    expect(kernel.config).toBeNull();
    expect(kernel.baseSymbols).toBeNull();
  });

  it('offsets stand in place of the BTF', () => {
    const text =
      '## uname\nLinux 6.6.1 #1 x86_64\n## offsets\nmm_struct.mmap_lock.count 120\nptdesc.ptl 40\n';
    const kernel = parseKernelInfo(text);
    expect(kernel.offsets).toEqual(
      new Map([
        ['mm_struct.mmap_lock.count', 120],
        ['ptdesc.ptl', 40],
      ]),
    );
    expect(`## uname\n${kernel.uname}\n${offsetLines(kernel).join('\n')}\n`).toBe(text);
    expect(() => parseKernelInfo(text.replace('40', 'x'))).toThrow(
      /no member and its offset: 'ptdesc.ptl x'/,
    );
  });

  it('anything else is refused with its line', () => {
    expect(() => parseKernelInfo('')).toThrow(/^line 1: .*uname/);
    expect(() => parseKernelInfo('# tracer: nop\n')).toThrow(/^line 1: no kernel-info file/);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseKernelInfo(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^line \d+: /);
        }
      }),
    );
  });

  it('the command that makes one is one line of POSIX shell', () => {
    expect(KERNEL_INFO_COMMAND).not.toContain('\n');
    expect(KERNEL_INFO_COMMAND).not.toContain("'");
    expect(spawnSync('sh', ['-n', '-c', KERNEL_INFO_COMMAND]).status).toBe(0);
  });
});

describe('kernel variants by release and configuration', () => {
  const of = (release: string, ...config: string[]): string[] => {
    const lines = config.length > 0 ? `## config\n${config.join('\n')}\n` : '';
    return namesOf(variantsOf(parseKernelInfo(`## uname\nLinux ${release} #1 x86_64\n${lines}`)));
  };
  it.each([
    ['6.1.0', ['CONFIG_PARAVIRT=y'], ['A1', 'A2']],
    ['6.1.0', ['# CONFIG_PARAVIRT is not set'], ['A0']],
    ['6.1.0', [], ['A0', 'A1', 'A2']],
    ['6.12.3', ['CONFIG_PT_RECLAIM=y'], ['B', 'C', 'D']],
    ['6.14.0-rc1', ['CONFIG_PT_RECLAIM=y'], ['C']],
    ['6.14.0', ['CONFIG_RCU_EXPERT=y'], ['Cn']],
    ['6.16.12', ['CONFIG_PT_RECLAIM=y'], ['D', 'F']],
    ['7.1.0', [], ['E', 'En', 'F', 'Fn']],
  ])('%s %j: %j', (release, config, variants) => {
    expect(of(release, ...config)).toEqual(variants);
  });
});
