import { VARIANTS } from '../kernel/variants.js';
import { isMmuRule, LITMUS_RULES } from '../machine/rules.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { byName } from '../result/by-name.js';
import { UsageError } from '../result/usage-error.js';
import { nearest } from './nearest.js';
import { STEPS } from './steps.js';
import type { LitmusOrder, LitmusStep, LitmusTest } from './test.js';

/** A litmus file that does not say what it should; the message begins with `file:line:column`. */
export class LitmusError extends UsageError {
  override readonly name = 'LitmusError';
  readonly line: number;
  readonly column: number;

  constructor(path: string, line: number, column: number, message: string) {
    super(`${path}:${line}:${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

const LEVELS: Readonly<Record<string, number>> = byName({ PTE: 1, PMD: 2, PUD: 3, P4D: 4, PGD: 5 });
const HEADER = ['ref', 'note', 'levels', 'variant', 'broken'];
const CPU_NAME = /^(?:P|CPU|cpu)?(\d{1,3})$/;
const DEVICE_NAME = /^D(\d{0,2})$/;
const MAX_CPU = 255;

interface Cell {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** Steps of one block while its layout is being found out. */
class Block {
  readonly steps: LitmusStep[] = [];
  /** `P0:` blocks: steps by their number in the total order. */
  readonly numbered = new Map<number, LitmusStep>();
  columns: (Who | null)[] | null = null;
  open: Who | null = null;
}

interface Who {
  readonly cpu: number;
  readonly device: number;
}

/** Reads a litmus test. Throws LitmusError at the first thing that is not understood. */
export function parseLitmus(text: string, path = 'litmus'): LitmusTest {
  return new LitmusParser(path).parse(text);
}

class LitmusParser {
  private readonly path: string;
  private id = '';
  private title = '';
  private readonly header = new Map<string, string>();
  private readonly levels = new Map<string, number>();
  private setup: LitmusStep[] = [];
  private readonly orders: LitmusOrder[] = [];
  private block: Block | null = null;
  private order: { name: string; violates: string[]; fields: Map<string, Cell>; line: number } | null = null;

  constructor(path: string) {
    this.path = path;
  }

  parse(text: string): LitmusTest {
    const lines = text.split(/\r?\n/);
    lines.forEach((raw, i) => {
      const hash = raw.search(/(?:^|\s)#/);
      const body = (hash < 0 ? raw : raw.slice(0, hash)).trimEnd();
      if (body.trim() !== '') this.line({ text: body, line: i + 1, column: 1 });
    });
    this.close();
    if (this.id === '') this.fail(1, 1, 'the first line must be `litmus ID TITLE`');
    if (this.orders.length === 0) {
      this.fail(lines.length, 1, 'no order to run: begin one with `NAME: violates I05` or `NAME: silent`');
    }
    return {
      id: this.id,
      title: this.title,
      ref: this.header.get('ref') ?? '',
      note: this.header.get('note') ?? '',
      levels: this.levels,
      setup: this.setup,
      orders: this.orders,
    };
  }

  private line(cell: Cell): void {
    const text = cell.text.trim();
    const column = cell.text.length - cell.text.trimStart().length + 1;
    const at: Cell = { text, line: cell.line, column };
    if (this.id === '') {
      const m = /^litmus\s+(\S+)\s*(.*)$/.exec(text);
      if (!m) this.fail(at.line, column, 'the first line must be `litmus ID TITLE`');
      this.id = m![1]!;
      this.title = m![2]!;
      return;
    }
    const field = /^([A-Za-z][\w-]*):\s*(.*)$/.exec(text);
    if (field && this.keyword(field[1]!, field[2]!, at)) return;
    if (!this.block) {
      this.fail(at.line, column, 'steps belong below `setup:` or below an order such as `bug: violates I05`');
    }
    this.step(this.block!, cell.text, at);
  }

  /** `setup:`, `bug: violates I05`, `variant: A2`, `P0:`. */
  private keyword(name: string, value: string, at: Cell): boolean {
    const column = at.column + at.text.length - value.length;
    if (name === 'setup') {
      this.close();
      if (this.orders.length > 0) this.fail(at.line, at.column, 'setup comes before the orders');
      this.block = new Block();
      return true;
    }
    if (HEADER.includes(name)) {
      if (this.order) this.order.fields.set(name, { text: value, line: at.line, column });
      else this.header.set(name, value);
      if (name === 'levels') this.readLevels(value, at.line, column);
      if (name === 'variant') this.variants(value, at.line, column);
      if (name === 'broken') this.broken(value, at.line, column);
      return true;
    }
    const m = /^(?:silent|violates\s+(.+))$/.exec(value);
    if (m) {
      this.close();
      const violates = (m[1] ?? '').split(/[\s,]+/).filter((x) => x !== '');
      for (const id of violates) {
        if (!CATALOGUE.some((i) => i.id === id)) this.fail(at.line, column, `there is no invariant ${id}`);
      }
      if (this.orders.some((o) => o.name === name)) this.fail(at.line, at.column, `a second order ${name}`);
      this.order = { name, violates, fields: new Map(), line: at.line };
      this.block = new Block();
      return true;
    }
    const who = value === '' ? whoIs(name) : null;
    if (who && this.block) {
      this.block.open = who;
      return true;
    }
    this.fail(
      at.line,
      at.column,
      `\`${name}:\` is neither a heading (${['setup', ...HEADER].join(', ')}), nor a CPU, nor an order with \`violates …\` or \`silent\``,
    );
    return true;
  }

  private step(block: Block, raw: string, at: Cell): void {
    if (raw.includes('|')) {
      this.row(block, raw, at);
      return;
    }
    if (block.open) {
      const m = /^(\d+)[.:)]?\s+(.*)$/.exec(at.text);
      if (!m)
        this.fail(
          at.line,
          at.column,
          'steps below `P0:` begin with their place in the total order, `3. walk A v`',
        );
      const place = Number(m![1]);
      if (block.numbered.has(place)) this.fail(at.line, at.column, `two steps have the place ${place}`);
      const column = at.column + at.text.length - m![2]!.length;
      block.numbered.set(place, this.words(block.open, { ...at, text: m![2]!, column }));
      return;
    }
    const [first] = at.text.split(/\s+/);
    const who = whoIs(first!);
    if (!who)
      this.fail(
        at.line,
        at.column,
        `a step begins with its CPU (P0, P1, … or D for a device), not \`${first}\``,
      );
    const rest = at.text.slice(first!.length);
    const column = at.column + first!.length + (rest.length - rest.trimStart().length);
    block.steps.push(this.words(who!, { text: rest.trim(), line: at.line, column }));
  }

  /** Columns: the first row names the CPUs, later rows are read left to right. */
  private row(block: Block, raw: string, at: Cell): void {
    const cells: Cell[] = [];
    let column = 1;
    for (const part of raw.split('|')) {
      const lead = part.length - part.trimStart().length;
      cells.push({ text: part.trim(), line: at.line, column: column + lead });
      column += part.length + 1;
    }
    if (!block.columns) {
      block.columns = cells.map((c) => {
        const who = c.text === '' ? null : whoIs(c.text);
        if (c.text !== '' && !who)
          this.fail(c.line, c.column, `\`${c.text}\` is no CPU; the first row names the columns`);
        return who;
      });
      return;
    }
    cells.forEach((c, i) => {
      if (c.text === '') return;
      const who = block.columns![i];
      if (!who) this.fail(c.line, c.column, 'this column has no CPU in the first row');
      block.steps.push(this.words(who!, c));
    });
  }

  private words(who: Who, cell: Cell): LitmusStep {
    const words = [...cell.text.matchAll(/\S+/g)].map((m) => ({ text: m[0], column: cell.column + m.index }));
    const [op, ...args] = words;
    const spec = op && Object.hasOwn(STEPS, op.text) ? STEPS[op.text] : undefined;
    if (!op || !spec) {
      const near = op ? nearest(op.text, Object.keys(STEPS)) : null;
      this.fail(
        cell.line,
        cell.column,
        `there is no step \`${op?.text ?? ''}\`${near ? `; \`${near}\`?` : ''}`,
      );
      throw new Error('unreachable');
    }
    const most = spec.many ? Number.POSITIVE_INFINITY : spec.args.length + (spec.optional?.length ?? 0);
    if (args.length < spec.args.length || args.length > most) {
      const usage = [
        op.text,
        ...spec.args,
        ...(spec.optional ?? []).map((o) => `[${o}]`),
        ...(spec.many ? ['…'] : []),
      ];
      this.fail(cell.line, cell.column, `it is \`${usage.join(' ')}\``);
    }
    args.forEach((arg, i) => {
      const kind = spec.args[i] ?? spec.optional?.[i - spec.args.length];
      if (kind === 'word' && !spec.words?.includes(arg.text)) {
        this.fail(cell.line, arg.column, `\`${arg.text}\` is not one of ${spec.words?.join(', ')}`);
      }
      if (kind === 'reader' && !/^(?:irqoff|rcu|preemptoff|lock(?::\S+)?)$/.test(arg.text)) {
        this.fail(
          cell.line,
          arg.column,
          `\`${arg.text}\` protects no walk: irqoff, rcu, preemptoff or lock:NAME`,
        );
      }
    });
    return { cpu: who.cpu, device: who.device, op: op.text, args: args.map((a) => a.text), line: cell.line };
  }

  private close(): void {
    const { block, order } = this;
    this.block = null;
    this.order = null;
    if (!block) return;
    const steps = [...block.steps];
    for (const [, step] of [...block.numbered].sort((a, b) => a[0] - b[0])) steps.push(step);
    if (!order) {
      this.setup = steps;
      return;
    }
    if (steps.length === 0) this.fail(order.line, 1, `order ${order.name} has no steps`);
    const variant = order.fields.get('variant')?.text ?? this.header.get('variant') ?? '';
    const broken = order.fields.get('broken')?.text ?? this.header.get('broken') ?? '';
    this.orders.push({
      name: order.name,
      variants: this.variants(variant, order.line, 1),
      broken: this.broken(broken, order.line, 1),
      violates: order.violates,
      steps,
    });
  }

  private readLevels(value: string, line: number, column: number): void {
    for (const m of value.matchAll(/\S+/g)) {
      const [name, level] = m[0].split('=');
      if (!name || !level || !(level in LEVELS)) {
        this.fail(
          line,
          column + m.index,
          `\`${m[0]}\`: write NAME=LEVEL with one of ${Object.keys(LEVELS).join(', ')}`,
        );
      }
      this.levels.set(name!, LEVELS[level!]!);
    }
  }

  private variants(value: string, line: number, column: number): string[] {
    const ids = value.split(/[\s,]+/).filter((x) => x !== '' && x !== '*' && x !== 'any');
    for (const id of ids) {
      if (!VARIANTS.some((v) => v.id === id)) {
        this.fail(line, column, `there is no variant ${id}: ${VARIANTS.map((v) => v.id).join(', ')}`);
      }
    }
    return ids;
  }

  private broken(value: string, line: number, column: number): string[] {
    const names = value.split(/[\s,]+/).filter((x) => x !== '' && x !== 'none');
    for (const name of names) {
      if (!isMmuRule(name)) {
        this.fail(line, column, `there is no rule ${name}: ${LITMUS_RULES.map((r) => r.name).join(', ')}`);
      }
    }
    return names;
  }

  private fail(line: number, column: number, message: string): void {
    throw new LitmusError(this.path, line, column, message);
  }
}

function whoIs(text: string): Who | null {
  const device = DEVICE_NAME.exec(text);
  if (device) return { cpu: -1, device: Number(device[1] || 0) };
  const m = CPU_NAME.exec(text);
  return m && Number(m[1]) <= MAX_CPU ? { cpu: Number(m[1]), device: -1 } : null;
}
