import { byName } from '../result/by-name.js';
/**
 * The `kprobe_events` / `dynamic_events` file of a recording: which event printed which register or field.
 * Grammar: Documentation/trace/kprobetrace.rst, fprobetrace.rst.
 */
import { cleanSymbol } from '../timeline/events.js';

export interface ProbeArgument {
  /** Name as printed; unnamed arguments are `arg1`, `arg2` … by position. */
  readonly name: string;
  /**
   * Where the value comes from: parameter number 1–6 with dereferences (`1`, `1+16`, `1+0+8`) or `ret`;
   * null = something else (stack, immediate, BTF name, a register that is no parameter).
   */
  readonly at: string | null;
}

export interface ProbeDefinition {
  readonly group: string;
  readonly event: string;
  readonly symbol: string;
  readonly ret: boolean;
  readonly args: readonly ProbeArgument[];
  /** 1-based. */
  readonly line: number;
}

export interface ProbesFile {
  /** By event name; a later definition of the same name replaces an earlier one. */
  readonly byEvent: ReadonlyMap<string, ProbeDefinition>;
  readonly errors: readonly { line: number; message: string }[];
}

/** Parameter registers of the x86-64 calling convention, in order. */
const PARAMETER: Readonly<Record<string, string>> = byName({
  di: '1',
  rdi: '1',
  si: '2',
  rsi: '2',
  dx: '3',
  rdx: '3',
  cx: '4',
  rcx: '4',
  r8: '5',
  r9: '6',
});

/** Parameters still sit in their registers here: endbr64 and the ftrace call take 9 bytes. */
const ENTRY_BYTES = 9;

/**
 * Expression of a fetch argument without its type → place, see `ProbeArgument.at`.
 * `%di` → `1`, `$arg2` → `2`, `+16(%di)` → `1+16`, `$retval` → `ret`.
 */
export function placeOf(expression: string): string | null {
  const text = expression.trim();
  if (text === '$retval') return 'ret';
  const arg = /^\$arg([1-6])$/.exec(text);
  if (arg) return arg[1]!;
  const register = /^%([a-z0-9]+)$/.exec(text);
  if (register) return PARAMETER[register[1]!] ?? null;
  const deref = /^([+-])u?(0x[0-9a-f]+|\d+)\((.*)\)$/i.exec(text);
  if (deref) {
    const inner = placeOf(deref[3]!);
    return inner === null ? null : `${inner}${deref[1]}${Number(deref[2])}`;
  }
  return null;
}

/** Never throws: lines that cannot be understood are listed in `errors` and left out. */
export function parseProbesFile(text: string): ProbesFile {
  const byEvent = new Map<string, ProbeDefinition>();
  const errors: { line: number; message: string }[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const result = parseLine(line, index + 1);
    if (typeof result === 'string') errors.push({ line: index + 1, message: result });
    else if (result === null) byEvent.delete(removedName(line));
    else byEvent.set(result.event, result);
  });
  return { byEvent, errors };
}

const removedName = (line: string): string => /[/.]([^/.\s]+)\s*$/.exec(line)?.[1] ?? line.slice(2).trim();

/** A definition, null for `-:name` (delete), or what is wrong with the line. */
function parseLine(line: string, lineNumber: number): ProbeDefinition | null | string {
  if (line.startsWith('-:')) return null;
  const head = /^([prfte])(\d*)(?::(\S*))?\s+(\S+)(.*)$/.exec(line);
  if (!head) return `not a probe definition: ${line.slice(0, 60)}`;
  const [, type, , name, target, rest] = head;
  if (type === 't' || type === 'e') return `probe type '${type}' names no kernel function`;
  const place = /^(?:[^:+%]+:)?([^:+%]+)(?:\+(0x[0-9a-f]+|\d+))?(%return)?$/i.exec(target!);
  if (!place) return `cannot read the probed symbol '${target}'`;
  const symbol = cleanSymbol(place[1]!);
  if (/^0x/i.test(symbol)) return `'${target}' is an address, not a symbol`;
  const ret = type === 'r' || place[3] !== undefined;
  const offset = Number(place[2] ?? 0);
  const named = splitName(name ?? '');
  const event = named.event || `${ret ? 'r' : 'p'}_${place[1]!.replace(/[^A-Za-z0-9_]/g, '_')}_${offset}`;
  const args: ProbeArgument[] = [];
  for (const word of rest!.trim().split(/\s+/)) {
    if (word === '') continue;
    const eq = /^([A-Za-z_]\w*)=(.+)$/.exec(word);
    const expression = (eq ? eq[2]! : word).replace(/:[\w[\]@/-]+$/, '');
    if (expression === '') return `empty argument '${word}'`;
    if (!balanced(expression)) return `unbalanced parentheses in '${word}'`;
    const at = offset <= ENTRY_BYTES ? placeOf(expression) : null;
    const bare = /^[A-Za-z_]\w*$/.test(expression) ? expression : `arg${args.length + 1}`;
    args.push({ name: eq ? eq[1]! : bare, at });
  }
  return { group: named.group, event, symbol, ret, args, line: lineNumber };
}

function splitName(name: string): { group: string; event: string } {
  const cut = Math.max(name.lastIndexOf('/'), name.lastIndexOf('.'));
  if (cut < 0) return { group: '', event: name };
  return { group: name.slice(0, cut), event: name.slice(cut + 1) };
}

function balanced(text: string): boolean {
  let depth = 0;
  for (const c of text) {
    if (c === '(') depth++;
    else if (c === ')' && --depth < 0) return false;
  }
  return depth === 0;
}
