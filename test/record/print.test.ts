import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BPFTRACE_HEADER, bpftraceBlocks, NOT_ITS_WAKER } from '../../src/record/bpftrace-program.js';
import { UNKNOWN_KERNEL } from '../../src/record/kernel-info.js';
import { LEVELS } from '../../src/record/levels.js';
import { planRecording, type RecordingPlan } from '../../src/record/plan.js';
import { printScript, TOOLS } from '../../src/record/print.js';
import { bpftraceFilter, taskFilter } from '../../src/record/task-filter.js';
import { debian61, debian616, lab612n, stock } from './support/kernels.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-print-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const has = (tool: string): boolean =>
  (process.env.PATH ?? '').split(':').some((p) => existsSync(join(p, tool)));
const KERNELS = { unknown: () => UNKNOWN_KERNEL, 'Debian 6.1': debian61, '6.12': lab612n, '6.16': debian616 };
const kernels = Object.entries(KERNELS);

const FILTER = taskFilter(['rd-*,wk-*'], ['1,17']);

const written = new Map<string, readonly string[]>();
/** Scripts of all kernels and levels for one tool, and one with a filter. */
function scripts(tool: (typeof TOOLS)[number]): readonly string[] {
  const known = written.get(tool) ?? write(tool);
  written.set(tool, known);
  return known;
}

function write(tool: (typeof TOOLS)[number]): string[] {
  const written = (name: string, plan: RecordingPlan): string => {
    const file = join(dir, `${tool}-${name}.sh`);
    writeFileSync(file, printScript(tool, plan, { bufferKb: 8192 }));
    return file;
  };
  return [
    ...kernels.flatMap(([name, kernel]) =>
      LEVELS.map((level) => written(`${name}-${level}`, planRecording(kernel(), level))),
    ),
    written('filtered', planRecording(UNKNOWN_KERNEL, 'locks', undefined, FILTER)),
    ...kernels.map(([name, kernel]) =>
      written(`${name}-with-filter`, planRecording(kernel(), 'locks', undefined, FILTER)),
    ),
  ];
}

describe.each(['sh', ...(has('busybox') ? ['busybox'] : [])])(
  'what a script says of INVLPGB (%s)',
  (shell) => {
    const lines = readFileSync(scripts('ftrace')[0]!, 'utf8').split('\n');
    const first = lines.findIndex((l) => l.startsWith('family='));
    const asks = lines.slice(first, first + 4).join('\n');
    const said = (...cpuinfo: string[]): string => {
      const file = join(dir, `cpuinfo-${shell}`);
      const one = ['processor\t: 0', ...cpuinfo];
      writeFileSync(file, [...one, '', ...one].join('\n'));
      const text = `fact() { echo "$*"; }\n${asks.replaceAll('/proc/cpuinfo', `'${file}'`)}`;
      const run = spawnSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-uc', text], {
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      return run.stdout.trim();
    };
    const amd = (family: number): string[] => [
      'vendor_id\t: AuthenticAMD',
      `cpu family\t: ${family}`,
      'flags\t: fpu',
    ];

    it('no, of an AMD machine before the first family that has it', () => {
      expect([said(...amd(15)), said(...amd(23))]).toEqual(['feature invlpgb no', 'feature invlpgb no']);
    });

    it('nothing, of one that may have it without a flag', () => {
      expect([said(...amd(25)), said(...amd(26)), said('vendor_id\t: HygonGenuine')]).toEqual(['', '', '']);
    });

    it('what the flag says, and no of other makers', () => {
      expect(said('vendor_id\t: AuthenticAMD', 'cpu family\t: 25', 'flags\t: fpu invlpgb')).toBe(
        'feature invlpgb yes',
      );
      expect(said('vendor_id\t: GenuineIntel', 'cpu family\t: 6', 'flags\t: fpu')).toBe('feature invlpgb no');
    });
  },
);

describe.each(TOOLS)('the %s script', (tool) => {
  it('is POSIX shell', () => {
    const files = scripts(tool);
    const each = 'shell=$1; shift; for file; do "$shell" -n "$file" && echo "$file"; done';
    const shell = spawnSync('sh', ['-c', each, 'sh', has('dash') ? 'dash' : 'sh', ...files], {
      encoding: 'utf8',
    });
    expect(shell.stderr).toBe('');
    expect(shell.stdout.trimEnd().split('\n')).toEqual(files);
  });

  it.skipIf(!has('shellcheck'))('has no fault that shellcheck knows', () => {
    // Of a kernel that is known, and of all with a filter.
    const files = scripts(tool).filter((f) => /6.16-tables|filter/.test(f));
    expect(files).toHaveLength(2 + kernels.length);
    const run = spawnSync('shellcheck', ['-S', 'warning', '-s', 'sh', ...files], { encoding: 'utf8' });
    expect(run.stdout).toBe('');
    expect(run.status).toBe(0);
  });

  it('ends on each CPU with a task of its own, while it still records', () => {
    const text = printScript(tool, planRecording(debian61(), 'tables'), { bufferKb: 1024 });
    const end = text.match(/cat >"\$OUT\.end" <<'END'\n(.*?)\nEND\n/s)![1]!;
    expect(text.split('sh "$OUT.end"').length + text.split('sh "$0"').length).toBeGreaterThan(2);
    const run = spawnSync('sh', ['-c', end.replace('; :"', '; cat /proc/\\$\\$/comm"')], {
      encoding: 'utf8',
    });
    const cpus = readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm)!.length;
    expect(run.stdout.trim().split('\n')).toEqual(Array<string>(cpus).fill('pttrace-end'));
  });

  it('begins with such a task on each CPU, where its command does not start what records', () => {
    const text = printScript(tool, planRecording(debian61(), 'tables'), { bufferKb: 1024 });
    expect(/sed s\/pttrace-end\/pttrace-begin\/ "\$(?:OUT\.end|0)" \| sh/.test(text)).toBe(
      tool !== 'bpftrace',
    );
  });

  it.each([
    [undefined, hostname()],
    ["lab 3's $(x)", "lab 3's $(x)"],
    ['', null],
  ])('says which machine it ran on: --host %j', (host, said) => {
    const text = printScript(tool, planRecording(debian61(), 'tables'), { bufferKb: 1024, host });
    const lines = text.split('\n').filter((line) => /^fact(?:\(\)| host )/.test(line));
    const head = join(dir, 'host.head');
    writeFileSync(head, '');
    spawnSync('sh', ['-c', lines.join('\n')], { env: { ...process.env, HEAD: head } });
    expect(readFileSync(head, 'utf8')).toBe(said === null ? '' : `# pttrace: host ${said}\n`);
  });

  it('is the same each time', () => {
    const plan = (): string => printScript(tool, planRecording(debian61(), 'tables'), { bufferKb: 1024 });
    expect(plan()).toBe(plan());
  });

  it('says how it is used, and fails without tracefs', () => {
    const file = scripts(tool)[0]!;
    const usage = spawnSync('sh', [file], { encoding: 'utf8' });
    expect(usage.status).toBe(2);
    expect(usage.stderr).toMatch(/^usage: sh \S+ OUT/);
  });
});

describe('the bpftrace program', () => {
  // Dry runs resolve tracepoints on the machine at hand; what is missing there is no fault of the program.
  const parse = (program: string): string => {
    const file = join(dir, 'program.bt');
    writeFileSync(file, program);
    const { stdout, stderr } = spawnSync('bpftrace', ['-d', file], { encoding: 'utf8' });
    return `${stdout}${stderr}`;
  };
  const syntax = /syntax error|unexpected|Unknown (?:function|identifier)|not find|expects/i;

  it.skipIf(!has('bpftrace'))('parses', () => {
    const programs = kernels.map(([, kernel]) => {
      const blocks = bpftraceBlocks(planRecording(kernel(), 'full'));
      return [BPFTRACE_HEADER, ...blocks.map((b) => b.text), ''].join('\n');
    });
    for (const program of programs) expect(parse(program)).not.toMatch(syntax);
    // It would be said.
    expect(parse(programs[0]!.replace('printf(', 'printf(('))).toMatch(syntax);
  });

  it('prints the columns and argument names that the replay knows', () => {
    const block = bpftraceBlocks(planRecording(debian61(), 'tables')).find(
      (b) => b.needs === '___pte_free_tlb',
    )!;
    expect(block.text).toBe(
      'kprobe:___pte_free_tlb { printf("%llu %d %d %d %s ___pte_free_tlb tlb=0x%lx mm=0x%lx page=0x%lx\\n", ' +
        'nsecs, cpu, pid, tid, comm, arg0, *(uint64 *)(arg0 + 0), arg1); }',
    );
  });

  it.each(LEVELS)(
    '%s: leaves bpftrace itself out of the hot probes, and only of them, and says so',
    (level) => {
      const only = taskFilter(['rd-*'], [])!;
      for (const filter of [null, only]) {
        const plan = planRecording(stock('7.3.4'), level, undefined, filter);
        const hot = new Set(plan.kprobes.filter((p) => p.hot).map((p) => p.symbol));
        const condition =
          filter === null ? 'comm != "bpftrace"' : `comm != "bpftrace" && (${bpftraceFilter(only)})`;
        for (const { needs, text } of bpftraceBlocks(plan).filter((b) => b.text !== '')) {
          expect([needs, text.includes(` /${condition}`)]).toEqual([needs, hot.has(needs)]);
          expect([needs, text.includes('comm != ')]).toEqual([needs, hot.has(needs)]);
        }
        const script = printScript('bpftrace', plan, { bufferKb: 1024 });
        expect(script.includes(`\nfact filter '${condition}'\n`)).toBe(hot.size > 0);
      }
    },
  );

  let readers = '';
  /** The script of level readers for a kernel whose kernel-info file takes a while to read. */
  const readersScript = (): string =>
    (readers ||= printScript('bpftrace', planRecording(stock('7.3.4'), 'readers'), { bufferKb: 1024 }));

  /** Runs the lines of the script from one to another, as the shell does that the machine has. */
  const runLines = (
    shell: string,
    [from, to]: [RegExp, RegExp],
    env: Record<string, string>,
    without = /^more /,
    before = 'fact() { echo "$*"; }',
  ) => {
    const lines = readersScript().replaceAll('/proc/kallsyms', '"$KALLSYMS"').split('\n');
    const start = lines.findIndex((line) => from.test(line));
    const part = lines.slice(start, start + lines.slice(start).findIndex((line) => to.test(line)));
    const text = [before, ...part.filter((line) => !without.test(line))].join('\n');
    const run = spawnSync(shell, [...(shell === 'busybox' ? ['sh'] : []), '-c', text], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect(run.stderr).toBe('');
    return run.stdout;
  };
  const SHELLS = ['dash', 'bash', 'busybox'].filter(has);
  const RANGE =
    '(*(uint64 *)reg("sp") < kaddr("perf_event_wakeup") || *(uint64 *)reg("sp") >= kaddr("perf_event_wakeup") + 192)';

  it.each(SHELLS)('%s puts its text together as it is, without the function that wakes bpftrace', (shell) => {
    const blocks = bpftraceBlocks(planRecording(stock('7.3.4'), 'readers')).filter(
      (b) => b.kind === 'function' && !b.more,
    );
    const [BT, KALLSYMS] = [join(dir, 'program.bt'), join(dir, 'kallsyms')];
    const functions = blocks.map((b) => `${b.needs}\n`).join('');
    writeFileSync(join(dir, 'available_filter_functions'), functions);
    const addresses = 'ee0a0 t merge_sched_in\ndfe0 T perf_event_wakeup\n7000 T zzz\n';
    const cases: [string, string][] = [
      [addresses.replaceAll(/^/gm, 'ffffffff815').replaceAll('ffffffff815dfe0', 'ffffffff815edfe0'), RANGE],
      ['0000000000000000 t merge_sched_in\n0000000000000000 T perf_event_wakeup\n', '1'],
      ['', '1'],
    ];
    // Without the addresses no shell has much to do: they are tried in the first one.
    for (const [symbols, condition] of shell === SHELLS[0] ? cases : cases.slice(0, 1)) {
      writeFileSync(KALLSYMS, symbols);
      const said = runLines(shell, [/^# Not echo/, /^fact clock/], { T: dir, BT, KALLSYMS });
      expect(said.includes('note waker-left-out')).toBe(condition === RANGE);
      expect(said).toContain('filter comm != "bpftrace"\n');
      const text = [BPFTRACE_HEADER, ...blocks.map((b) => b.text), ''].join('\n');
      const program = text.replaceAll(NOT_ITS_WAKER, condition);
      expect(program).toContain(`kprobe:__rcu_read_unlock /comm != "bpftrace" && ${condition}/ {`);
      expect(readFileSync(BT, 'utf8')).toBe(program);
      expect(readFileSync(`${BT}.less`, 'utf8')).toBe(program);
    }
  });

  it.each(SHELLS)(
    '%s says that nothing was lost only where each CPU shows its end and nothing is told of',
    (shell) => {
      const cpus = [...readFileSync('/proc/cpuinfo', 'utf8').matchAll(/^processor\s*: (\d+)/gm)].map(
        (m) => m[1]!,
      );
      const ends = cpus.map((cpu) => `17 ${cpu} 9 9 pttrace-past sched_process_exit\n`);
      const line = '5 0 7 7 a lost+drop sched_switch prev_pid=1 next_pid=2\n';
      const said = (log: string, err = ''): string => {
        const [LOG, OUT] = [join(dir, 'log'), join(dir, 'out')];
        writeFileSync(LOG, `Attaching 3 probes...\n${log}`);
        writeFileSync(`${OUT}.err`, err);
        return runLines(shell, [/^ended\(\)/, /^write\(\)/], { LOG, OUT, KALLSYMS: '' }, /^(?:n=0;|kill) /);
      };
      expect(said(line + ends.join(''))).toBe('losses none\n');
      expect(said(line + ends.slice(1).join(''))).toBe('');
      expect(said(`${line}Lost 7 events\n${ends.join('')}`)).toBe('');
      // What it looks for is no matter of the shell.
      if (shell !== SHELLS[0]) return;
      expect(said(line + ends.join(''), 'WARNING: something else\n')).toBe('losses none\n');
      expect(said(line + ends.join(''), 'Lost 7 events\n')).toBe('');
      expect(said(line + ends.join(''), 'WARNING: events were dropped\n')).toBe('');
    },
  );

  it.each(SHELLS)('%s keeps what all probes and all CPUs show, in the order of time', (shell) => {
    const [LOG, OUT] = [join(dir, 'log'), join(dir, 'out')];
    const event = (ns: number, comm: string): string => `${ns} 0 9 9 ${comm} mm_page_free pfn=0x1 order=0\n`;
    const [head, lost] = ['Attaching 3 probes...\n', 'Lost 3 events\n'];
    const kept = (lines: readonly string[], past: string): string => {
      writeFileSync(LOG, head + lines.join(''));
      writeFileSync(`${OUT}.err`, `WARNING: x\n${lost}`);
      const env = { LOG, OUT, past, KALLSYMS: '' };
      return runLines(shell, [/^begin=/, /^say "wrote/], env, /^$/, 'write() { cat; }');
    };
    const early = event(93999999999, 'sh');
    const mark = event(94000000000, 'pttrace-begin');
    const run = [event(94000000001, 'exe'), event(100000000001, 'sh'), event(100000000001, 'exe')];
    const late = event(100000000002, 'grep');
    const mixed = [run[1]!, run[2]!, late, lost, early, mark, run[0]!];
    expect(kept(mixed, '100000000002')).toBe([head, mark, ...run, lost, lost].join(''));
    expect(kept(mixed, '')).toBe([head, mark, ...run, late, lost, lost].join(''));
    expect(kept([run[1]!, early], '')).toBe([head, early, run[1], lost].join(''));
  });

  it('has a second program without what needs more than registers, should the first be refused', () => {
    const script = readersScript();
    expect(script).toMatch(/start "\$BT" \|\| \{\n {2}cmp -s "\$BT" "\$BT.less" && exit 3\n/);
    expect(script).toMatch(/fact note bpftrace-less .*\n {2}start "\$BT.less" \|\| exit 3\n\}/);
  });

  it('reads at level readers what a fetch argument cannot, with the variables of the kernel that takes', () => {
    const blocks = bpftraceBlocks(planRecording(stock('7.3.4'), 'readers'));
    const more = blocks.flatMap((b) => (b.more ? [b.more] : []));
    expect(more.map((m) => m.variables)).toEqual([
      ['page_offset_base', 'vmemmap_base'],
      ['cpu_tlbstate', '__per_cpu_offset'],
    ]);
    expect(more[0]!.text).toContain('while ($i < 512)');
    expect(more[0]!.text).toMatch(/ set=%d\\n".*\(\$entries & 0x7fffffffffffff9f\) != 0\); }$/);
    expect(more[1]!.text).toMatch(/^kretprobe:switch_mm_irqs_off .* asid=%lu ctx=%lu gen=%lu/);
    // Offsets are of the kernel at hand; without them the slot is not read.
    const unknown = bpftraceBlocks(planRecording(UNKNOWN_KERNEL, 'readers'));
    expect(unknown.filter((b) => b.more).map((b) => b.needs)).toEqual(['___pte_free_tlb']);
    expect(bpftraceBlocks(planRecording(stock('7.3.4'), 'tables')).filter((b) => b.more)).toEqual([]);
  });

  it.skipIf(!has('bpftrace'))('parses with all that is read', () => {
    const blocks = bpftraceBlocks(planRecording(stock('7.3.4'), 'readers')).flatMap(
      (b) => b.more?.text ?? [],
    );
    const program = `${blocks.join('\n')}\n`.replace(/kaddr\("\w+"\)/g, '0xffffffff81000000');
    expect(parse(program)).not.toMatch(syntax);
    expect(parse(program.replace('while (', 'while ('.repeat(2)))).toMatch(syntax);
  });
});

it.runIf(process.env.CI === 'true')('the tools that check the scripts are there in CI', () => {
  expect(['dash', 'shellcheck', 'bpftrace'].filter((tool) => !has(tool))).toEqual([]);
});
