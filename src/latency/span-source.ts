import { SYSCALL_NAMES } from '../kernel/tracepoints.js';
import { UsageError } from '../result/usage-error.js';
import type { EventHead } from '../timeline/events.js';

/** How begins and ends of an event pair find each other: by thread, CPU, nothing, or equal arguments. */
export type MatchKey =
  | 'tid'
  | 'cpu'
  | 'none'
  /** Argument `begin` of the first event equals argument `end` of the second. */
  | { readonly begin: string; readonly end: string };

/** What is measured. */
export type SpanSource =
  /** `name` without `sys_`. */
  | { readonly kind: 'syscall'; readonly name: string }
  /** Probe on entry and return of a function. */
  | { readonly kind: 'func'; readonly name: string }
  /** Duration printed by function_graph. */
  | { readonly kind: 'span'; readonly name: string }
  /** `call_rcu()` to the start of the callback `name`. */
  | { readonly kind: 'rcu'; readonly name: string }
  | { readonly kind: 'events'; readonly from: string; readonly to: string; readonly match: MatchKey };

/** `tid`, `cpu`, `none`, `arg:NAME`, `arg:A=B`. Throws UsageError. */
export function parseMatch(text: string): MatchKey {
  if (text === 'tid' || text === 'pid') return 'tid';
  if (text === 'cpu' || text === 'none') return text;
  const m = /^arg:([\w.]+)(?:=([\w.]+))?$/.exec(text);
  if (m === null) throw new UsageError(`--match wants tid, cpu, none, arg:NAME or arg:A=B, not "${text}"`);
  return { begin: m[1]!, end: m[2] ?? m[1]! };
}

export function describeSource(source: SpanSource): string {
  switch (source.kind) {
    case 'syscall':
      return `syscall ${source.name}, enter to exit, by thread`;
    case 'func':
      return `function ${source.name}, entry probe to return probe, by thread, innermost first`;
    case 'span':
      return `${source.name}, durations that the lines carry`;
    case 'rcu':
      return `call_rcu to the start of ${source.name}, by rcu_head`;
    default: {
      const { match } = source;
      const by =
        typeof match === 'object'
          ? match.begin === match.end
            ? `by argument ${match.begin}`
            : `where ${match.begin} of the first equals ${match.end} of the second`
          : match === 'tid'
            ? 'by thread'
            : match === 'cpu'
              ? 'by CPU'
              : 'each with the last before it';
      return `${source.from} to ${source.to}, ${by}`;
    }
  }
}

/** What a row with this head does. */
export const ROLE = {
  unread: 0,
  none: 1,
  begin: 2,
  end: 3,
  /** First ends, then begins: `--from A --to A`. */
  endBegin: 4,
  /** function_graph leaf or return: the duration is on the line. */
  printed: 5,
  /** raw_syscalls: the number decides. */
  rawBegin: 6,
  rawEnd: 7,
  /** Anything that may concern RCU: the decoder says what. */
  rcu: 8,
  /** Probe on the callback itself that the decoder does not know. */
  callback: 9,
} as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];

/** Called once per distinct head. */
export function roleOf(source: SpanSource, head: EventHead): Role {
  switch (source.kind) {
    case 'syscall':
      return syscallRole(source.name, head);
    case 'func':
      if (head.kind === 'probe' && isNamed(head, source.name)) return ROLE.begin;
      if (isMeasured(head, source.name)) return ROLE.printed;
      return head.kind === 'retprobe' && isNamed(head, source.name) ? ROLE.end : ROLE.none;
    case 'span':
      if ((head.symbol || head.name) !== source.name) return ROLE.none;
      if (head.kind === 'span') return ROLE.printed;
      return head.kind === 'function' ? ROLE.begin : ROLE.none;
    case 'rcu':
      return rcuRole(source.name, head);
    default: {
      const from = isEvent(source.from, head);
      const to = isEvent(source.to, head);
      return from && to ? ROLE.endBegin : from ? ROLE.begin : to ? ROLE.end : ROLE.none;
    }
  }
}

/** A tool measured it and says so on the line: strace, tables of latencies. Its `symbol` is empty. */
const isMeasured = (head: EventHead, name: string): boolean =>
  head.kind === 'span' && head.symbol === '' && head.name === name;

function syscallRole(name: string, head: EventHead): Role {
  if (isMeasured(head, name)) return ROLE.printed;
  if (head.kind === 'syscall-enter') return head.name === name ? ROLE.begin : ROLE.none;
  if (head.kind === 'syscall-exit') return head.name === name ? ROLE.end : ROLE.none;
  if (head.kind !== 'tracepoint') return ROLE.none;
  return head.name === 'sys_enter' ? ROLE.rawBegin : head.name === 'sys_exit' ? ROLE.rawEnd : ROLE.none;
}

/** The symbol decides; where the line names none, the event's own name. */
function isNamed(head: EventHead, name: string): boolean {
  return head.symbol === '' ? head.name === name || head.name === `${name}_ret` : head.symbol === name;
}

function rcuRole(name: string, head: EventHead): Role {
  if (head.kind === 'tracepoint') return head.name.startsWith('rcu_') ? ROLE.rcu : ROLE.none;
  if (head.kind !== 'probe') return ROLE.none;
  if (head.symbol === name) return ROLE.callback;
  return /call_rcu|pte_free_defer/.test(head.symbol) || head.symbol === '' ? ROLE.rcu : ROLE.none;
}

/** `event`, `group:event`, `sys_enter_x`, `sys_exit_x`, `function` (its entry) or `function%return`. */
export function isEvent(spec: string, head: EventHead): boolean {
  if (head.kind === 'reserved') return false;
  const name = spec.slice(spec.indexOf(':') + 1);
  const wantsReturn = name.endsWith('%return');
  const bare = wantsReturn ? name.slice(0, -7) : name;
  if (head.kind === 'syscall-enter') return bare === `sys_enter_${head.name}`;
  if (head.kind === 'syscall-exit') return bare === `sys_exit_${head.name}`;
  if (wantsReturn)
    return (
      (head.kind === 'retprobe' || (head.kind === 'span' && head.stamp === 'end')) && isNamed(head, bare)
    );
  if (head.name === bare && head.kind !== 'span') return true;
  return (
    head.symbol === bare &&
    (head.kind === 'probe' || head.kind === 'function' || (head.kind === 'span' && head.stamp === 'start'))
  );
}

/** Number of a syscall on x86-64; NaN when unknown. `syscall_N` names a number. */
export function syscallNumber(name: string): number {
  for (const [nr, known] of Object.entries(SYSCALL_NAMES)) if (known === name) return Number(nr);
  const m = /^syscall_(\d+)$/.exec(name);
  return m === null ? Number.NaN : Number(m[1]);
}
