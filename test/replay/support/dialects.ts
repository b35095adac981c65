// ftrace text written anew as other tools print the same buffer. From the printed forms of the kernel and the tools
// (Documentation/trace/ftrace.rst, trace-cmd report, perf script, a bpftrace program of `record`); nothing of the parsers is used.

/** One event of an ftrace line; `glued`: the next one stands on its line. */
export interface Row {
  readonly comm: string;
  readonly pid: string;
  readonly cpu: string;
  readonly flags: string;
  /** Seconds, as printed. */
  readonly ts: string;
  readonly event: string;
  readonly body: string;
  readonly glued: boolean;
}

const HEAD = /^ *(.+?)-(\d+) +(?:\([ \d-]+\) +)?\[(\d+)\] (\S{4,7}) +(\d+\.\d+): /;
const SECOND = / +[^\s:]+?-\d+ +\[\d{3}\] \S{4,7} +\d+\.\d+: /;
const SYSCALL = /^sys_(\w+)(\(| -> )(.*)$/;

/** Lines of the recording itself (`# pttrace:`), and its events. */
export function rowsOf(text: string): { readonly facts: string[]; readonly rows: Row[] } {
  const facts: string[] = [];
  const rows: Row[] = [];
  for (const whole of text.split('\n')) {
    if (whole.startsWith('# pttrace: ')) facts.push(whole);
    for (let line = whole; ; ) {
      const m = HEAD.exec(line);
      if (!m) break;
      const [head, comm, pid, cpu, flags, ts] = m as unknown as string[];
      const rest = line.slice(head!.length);
      const second = SECOND.exec(rest);
      const said = second ? rest.slice(0, second.index) : rest;
      rows.push({
        comm: comm!,
        pid: pid!,
        cpu: cpu!,
        flags: flags!,
        ts: ts!,
        ...named(said),
        glued: second !== null,
      });
      if (!second) break;
      line = rest.slice(second.index);
    }
  }
  return { facts, rows };
}

function named(said: string): { event: string; body: string } {
  const call = SYSCALL.exec(said);
  if (call)
    return call[2] === '('
      ? { event: `sys_enter_${call[1]}`, body: call[3]!.replace(/\)$/, '') }
      : { event: `sys_exit_${call[1]}`, body: call[3]! };
  const at = said.search(/:(?: |$)/);
  return at < 0
    ? { event: said.trim(), body: '' }
    : { event: said.slice(0, at), body: said.slice(at + 1).trim() };
}

/** Functions by made-up addresses, as tools print them that do not look them up. */
const addresses = new Map<string, string>();
function address(place: string): string {
  const known =
    addresses.get(place) ?? (0xffffffff81000000n + BigInt(addresses.size) * 4096n + 4n).toString(16);
  addresses.set(place, known);
  return known;
}
const unresolved = (body: string): string =>
  body.replace(/^\((\S+\+0x\S+|\S+)(?: <- (\S+))?\)/, (_, place: string, of?: string) =>
    of === undefined ? `(${address(place)})` : `(${address(place)} <- ${address(of)})`,
  );

const GROUPS: readonly (readonly [RegExp, string])[] = [
  [/^sys_(?:enter|exit)_/, 'syscalls'],
  [/^tlb_flush$/, 'tlb'],
  [/^csd_/, 'csd'],
  [/^ipi_/, 'ipi'],
  [/^(?:call_function|reschedule|local_timer|irq_work)_?\w*_(?:entry|exit)$/, 'irq_vectors'],
  [/^mm_page_/, 'kmem'],
  [/^sched_/, 'sched'],
  [/^cpuhp_/, 'cpuhp'],
  [/^rcu_/, 'rcu'],
];
/** A kprobe event's body begins with the place of its probe. */
const groupOf = ({ event, body }: Row): string =>
  /^\(\S+(?: <- \S+)?\)/.test(body) ? 'pttrace' : (GROUPS.find(([name]) => name.test(event))?.[1] ?? 'probe');

/** libtraceevent's plugins print these two in words of their own. */
function plugin(event: string, body: string): string {
  if (event === 'tlb_flush') return body.replace(/^pages:(\S+) reason:/, 'pages=$1 reason=');
  const m =
    /^prev_comm=(.*) prev_pid=(\d+) prev_prio=(\d+) prev_state=(\S+) ==> next_comm=(.*) next_pid=(\d+) next_prio=(\d+)$/.exec(
      body,
    );
  return event === 'sched_switch' && m
    ? `${m[1]}:${m[2]} [${m[3]}] ${m[4]} ==> ${m[5]}:${m[6]} [${m[7]}]`
    : body;
}

const cpusOf = (rows: readonly Row[]): number => Math.max(...rows.map((r) => Number(r.cpu))) + 1;
const put = (facts: readonly string[], lines: readonly string[]): string =>
  `${[...facts, ...lines].join('\n')}\n`;

export function traceCmd(text: string): string {
  const { facts, rows } = rowsOf(text);
  return put(facts, [
    `cpus=${cpusOf(rows)}`,
    ...rows.map(
      (r) =>
        `${`${r.comm}-${r.pid}`.padStart(22)}  [${r.cpu}] ${r.ts.padStart(12)}: ${`${r.event}:`.padEnd(21)} ${unresolved(plugin(r.event, r.body))}`,
    ),
  ]);
}

/** `trace-cmd report -l`: latency format, stamps as ever. */
export function traceCmdLatency(text: string): string {
  const { facts, rows } = rowsOf(text);
  return put(facts, [
    `cpus=${cpusOf(rows)}`,
    ...rows.map(
      (r) =>
        `${r.comm.slice(0, 8).padStart(8)}-${r.pid.padEnd(5)} ${String(Number(r.cpu)).padStart(3)}${r.flags} ${r.ts.padStart(12)}: ${`${r.event}:`.padEnd(21)} ${unresolved(plugin(r.event, r.body))}`,
    ),
  ]);
}

export function perfScript(text: string): string {
  const { facts, rows } = rowsOf(text);
  return put(
    facts,
    rows.map(
      (r) =>
        `${r.comm.padStart(16)} ${r.pid.padStart(5)} [${r.cpu}] ${r.ts.padStart(12)}: ${`${groupOf(r)}:${r.event}`.padStart(26)}: ${unresolved(r.body)}`,
    ),
  );
}

/** ftrace with the option latency-format: stamps in µs since the first event, relative to it. */
export function latencyFormat(text: string): string {
  const { facts, rows } = rowsOf(text);
  const us = (ts: string): number => Math.round(Number(ts) * 1e6);
  const first = Math.min(...rows.map((r) => us(r.ts)));
  const lines = rows.map((r) => {
    const call = SYSCALL.exec('') ?? /^sys_(enter|exit)_(\w+)$/.exec(r.event);
    const said = call
      ? call[1] === 'enter'
        ? `sys_${call[2]}(${r.body})`
        : `sys_${call[2]} -> ${r.body}`
      : `${r.event}: ${r.body}`;
    const head = `${r.comm.slice(0, 8).padStart(8)}-${r.pid.padEnd(7)} ${String(Number(r.cpu)).padStart(3)}${r.flags} ${String(us(r.ts) - first).padStart(5)}us : `;
    return `${head}${said}${r.glued ? '' : '\n'}`;
  });
  return `${facts.map((f) => `${f}\n`).join('')}# tracer: nop
#
# nop latency trace v1.1.5 on kernel
# --------------------------------------------------------------------
# latency: 0 us, #${rows.length}/${rows.length}, CPU#0 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:${cpusOf(rows)})
#    -----------------
#    | task: -0 (uid:0 nice:0 policy:0 rt_prio:0)
#    -----------------
#
#                    _------=> CPU#
#                   / _-----=> irqs-off/BH-disabled
#                  | / _----=> need-resched
#                  || / _---=> hardirq/softirq
#                  ||| / _--=> preempt-depth
#                  |||| / _-=> migrate-disable
#                  ||||| /     delay
#  cmd     pid     |||||| time  |   caller
#     \\   /        ||||||  \\    |    /
${lines.join('')}`;
}

/** A log of a program that prints every argument by its name; arrays it cannot print. */
export function bpftraceLog(text: string): string {
  const { facts, rows } = rowsOf(text);
  const ns = (ts: string): string => {
    const [s, f] = ts.split('.') as [string, string];
    return (BigInt(s) * 1_000_000_000n + BigInt(f.padEnd(9, '0'))).toString();
  };
  return put(facts, [
    'Attaching 40 probes...',
    '# nsecs cpu pid tid comm probe args',
    ...rows.map((r) => `${ns(r.ts)} ${Number(r.cpu)} ${r.pid} ${r.pid} ${r.comm} ${printf(r)}`.trimEnd()),
  ]);
}

function printf({ event, body }: Row): string {
  const probe = /^\((\S+?)(?:\+0x\S+)?(?: <- (\S+?)(?:\+0x\S+)?)?\) ?(.*)$/.exec(body);
  if (probe) {
    const args = probe[3]!
      .replace(/\b\w+=\{[^}]*\}/g, '')
      .replace(/(func=\w+)\+0x\S+/, '$1')
      .replace(/ +/g, ' ');
    return `${probe[2] === undefined ? probe[1] : `${probe[2]}_ret`} ${args}`;
  }
  if (event === 'tlb_flush') {
    const m = /^pages:(\S+) .*\((\d+)\)$/.exec(body);
    return m ? `tlb_flush reason=${m[2]} pages=${m[1]}` : `${event} ${body}`;
  }
  if (/^rcu_(?:exp_)?grace_period$/.test(event)) {
    const [, seq, what] = body.split(' ');
    return `${event} ${event === 'rcu_grace_period' ? 'gp_seq' : 'gpseq'}=${seq} gpevent=${what}`;
  }
  if (event === 'sched_switch') {
    const m = /prev_pid=(\d+) .* next_pid=(\d+) /.exec(`${body} `);
    return m ? `sched_switch prev_pid=${m[1]} next_pid=${m[2]}` : `${event} ${body}`;
  }
  if (event.startsWith('sys_enter_'))
    return `${event} ${body.replace(/: /g, '=0x').replace(/=0x0x/g, '=0x').replace(/,/g, '')}`;
  if (event.startsWith('sys_exit_')) return `${event} ret=${Number(body)}`;
  if (event === 'rcu_utilization') return `rcu_utilization s=${body}`;
  return `${event} ${body.replace(/^rcu_preempt /, '').replace(/,/g, '')}`;
}

/** Function lines: what was called from where, nothing of its arguments; returns are not shown. */
export function functionTracer(text: string): string {
  const { facts, rows } = rowsOf(text);
  const head = (r: Row): string =>
    `${`${r.comm}-${r.pid}`.padStart(23)} [${r.cpu}] ${r.flags} ${r.ts.padStart(12)}: `;
  return put(
    [
      ...facts,
      '# tracer: function',
      '#',
      '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
      '#              | |         |   |||||     |         |',
    ],
    rows.flatMap((r) => {
      const probe = /^\((\S+?)(?:\+0x\S+)?( <- \S+)?\)/.exec(r.body);
      if (probe?.[2] !== undefined) return [];
      if (probe) return [`${head(r)}${probe[1]} <-caller`];
      const call = /^sys_(enter|exit)_(\w+)$/.exec(r.event);
      return [
        `${head(r)}${call ? (call[1] === 'enter' ? `sys_${call[2]}(${r.body})` : `sys_${call[2]} -> ${r.body}`) : `${r.event}: ${r.body}`}`,
      ];
    }),
  );
}

/** function_graph with abstime and proc: calls with their return where a return probe shows it, tracepoints as comments. */
export function functionGraph(text: string): string {
  const { facts, rows } = rowsOf(text);
  const open = new Map<string, { name: string; ts: string }[]>();
  const stacks = (r: Row): { name: string; ts: string }[] => {
    const key = r.flags[2] === '.' ? r.pid : `${r.cpu}${r.flags[2]}`;
    const stack = open.get(key) ?? [];
    open.set(key, stack);
    return stack;
  };
  const place = (r: Row): { symbol: string; ret: boolean } | null => {
    const m = /^\((\S+?)(?:\+0x\S+)?(?: <- (\S+?)(?:\+0x\S+)?)?\)/.exec(r.body);
    return m && { symbol: m[2] ?? m[1]!, ret: m[2] !== undefined };
  };
  const returning = new Set(rows.flatMap((r) => (place(r)?.ret ? [place(r)!.symbol] : [])));
  const line = (r: Row, duration: string, said: string): string =>
    `${r.ts.padStart(12)} |  ${String(Number(r.cpu)).padStart(2)})  ${r.comm.slice(0, 7)}-${r.pid.padEnd(6)} | ${duration.padEnd(13)} |  ${said}`;
  return put(
    [
      ...facts,
      '# tracer: function_graph',
      '#',
      '#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS',
      '#      |          |     |    |           |   |                     |   |   |   |',
    ],
    rows.map((r) => {
      const at = place(r);
      if (!at) return line(r, '', `/* ${r.event}: ${r.body} */`);
      const stack = stacks(r);
      if (!at.ret && returning.has(at.symbol)) {
        stack.push({ name: at.symbol, ts: r.ts });
        return line(r, '', `${'  '.repeat(stack.length - 1)}${at.symbol}() {`);
      }
      if (!at.ret) return line(r, '  0.100 us', `${'  '.repeat(stack.length)}${at.symbol}();`);
      while (stack.length > 0 && stack.at(-1)!.name !== at.symbol) stack.pop();
      const begun = stack.pop();
      const took = begun ? Math.max(0.1, (Number(r.ts) - Number(begun.ts)) * 1e6).toFixed(3) : '0.100';
      return line(
        r,
        `${Number(took) > 100 ? '!' : Number(took) > 10 ? '+' : ' '} ${took} us`,
        `${'  '.repeat(stack.length)}} /* ${at.symbol} */`,
      );
    }),
  );
}
