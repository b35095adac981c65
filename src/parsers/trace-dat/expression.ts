/** What a print format's argument is made of: the C subset that event formats use. */
export type Expr =
  | { readonly k: 'num'; readonly value: bigint }
  | { readonly k: 'name'; readonly name: string }
  | { readonly k: 'str'; readonly text: string }
  | { readonly k: 'field'; readonly name: string }
  | { readonly k: 'index'; readonly base: Expr; readonly index: Expr }
  | { readonly k: 'cast'; readonly type: string; readonly arg: Expr }
  | { readonly k: 'unary'; readonly op: string; readonly arg: Expr }
  | { readonly k: 'binary'; readonly op: string; readonly left: Expr; readonly right: Expr }
  | { readonly k: 'cond'; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
  | { readonly k: 'call'; readonly name: string; readonly args: readonly Expr[] }
  | {
      readonly k: 'table';
      readonly flags: boolean;
      readonly value: Expr;
      readonly delim: string;
      readonly rows: readonly { readonly value: Expr; readonly text: string }[];
    };

interface Token {
  readonly t: 'id' | 'num' | 'str' | 'op' | 'end';
  readonly s: string;
}

const TOKEN =
  /\s*(?:([A-Za-z_]\w*)|(0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)+)'|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:()[\]{},.]))/y;
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const TYPE_WORD =
  /^(?:unsigned|signed|const|volatile|struct|union|enum|void|char|short|int|long|bool|float|double|__?[us](?:8|16|32|64)|[us](?:8|16|32|64)|__[bl]e(?:16|32|64)|\w+_t)$/;
const DEEPEST = 200;

/** Thrown for a format outside the subset; the event is then printed field by field. */
export class FormatSyntax extends Error {}

/** The format string and arguments of a `print fmt:`; throws `FormatSyntax`. */
export function parsePrintFmt(text: string): { readonly format: string; readonly args: readonly Expr[] } {
  const p = new Parser(text);
  let format = p.string();
  while (p.is('str')) format += p.string();
  const args: Expr[] = [];
  while (p.accept(',')) args.push(p.expression());
  p.end();
  return { format, args };
}

class Parser {
  private readonly tokens: Token[] = [];
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const from = TOKEN.lastIndex;
      const m = TOKEN.exec(text);
      if (m === null) {
        if (text.slice(from).trim() === '') break;
        throw new FormatSyntax(`unexpected text at ${from}`);
      }
      if (m[1] !== undefined) this.tokens.push({ t: 'id', s: m[1] });
      else if (m[2] !== undefined) this.tokens.push({ t: 'num', s: m[2].replace(/[uUlL]+$/, '') });
      else if (m[3] !== undefined) this.tokens.push({ t: 'str', s: m[3] });
      else if (m[4] !== undefined) this.tokens.push({ t: 'num', s: String(unescapeC(m[4]).charCodeAt(0)) });
      else this.tokens.push({ t: 'op', s: m[5]! });
    }
  }

  is(t: Token['t']): boolean {
    return this.peek().t === t;
  }

  string(): string {
    const t = this.take();
    if (t.t !== 'str') throw new FormatSyntax('a string is missing');
    return t.s;
  }

  accept(op: string): boolean {
    const t = this.peek();
    if (t.t !== 'op' || t.s !== op) return false;
    this.at++;
    return true;
  }

  end(): void {
    if (this.at < this.tokens.length) throw new FormatSyntax(`unexpected ${this.peek().s}`);
  }

  expression(): Expr {
    if (++this.depth > DEEPEST) throw new FormatSyntax('too deep');
    const test = this.level(0);
    let out = test;
    if (this.accept('?')) {
      const yes = this.expression();
      this.need(':');
      out = { k: 'cond', test, yes, no: this.expression() };
    }
    this.depth--;
    return out;
  }

  private level(n: number): Expr {
    const ops = LEVELS[n];
    if (ops === undefined) return this.unary();
    let left = this.level(n + 1);
    for (;;) {
      const t = this.peek();
      if (t.t !== 'op' || !ops.includes(t.s)) return left;
      this.at++;
      left = { k: 'binary', op: t.s, left, right: this.level(n + 1) };
    }
  }

  private unary(): Expr {
    if (++this.depth > DEEPEST) throw new FormatSyntax('too deep');
    let out: Expr;
    const t = this.peek();
    if (
      t.t === 'op' &&
      (t.s === '-' || t.s === '~' || t.s === '!' || t.s === '+' || t.s === '*' || t.s === '&')
    ) {
      this.at++;
      out = { k: 'unary', op: t.s, arg: this.unary() };
    } else {
      const type = this.cast();
      out = type === null ? this.postfix(this.primary()) : { k: 'cast', type, arg: this.unary() };
    }
    this.depth--;
    return out;
  }

  /** `(type)` in front of an operand; leaves the position alone when it is none. */
  private cast(): string | null {
    const first = this.tokens[this.at];
    if (first?.s !== '(' || first.t !== 'op') return null;
    let i = this.at + 1;
    const words: string[] = [];
    while (this.tokens[i]?.t === 'id' || (this.tokens[i]?.t === 'op' && this.tokens[i]?.s === '*')) {
      words.push(this.tokens[i++]!.s);
    }
    const close = this.tokens[i];
    if (words.length === 0 || words[0] === 'REC' || close?.t !== 'op' || close.s !== ')') return null;
    const next = this.tokens[i + 1];
    if (next === undefined) return null;
    const sure = words.length > 1 || TYPE_WORD.test(words[0]!);
    const operand = next.t !== 'op' || next.s === '(' || (sure && /^[-~!&*+]$/.test(next.s));
    if (!operand) return null;
    this.at = i + 1;
    return words.join(' ');
  }

  private postfix(e: Expr): Expr {
    for (;;) {
      if (this.accept('[')) {
        const index = this.expression();
        this.need(']');
        e = { k: 'index', base: e, index };
      } else if (this.accept('->') || this.accept('.')) {
        const t = this.take();
        if (t.t !== 'id' || !(e.k === 'name' && e.name === 'REC'))
          throw new FormatSyntax('only REC has members');
        e = { k: 'field', name: t.s };
      } else return e;
    }
  }

  private primary(): Expr {
    const t = this.take();
    if (t.t === 'num') return { k: 'num', value: number(t.s) };
    if (t.t === 'str') {
      let s = t.s;
      while (this.is('str')) s += this.string();
      return { k: 'str', text: unescapeC(s) };
    }
    if (t.t === 'op' && t.s === '(') {
      const e = this.expression();
      this.need(')');
      return e;
    }
    if (t.t !== 'id') throw new FormatSyntax(`unexpected ${t.s}`);
    if (t.s === 'sizeof') return this.sizeOf();
    return this.accept('(') ? this.call(t.s) : { k: 'name', name: t.s };
  }

  private call(name: string): Expr {
    if (
      name === '__print_flags' ||
      name === '__print_symbolic' ||
      /^__print_(?:flags|symbolic)_u64$/.test(name)
    ) {
      return this.table(name.startsWith('__print_flags'));
    }
    const args: Expr[] = [];
    if (!this.accept(')')) {
      do args.push(this.expression());
      while (this.accept(','));
      this.need(')');
    }
    if (name === '__builtin_expect' && args.length > 0) return args[0]!;
    return { k: 'call', name, args };
  }

  /** `(value, [delim,] { v, "text" }, …)`. */
  private table(flags: boolean): Expr {
    const value = this.expression();
    this.need(',');
    const delim = flags ? unescapeC(this.string()) : '';
    if (flags && !this.accept(',')) {
      this.need(')');
      return { k: 'table', flags, value, delim, rows: [] };
    }
    const rows: { value: Expr; text: string }[] = [];
    do {
      this.need('{');
      const v = this.expression();
      this.need(',');
      let text = this.string();
      while (this.is('str')) text += this.string();
      rows.push({ value: v, text: unescapeC(text) });
      this.need('}');
    } while (this.accept(','));
    this.need(')');
    return { k: 'table', flags, value, delim, rows };
  }

  private sizeOf(): Expr {
    this.need('(');
    const words: string[] = [];
    while (!this.accept(')')) {
      const t = this.take();
      if (t.t === 'end') throw new FormatSyntax('sizeof has no end');
      words.push(t.s);
    }
    return { k: 'call', name: 'sizeof', args: [{ k: 'str', text: words.join(' ') }] };
  }

  private need(op: string): void {
    if (!this.accept(op)) throw new FormatSyntax(`${op} is missing`);
  }

  private peek(): Token {
    return this.tokens[this.at] ?? { t: 'end', s: 'the end' };
  }

  private take(): Token {
    const t = this.peek();
    this.at++;
    return t;
  }
}

function number(s: string): bigint {
  return BigInt.asUintN(64, BigInt(/^0[0-7]+$/.test(s) ? `0o${s.slice(1)}` : s));
}

/** C escapes as libtraceevent resolves them: `\n \t \r \\`, anything else is itself. */
export function unescapeC(s: string): string {
  if (!s.includes('\\')) return s;
  return s.replace(/\\(.)/gs, (_, c: string) =>
    c === 'n' ? '\n' : c === 't' ? '\t' : c === 'r' ? '\r' : c === '0' ? '\0' : c,
  );
}
