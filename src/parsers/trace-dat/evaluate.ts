import { type EventFormat, type FormatField, sizeOfType } from './event-format.js';
import type { Expr } from './expression.js';
import { canonical, type Knowledge, type Record, type Value } from './record.js';

/** Bits a cast to `type` keeps (event-parse.c `eval_type_str`); 64: all. */
function castBits(type: string): number {
  if (type.endsWith('*') || type.startsWith('struct')) return 64;
  const t = type.replace(/\b(?:const|volatile|unsigned|signed|enum)\b/g, '').trim();
  if (/^(?:__)?[us](?:8|16|32)$/.test(t)) return Number(/\d+$/.exec(t)![0]);
  if (t === 'char' || t === 'bool') return 8;
  if (t === 'short' || t === 'short int') return 16;
  if (t === 'int' || t === 'gfp_t' || (t === '' && /unsigned|signed/.test(type))) return 32;
  return 64;
}

const SOFTIRQS: { readonly [name: string]: number } = {
  HI_SOFTIRQ: 0,
  TIMER_SOFTIRQ: 1,
  NET_TX_SOFTIRQ: 2,
  NET_RX_SOFTIRQ: 3,
  BLOCK_SOFTIRQ: 4,
  IRQ_POLL_SOFTIRQ: 5,
  TASKLET_SOFTIRQ: 6,
  SCHED_SOFTIRQ: 7,
  HRTIMER_SOFTIRQ: 8,
  RCU_SOFTIRQ: 9,
  HRTIMER_NORESTART: 0,
  HRTIMER_RESTART: 1,
};

/** Names that formats use and kernels do not convert to numbers. */
export const isKnownName = (name: string): boolean => Object.hasOwn(SOFTIRQS, name);

/** Calls that print something themselves, or give a number; others make the format unusable. */
const CALLS = new Set([
  '__get_str',
  '__get_rel_str',
  '__get_dynamic_array',
  '__get_rel_dynamic_array',
  '__get_dynamic_array_len',
  '__get_rel_dynamic_array_len',
  '__get_bitmask',
  '__get_rel_bitmask',
  '__get_cpumask',
  '__get_rel_cpumask',
  '__get_sockaddr',
  '__print_hex',
  '__print_hex_str',
  '__print_array',
  'sizeof',
]);

/** First thing in `e` that cannot be evaluated for `event`, or null. */
export function unsupported(e: Expr, event: EventFormat): string | null {
  switch (e.k) {
    case 'num':
    case 'str':
      return null;
    case 'name':
      return e.name === 'REC' ? 'REC alone' : null;
    case 'field':
      return event.byName.has(e.name) ? null : `no field ${e.name}`;
    case 'index':
      return unsupported(e.base, event) ?? unsupported(e.index, event);
    case 'cast':
    case 'unary':
      return unsupported(e.arg, event);
    case 'binary':
      return unsupported(e.left, event) ?? unsupported(e.right, event);
    case 'cond':
      return unsupported(e.test, event) ?? unsupported(e.yes, event) ?? unsupported(e.no, event);
    case 'table':
      return unsupported(e.value, event);
    case 'call': {
      if (!CALLS.has(e.name)) return `unknown function ${e.name}`;
      const inner = e.name.startsWith('__get') ? e.args.slice(1) : e.args;
      if (e.name.startsWith('__get') && fieldOf(e, event) === null) return `no field for ${e.name}`;
      for (const a of inner) {
        const why = unsupported(a, event);
        if (why !== null) return why;
      }
      return null;
    }
  }
}

/** The field a `__get_…(name)` call, a `REC->name` or a cast of one stands for. */
export function fieldOf(e: Expr, event: EventFormat): FormatField | null {
  if (e.k === 'cast') return fieldOf(e.arg, event);
  if (e.k === 'field' || e.k === 'name') return event.byName.get(e.name) ?? null;
  if (e.k === 'call' && e.name.startsWith('__get') && e.args[0] !== undefined)
    return fieldOf(e.args[0], event);
  return null;
}

/** Value of an expression, in unsigned 64-bit arithmetic as libtraceevent's `eval_num_arg`. */
export function evaluate(e: Expr, event: EventFormat, r: Record, k: Knowledge): Value {
  switch (e.k) {
    case 'num':
      return canonical(e.value);
    case 'str':
    case 'table':
      return 0;
    case 'name':
      return isKnownName(e.name) ? SOFTIRQS[e.name]! : canonical(k.symbols.address(e.name));
    case 'field': {
      const f = event.byName.get(e.name);
      return f === undefined ? 0 : r.field(f);
    }
    case 'cast': {
      const v = evaluate(e.arg, event, r, k);
      const bits = castBits(e.type);
      if (bits === 64) return v;
      return typeof v === 'number' ? v % 2 ** bits : Number(BigInt.asUintN(bits, v));
    }
    case 'cond':
      return evaluate(isTrue(evaluate(e.test, event, r, k)) ? e.yes : e.no, event, r, k);
    case 'unary': {
      const v = evaluate(e.arg, event, r, k);
      if (e.op === '!') return isTrue(v) ? 0 : 1;
      if (e.op === '~') return canonical(~BigInt(v));
      if (e.op === '-') return canonical(-BigInt(v));
      return v;
    }
    case 'binary':
      return binary(e.op, evaluate(e.left, event, r, k), () => evaluate(e.right, event, r, k));
    case 'index':
      return element(e.base, evaluate(e.index, event, r, k), event, r);
    case 'call':
      return callValue(e, event, r);
  }
}

export const isTrue = (v: Value): boolean => v !== 0;

function binary(op: string, a: Value, rightOf: () => Value): Value {
  if (op === '&&') return isTrue(a) && isTrue(rightOf()) ? 1 : 0;
  if (op === '||') return isTrue(a) || isTrue(rightOf()) ? 1 : 0;
  const b = rightOf();
  // Numbers are at most 2^53 and unsigned, so comparing mixed kinds is exact too.
  if (op === '==') return a === b ? 1 : 0;
  if (op === '!=') return a !== b ? 1 : 0;
  if (op === '<') return a < b ? 1 : 0;
  if (op === '>') return a > b ? 1 : 0;
  if (op === '<=') return a <= b ? 1 : 0;
  if (op === '>=') return a >= b ? 1 : 0;
  if (typeof a === 'number' && typeof b === 'number') {
    if (op === '&' && a < 0x80000000 && b < 0x80000000) return a & b;
    if (op === '+' && a + b <= Number.MAX_SAFE_INTEGER) return a + b;
    if (op === '-' && a >= b) return a - b;
  }
  const x = BigInt(a);
  const y = BigInt(b);
  switch (op) {
    case '&':
      return canonical(x & y);
    case '|':
      return canonical(x | y);
    case '^':
      return canonical(x ^ y);
    case '+':
      return canonical(x + y);
    case '-':
      return canonical(x - y);
    case '*':
      return canonical(x * y);
    case '/':
      return y === 0n ? 0 : canonical(x / y);
    case '%':
      return y === 0n ? 0 : canonical(x % y);
    case '<<':
      return canonical(x << (y & 63n));
    default:
      return canonical(x >> (y & 63n));
  }
}

/** `REC->array[i]` or `((type *)__get_dynamic_array(name))[i]`. */
function element(base: Expr, index: Value, event: EventFormat, r: Record): Value {
  const f = fieldOf(base, event);
  if (f === null || typeof index !== 'number' || index > 65535) return 0;
  let size = f.elementSize;
  if (base.k === 'cast' && base.type.endsWith('*'))
    size = sizeOfType(base.type.replace(/\s*\*$/, ''), r.longSize);
  if (f.dynamic === 'no') return r.read(f.offset + index * f.elementSize, f.elementSize);
  r.locate(f);
  return r.read(r.dynOffset + index * size, size);
}

function callValue(e: Expr & { k: 'call' }, event: EventFormat, r: Record): Value {
  if (e.name === 'sizeof') {
    const of = e.args[0]?.k === 'str' ? e.args[0].text : '';
    const member = /^REC -> (\w+)$/.exec(of);
    if (member !== null) return event.byName.get(member[1]!)?.size ?? 0;
    return sizeOfType(of, r.longSize);
  }
  const f = fieldOf(e, event);
  if (f === null) return 0;
  if (e.name.endsWith('array_len')) {
    r.locate(f);
    return r.dynLength;
  }
  return 0;
}
