import { evaluate, unsupported } from './evaluate.js';
import type { EventFormat, FormatField } from './event-format.js';
import { type Expr, FormatSyntax, parsePrintFmt } from './expression.js';
import { printPointer, printText } from './print-arguments.js';
import { type Conversion, parseFormat, printNumber, printString } from './printf.js';
import { hiLo, type Knowledge, type Record } from './record.js';

interface Step {
  readonly text: string;
  readonly conversion: Conversion | null;
  readonly arg: Expr | null;
  readonly star: Expr | null;
}

/** How an event's text is made from its `print fmt:`; worked out once per event. */
export class EventText {
  private readonly event: EventFormat;
  private readonly steps: Step[] = [];
  /** Why the fields are printed raw; empty when the format is usable. */
  readonly failure: string;

  constructor(event: EventFormat) {
    this.event = event;
    let failure = '';
    try {
      const { format, args } = parsePrintFmt(event.printFmt);
      this.bind(format, args);
      for (const s of this.steps) {
        const why = (s.arg && unsupported(s.arg, event)) ?? (s.star && unsupported(s.star, event));
        if (why) throw new FormatSyntax(why);
      }
    } catch (e) {
      if (!(e instanceof FormatSyntax)) throw e;
      failure = e.message;
    }
    this.failure = failure;
  }

  private bind(format: string, args: readonly Expr[]): void {
    let next = 0;
    const take = (): Expr => {
      const a = args[next++];
      if (a === undefined) throw new FormatSyntax('an argument is missing');
      return a;
    };
    for (const piece of parseFormat(format)) {
      if (typeof piece === 'string') {
        this.steps.push({ text: piece, conversion: null, arg: null, star: null });
      } else if ('diuxXospc'.includes(piece.kind)) {
        const star = piece.star === 'no' ? null : take();
        this.steps.push({ text: '', conversion: piece, arg: take(), star });
      } else {
        this.steps.push({ text: `>${piece.kind}<`, conversion: null, arg: null, star: null });
      }
    }
  }

  /**
   * The text of one record. `plainChars`: `%c` prints the character; else the `>c<` of trace-cmd up to 3.1 with
   * libtraceevent 1.7, which takes no argument for it.
   */
  render(r: Record, k: Knowledge, plainChars: boolean): string {
    if (this.failure !== '') return `[FAILED TO PARSE]${rawFields(this.event, r)}`;
    let out = '';
    let shift = 0;
    for (let i = 0; i < this.steps.length; i++) {
      const s = this.steps[i]!;
      const c = s.conversion;
      if (c === null) {
        out += s.text;
        continue;
      }
      if (c.kind === 'c' && !plainChars) {
        out += '>c<';
        shift++;
        continue;
      }
      const arg = shift === 0 ? s.arg! : this.shifted(i, shift);
      const star = s.star === null ? 0 : hiLo(evaluate(s.star, this.event, r, k)).lo | 0;
      if (c.kind === 'p') out += printPointer(c, arg, this.event, r, k, star);
      else if (c.kind === 's') out += printText(c, arg, this.event, r, k, star);
      else if (c.kind === 'c') {
        out += printString(c, String.fromCharCode(hiLo(evaluate(arg, this.event, r, k)).lo & 255));
      } else out += printNumber(c, evaluate(arg, this.event, r, k), star);
    }
    return out;
  }

  /** Argument of step `i` when `shift` earlier `%c` took none. */
  private shifted(i: number, shift: number): Expr {
    const args = this.steps.filter((s) => s.conversion !== null).map((s) => s.arg!);
    const mine = this.steps.slice(0, i).filter((s) => s.conversion !== null).length;
    return args[mine - shift]!;
  }
}

/** ` name=value` of every field that is not common (event-parse.c `print_field_raw`). */
export function rawFields(event: EventFormat, r: Record): string {
  let out = '';
  for (const f of event.fields) if (!f.common) out += ` ${f.name}=${rawField(f, r)}`;
  return out;
}

function rawField(f: FormatField, r: Record): string {
  if (f.isArray) {
    let offset = f.offset;
    let length = f.size;
    if (f.dynamic !== 'no') {
      r.locate(f);
      offset = r.dynOffset;
      length = r.dynLength;
    }
    length = Math.max(0, Math.min(length, r.size - offset));
    if (f.isString) {
      const text = r.text(offset, length);
      if (/^[\x20-\x7e\s]*$/.test(text)) return text;
    }
    const bytes: string[] = [];
    for (let i = 0; i < length; i++) bytes.push(r.bytes[r.start + offset + i]!.toString(16).padStart(2, '0'));
    return `ARRAY[${bytes.join(', ')}]`;
  }
  const v = r.field(f);
  if (f.isPointer) return `0x${v.toString(16)}`;
  if (f.signed) {
    if (f.isLong && f.size === 4) return `0x${v.toString(16)}`;
    const n = BigInt.asIntN(f.size * 8, BigInt(v)).toString();
    return f.size === 2 ? n.padStart(2) : n;
  }
  return f.isLong ? `0x${v.toString(16)}` : v.toString();
}
