import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKernelInfo } from '../../src/record/kernel-info.js';
import { planRecording } from '../../src/record/plan.js';
import { printScript, TOOLS } from '../../src/record/print.js';
import { taskFilter } from '../../src/record/task-filter.js';
import { UsageError } from '../../src/result/usage-error.js';

// A kernel-info file comes from another machine, and a script printed for it is run as root. Each of these would leave a
// file behind if a shell ran it.

const ORDERS = [
  '$(touch PWNED)',
  '`touch PWNED`',
  "';touch PWNED;'",
  '";touch PWNED;"',
  ';touch PWNED;',
  '|touch PWNED',
  '&touch PWNED&',
  '\ntouch PWNED\n',
  '\rtouch PWNED\r',
  '>PWNED',
  '\\\ntouch PWNED',
  '%s$(touch PWNED)',
  '\nEND\ntouch PWNED\n',
];
const FUNCTIONS = ['call_rcu', 'flush_tlb_mm_range', 'tlb_finish_mmu', '__pte_offset_map', 'exit_mmap'];
const EVENTS = ['tlb:tlb_flush', 'kmem:mm_page_free', 'sched:sched_switch', 'rcu:rcu_grace_period'];

let dir = '';
let bin = '';
let tracing = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  bin = join(dir, 'bin');
  tracing = join(dir, 'tracing');
  mkdirSync(bin);
  for (const tool of ['trace-cmd', 'perf', 'bpftrace', 'mount']) {
    writeFileSync(join(bin, tool), '#!/bin/sh\necho "$@"\n');
    chmodSync(join(bin, tool), 0o755);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** tracefs as far as a script asks whether it is there; nothing in it does anything. */
function freshTracefs(): void {
  rmSync(tracing, { recursive: true, force: true });
  mkdirSync(join(tracing, 'instances'), { recursive: true });
  for (const file of [
    'trace',
    'kprobe_events',
    'kprobe_profile',
    'trace_marker',
    'trace_clock',
    'buffer_size_kb',
  ])
    writeFileSync(join(tracing, file), '');
  for (const event of EVENTS)
    mkdirSync(join(tracing, 'events', event.replace(':', '/')), { recursive: true });
}

/** A kernel-info file that says it in every section. */
const infoWith = (orders: readonly string[]): string => {
  const each = (of: (order: string) => string): string[] => orders.map(of);
  return [
    '## uname',
    `Linux 7.3.4 #1 SMP x86_64 ${orders.join(' ').replaceAll('\n', ' ')}`,
    '## kprobes',
    'kprobe_events',
    '## trace_clock',
    'local [mono]',
    ...each((o) => `mono${o}`),
    '## available_tracers',
    'function nop',
    '## available_events',
    ...EVENTS.flatMap((e) => [e, ...each((o) => `${e}${o}`), ...each((o) => `sys${o}:${e}`)]),
    '## available_filter_functions',
    ...FUNCTIONS.flatMap((f) => [...each((o) => `${f}.isra.0${o}`), ...each((o) => `${f}${o}`), f]),
    '## kallsyms',
    ...['vmemmap_base', 'page_offset_base'].flatMap((s) => [
      `ffff D ${s}`,
      ...each((o) => `ffff D ${s}${o}`),
    ]),
    '## cpuinfo',
    ...each((o) => `flags : pcid pti${o}`),
    '## config',
    'CONFIG_PT_RECLAIM=y',
    ...each((o) => `CONFIG_X=${o}`),
    '## offsets',
    'mm_struct.mmap_lock.count 8',
  ].join('\n');
};

describe('what a kernel-info file or an argument holds', () => {
  it.each(TOOLS)('is not run by the %s script', (tool) => {
    freshTracefs();
    const file = join(dir, `${tool}.sh`);
    const plan = planRecording(parseKernelInfo(infoWith(ORDERS)), 'full');
    const script = printScript(tool, plan, { bufferKb: 64 });
    for (const f of FUNCTIONS.slice(0, 3)) expect(script).toContain(f);
    const here = script.replaceAll(/\/sys\/kernel\/(?:debug\/)?tracing/g, tracing);
    expect(here).not.toBe(script);
    writeFileSync(file, here);
    const work = mkdtempSync(join(dir, 'work-'));
    const ran = spawnSync('sh', [file, 'out', 'true'], {
      cwd: work,
      env: { PATH: `${bin}:${process.env.PATH}` },
      encoding: 'utf8',
    });
    expect(ran.status, ran.stderr).not.toBe(2);
    const left = [work, dir, tracing].flatMap((folder) => readdirSync(folder));
    expect(left.filter((name) => name.includes('PWNED'))).toEqual([]);
  });

  it.each(ORDERS.map((order) => [JSON.stringify(order), order] as const))(
    '%s as a task or process is refused, or one word',
    (_, order) => {
      const info = parseKernelInfo(infoWith([]));
      for (const [comms, tgids] of [
        [[order], []],
        [[], [order]],
      ] as const) {
        try {
          const filter = taskFilter(comms, tgids);
          for (const tool of TOOLS) {
            const script = printScript(tool, planRecording(info, 'full', undefined, filter), {
              bufferKb: 64,
            });
            expect(spawnSync('sh', ['-n'], { input: script }).status).toBe(0);
            expect(script).not.toMatch(/^\s*touch PWNED/m);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }
    },
  );
});
