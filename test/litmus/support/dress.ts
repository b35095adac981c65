import { random } from './disguise.js';

/** One line of an ftrace log, in its parts. */
export interface LogLine {
  task: string;
  pid: number;
  cpu: number;
  flags: string;
  us: number;
  body: string;
}
type Random = () => number;
/** Changes a log without changing what happened. */
type Dress = (lines: LogLine[], r: Random) => LogLine[];

const LINE = /^\s*(.+)-(\d+)\s+\[(\d+)\] (\S+)\s+(\d+)\.(\d+): (.*)$/;
const pick = <T>(list: readonly T[], r: Random): T => list[Math.floor(r() * list.length)]!;

export function readLog(log: string): LogLine[] {
  return log.split('\n').flatMap((text) => {
    const m = LINE.exec(text);
    if (!m) return [];
    const [, task, pid, cpu, flags, s, us, body] = m as unknown as string[];
    return [
      {
        task: task!,
        pid: Number(pid),
        cpu: Number(cpu),
        flags: flags!,
        us: Number(s) * 1e6 + Number(us),
        body: body!,
      },
    ];
  });
}

export function writeLog(lines: readonly LogLine[], end = '\n'): string {
  const text = lines.map((l) => {
    const stamp = `${Math.floor(l.us / 1e6)}.${String(Math.floor(l.us % 1e6)).padStart(6, '0')}`;
    const cpu = String(l.cpu).padStart(3, '0');
    return `${`${l.task}-${l.pid}`.padStart(16)}    [${cpu}] ${l.flags} ${stamp.padStart(12)}: ${l.body}${end}`;
  });
  return `# tracer: nop${end}#${end}${text.join('')}`;
}

const each =
  (change: (line: LogLine, r: Random) => LogLine): Dress =>
  (lines, r) =>
    lines.map((line) => change(line, r));
/** Lines of somebody else before some of the lines, on a CPU that is at work anyway. */
const between =
  (others: (at: LogLine, cpu: number, r: Random) => LogLine[]): Dress =>
  (lines, r) =>
    lines.flatMap((line) => (r() < 0.3 ? [...others(line, pick(lines, r).cpu, r), line] : [line]));

const hex = (n: bigint): string => n.toString(16);
const moved = (body: string, keys: string, by: bigint, bare = false): string =>
  body.replace(new RegExp(`\\b(${keys})=(0x)?([0-9a-f]{${bare ? 16 : 1},})`, 'g'), (_, key, x, n) =>
    x || bare ? `${key}=${x ?? ''}${hex(BigInt(`0x${n}`) + by)}` : _,
  );

/** Another machine: other frames, mms and addresses. */
const otherPlaces: Dress = (lines, r) => {
  const frames = BigInt(Math.floor(r() * 2 ** 22));
  const mms = BigInt(Math.floor(r() * 2 ** 24)) * 64n;
  const addresses = pick([0n, 0x1000n, 0x100000000000000n, -0x7eff_0000_0000n], r);
  return lines.map((line) => {
    let body = moved(line.body, 'pfn|frame|on', frames);
    body = moved(body, 'page|table', frames * 64n, true);
    // Zero is no mm: the kernel's own, or none that is named.
    body = body.replace(/\bmm=0x(f+[0-9a-f]+)/g, (_, n) => `mm=0x${hex(BigInt(`0x${n}`) + mms)}`);
    body = moved(body, 'addr', addresses);
    body = body.replace(
      /head=0x(ffffea[0-9a-f]+)/,
      (_, n) => `head=0x${hex(BigInt(`0x${n}`) + frames * 64n)}`,
    );
    return { ...line, body };
  });
};

const number = (value: bigint, r: Random): string => {
  const text = hex(value);
  const forms = [`0x${text}`, `0x${text.toUpperCase()}`, `0x${text.padStart(16, '0')}`];
  return pick(value < 2n ** 52n ? [...forms, String(value)] : forms, r);
};

export const DRESSES: Readonly<Record<string, Dress>> = {
  'other places': otherPlaces,
  'other spelling': each((line, r) => {
    const m = /^tracing_mark_write: pttrace: (\w+)(.*)$/.exec(line.body);
    if (!m) return line;
    const blank = (): string => pick([' ', '  ', '\t'], r);
    const words = m[2]!
      .split(' ')
      .filter(Boolean)
      .map((w) =>
        w.replace(/^(mm|addr|pfn|frame|on|head)=(0x[0-9a-f]+)$/, (_, k, v) => `${k}=${number(BigInt(v), r)}`),
      )
      .sort(() => r() - 0.5);
    if (r() < 0.3) words.push('note=mine');
    return {
      ...line,
      body: `tracing_mark_write: pttrace:${pick(['', ' ', '  ', '\t'], r)}${m[1]}${words.map((w) => blank() + w).join('')}${pick(['', ' '], r)}`,
    };
  }),
  'trace_printk()': each((line, r) => ({
    ...line,
    body: line.body.replace(
      /^tracing_mark_write/,
      pick(['zap_it', '0xffffffff81234567', 'tracing_mark_write'], r),
    ),
  })),
  'other tasks': (lines, r) => {
    const to = new Map<number, [string, number]>();
    return lines.map((line) => {
      let name = to.get(line.pid);
      if (!name)
        to.set(line.pid, (name = [pick(['kworker/0:1', 'a b-c', '..'], r), 300 + Math.floor(r() * 60_000)]));
      return { ...line, task: name[0], pid: name[1] };
    });
  },
  'other pace': (lines, r) => {
    const [factor, start] = [pick([0.1, 1, 7, 1000, 100_000], r), pick([0, 1e9, 5e10], r)];
    return lines.map((line) => ({ ...line, us: start + Math.floor(1e8 + (line.us - 1e8) * factor) }));
  },
  'switched out': between((at, cpu) => [
    {
      ...at,
      task: 'other',
      pid: 7000 + cpu,
      cpu,
      flags: 'd..2.',
      body: `sched_switch: prev_comm=other prev_pid=${7000 + cpu} prev_prio=120 prev_state=S ==> next_comm=swapper/${cpu} next_pid=0 next_prio=120`,
    },
  ]),
  'interrupts inside': between((at) => [
    { ...at, flags: 'd.h1.', body: 'irq_handler_entry: irq=24 name=virtio0' },
    { ...at, flags: 'd.h1.', body: 'irq_handler_exit: irq=24 ret=handled' },
    { ...at, flags: '..s1.', body: 'rcu_utilization: Start RCU core' },
    { ...at, flags: '..s1.', body: 'mm_page_free: page=00000000abcdef12 pfn=0x3fffff0 order=0' },
    {
      ...at,
      flags: '..s1.',
      body: 'mm_page_alloc: page=00000000abcdef12 pfn=0x3fffff0 order=0 migratetype=1 gfp_flags=GFP_KERNEL',
    },
  ]),
  'other callbacks': (lines, r) => {
    let n = 0;
    return between((at, cpu) => {
      n++;
      const who = { ...at, task: 'close', pid: 9000, cpu, flags: '.....' };
      const head = hex(0xffff888200000000n + BigInt(n) * 64n);
      return [
        { ...who, body: `call_rcu: (call_rcu+0x4/0x200) head=0x${head} func=i_callback+0x0/0x20` },
        {
          ...who,
          body: `rcu_callback: rcu_preempt rhp=${(0x50000000 + n).toString(16).padStart(16, '0')} func=i_callback 3`,
        },
      ];
    })(lines, r);
  },
  'other marks': between((at, _, r) => [
    {
      ...at,
      body: `tracing_mark_write: ${pick(['hello', 'B|123|munmap', 'pttrace:', 'UL mm=1 pfn=3', 'pttrace: 1'], r)}`,
    },
  ]),
  /** What is a fact of a task goes with it; what is a fact of a CPU stays. */
  'tasks that move': (lines, r) => {
    const on = new Map<number, number>();
    return lines.map((line) => {
      const mine = /pttrace: (?:RB|RE|DR|LK|UN|NEED|UL|LINK|SETE|CLRE|PIN|EMPTY|DEP|WDR)\b/.test(line.body);
      if (!mine || /kind=(?:irqoff|preemptoff)/.test(line.body)) return line;
      if (r() < 0.3) on.set(line.pid, pick(lines, r).cpu);
      return { ...line, cpu: on.get(line.pid) ?? line.cpu };
    });
  },
  'told by an observer': (lines, r) =>
    lines.map((line) =>
      /pttrace: (?!INV)/.test(line.body) && r() < 0.5
        ? {
            ...line,
            body: `${line.body} cpu=${line.cpu} pid=${line.pid}`,
            cpu: pick(lines, r).cpu,
            pid: 4242,
          }
        : line,
    ),
};

/** The log in some of the dresses, always in their order, with Unix or DOS ends of lines. */
export function dressed(log: string, names: readonly string[], seed: number): string {
  const r = random(seed);
  const lines = Object.entries(DRESSES)
    .filter(([name]) => names.includes(name))
    .reduce((list, [, dress]) => dress(list, r), readLog(log));
  return writeLog(lines, r() < 0.2 ? '\r\n' : '\n');
}
