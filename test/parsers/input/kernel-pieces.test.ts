import { describe, expect, test } from 'vitest';
import { packFlags } from '../../../src/parsers/input/kernel-pieces.js';
import { FLAG, migrateDepth, preemptDepth } from '../../../src/timeline/flags.js';
import { PLAIN } from '../support/plain-dialect.js';
import { bytes, fixture, runDialect } from '../support/run-dialect.js';

const flags = (s: string): number => packFlags(bytes(s), 0, s.length);

describe('flags column', () => {
  test.each([
    ['.....', FLAG.known],
    ['d....', FLAG.known | FLAG.irqsOff],
    ['bn...', FLAG.known | FLAG.bhOff | FLAG.needResched],
    ['DN...', FLAG.known | FLAG.irqsOff | FLAG.bhOff | FLAG.needResched],
    ['.l...', FLAG.known | FLAG.needReschedLazy],
    ['.B...', FLAG.known | FLAG.needReschedLazy | FLAG.needResched],
    ['..s..', FLAG.known | FLAG.softirq],
    ['..h..', FLAG.known | FLAG.hardirq],
    ['..H..', FLAG.known | FLAG.hardirq | FLAG.softirq],
    ['..z..', FLAG.known | FLAG.nmi],
    ['..Z..', FLAG.known | FLAG.nmi | FLAG.hardirq],
  ])('%s', (s, want) => {
    expect(flags(s)).toBe(want);
  });

  test('depths, with four, five and seven columns', () => {
    const both = (s: string) => [preemptDepth(flags(s)), migrateDepth(flags(s))];
    expect(both('...2')).toEqual([2, 0]);
    expect(both('...af')).toEqual([10, 15]);
    expect(both('d..h1.2')).toEqual([1, 2]);
    expect(flags('d..h1.2') & FLAG.hardirq).toBe(FLAG.hardirq);
  });
});

const one = (body: string) =>
  runDialect(PLAIN, bytes(`            init-3127    [002] d..1.   166.487945: ${body}`)).rows[0]!;

describe('bodies', () => {
  test.each([
    ['tlb_flush: pages:-1 reason:x (4)', 'tracepoint', 'tlb_flush', '', 'pages:-1 reason:x (4)'],
    ['my: (tlb_remove_table+0x4/0x80) a=1 b=2', 'probe', 'my', 'tlb_remove_table', 'a=1 b=2'],
    ['u: (0x4011d6) a=1', 'probe', 'u', '', 'a=1'],
    ['ipi_entry: (Function call interrupts)', 'tracepoint', 'ipi_entry', '', '(Function call interrupts)'],
    ['m: (ext4_x+0x0/0x10 [ext4]) a=1', 'probe', 'm', 'ext4_x', 'a=1'],
    ['r: (do_munmap+0x1c/0x30 <- unmap_region) ret=0x0', 'retprobe', 'r', 'unmap_region', 'ret=0x0'],
    ['call_rcu <-__dentry_kill', 'function', 'call_rcu', 'call_rcu', '__dentry_kill'],
    [
      'call_rcu+0x4/0x10 <-__dentry_kill+0x1/0x2',
      'function',
      'call_rcu',
      'call_rcu',
      '__dentry_kill+0x1/0x2',
    ],
    [
      'call_rcu <ffffffff810eb304> <-x <ffffffff812ca274>',
      'function',
      'call_rcu',
      'call_rcu',
      'x <ffffffff812ca274>',
    ],
    ['call_rcu(head=0x1, func=0x2) <-x', 'function', 'call_rcu', 'call_rcu', 'head=0x1, func=0x2) <-x'],
    [
      'call_rcu <-x (repeats: 3, last_ts: 1.000123)',
      'function',
      'call_rcu',
      'call_rcu',
      'x (repeats: 3, last_ts: 1.000123)',
    ],
    ['call_rcu', 'function', 'call_rcu', 'call_rcu', ''],
    ['sys_munmap(addr: 7f, len: 200)', 'syscall-enter', 'munmap', '', 'addr: 7f, len: 200)'],
    ['sys_munmap -> 0x0', 'syscall-exit', 'munmap', '', '0x0'],
    ['sys_enter_mmap: x', 'syscall-enter', 'mmap', '', 'x'],
    ['tracing_mark_write: B|1|x: y', 'print', 'tracing_mark_write', '', 'B|1|x: y'],
  ])('%s', (line, kind, name, symbol, body) => {
    const r = one(line);
    expect([r.kind, r.name, r.symbol, r.body]).toEqual([kind, name, symbol, body]);
  });

  test('the same buffer with sym-offset and with sym-addr gives the same functions', () => {
    for (const k of ['6.12.117-lab-y', 'debian-6.16.12']) {
      const a = runDialect(PLAIN, fixture(`ftrace-options/${k}/sym-offset.txt`)).rows;
      const b = runDialect(PLAIN, fixture(`ftrace-options/${k}/sym-addr.txt`)).rows;
      expect(a.length).toBe(b.length);
      expect(a.filter((r) => r.kind === 'function').length).toBeGreaterThan(20);
      a.forEach((r, i) => {
        const o = b[i]!;
        expect([o.kind, o.name, o.symbol, o.ts, o.cpu, o.pid]).toEqual([
          r.kind,
          r.name,
          r.symbol,
          r.ts,
          r.cpu,
          r.pid,
        ]);
      });
    }
  });
});
