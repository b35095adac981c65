// Lines of a kprobe recording, read just far enough to know what they show. Independent of `src`, as `recording.ts`.

/** One event line; `prefix + stamp + ': ' + rest` is the line again. */
export interface Line {
  readonly index: number;
  readonly prefix: string;
  readonly stamp: string;
  readonly rest: string;
  readonly pid: number;
  readonly cpu: number;
  /** Third flag column is a dot (or there are no flags): not in interrupt context. */
  readonly task: boolean;
  /** Probed symbol, tracepoint name, or `sys_NAME` / `sys_NAME->` for a syscall entry / exit. */
  readonly symbol: string;
  readonly kind: 'probe' | 'return' | 'event' | 'enter' | 'exit';
}

const LINE = /^(\s*.*-(\d+)\s+(?:\([ \d-]+\)\s+)?\[(\d+)\]\s+(?:(\S{4,7})\s+)?)(\d+\.\d+): (.*)$/;
const RETURN = /^\S+: \(\S+ <- ([^\s)]+)\)/;
const PROBE = /^\S+: \(([^\s+)]+)(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)?\)/;
const SYSCALL = /^sys_(\w+)(\(| -> )/;

/** The same lines are read again for each damage. */
const known = new Map<string, Line | null>();
/** Of all fixtures there are half as many. */
const MOST_KNOWN = 100_000;

export function parseLine(text: string, index: number): Line | null {
  const line = known.get(text);
  if (line === undefined) {
    const read = readLine(text, index);
    if (known.size < MOST_KNOWN) known.set(text, read);
    return read;
  }
  return line === null || line.index === index ? line : { ...line, index };
}

function readLine(text: string, index: number): Line | null {
  const m = LINE.exec(text);
  if (m === null) return null;
  const rest = m[6]!;
  const flags = m[4];
  const base = {
    index,
    prefix: m[1]!,
    stamp: m[5]!,
    rest,
    pid: Number(m[2]),
    cpu: Number(m[3]),
    task: flags === undefined || flags[2] === '.',
  };
  let p: RegExpExecArray | null;
  if ((p = RETURN.exec(rest)) !== null) return { ...base, symbol: p[1]!, kind: 'return' };
  if ((p = PROBE.exec(rest)) !== null) return { ...base, symbol: p[1]!, kind: 'probe' };
  if ((p = SYSCALL.exec(rest)) !== null)
    return { ...base, symbol: `sys_${p[1]}`, kind: p[2] === '(' ? 'enter' : 'exit' };
  return { ...base, symbol: rest.slice(0, Math.max(0, rest.indexOf(':'))), kind: 'event' };
}

const patterns = new Map<string, RegExp>();

/** Value of `name=` on a line, empty when absent. */
export function arg(line: Line, name: string): string {
  let pattern = patterns.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`(?:^|[\\s,])${name}=([^\\s,]+)`);
    patterns.set(name, pattern);
  }
  return pattern.exec(line.rest)?.[1] ?? '';
}

export const funcOf = (line: Line): string => arg(line, 'func').split('+')[0]!;

/** Program order: pid 0 is one task per CPU. */
export const taskOf = (line: Line): string => (line.pid === 0 ? `idle${line.cpu}` : `${line.pid}`);
