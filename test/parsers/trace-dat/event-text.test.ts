import { describe, expect, it } from 'vitest';
import { parseEventFormat } from '../../../src/parsers/trace-dat/event-format.js';
import { EventText } from '../../../src/parsers/trace-dat/event-text.js';
import { Record } from '../../../src/parsers/trace-dat/record.js';
import { SymbolTable, TaskNames } from '../../../src/parsers/trace-dat/tables.js';

const encode = (s: string): Uint8Array => new TextEncoder().encode(s);
const knowledge = {
  symbols: new SymbolTable(
    encode(
      'ffffffff81000000 T _text\nffffffff81000100 t do_it\nffffffff81000200 T after\t[mod]\n0000000000000000 A percpu\n',
    ),
  ),
  printk: new Map([[0xffffffff82000000n, 'known string']]),
  tasks: new TaskNames(encode('12 bash\n')),
  formats: new Map(),
  longSize: 8,
};

/** Prints a record of u64 `a` at 8, s32 `b` at 16, u8 `c` at 20, char d[8] at 24, u16 `e[2]` at 32, __data_loc `s` at 36. */
function print(printFmt: string, fill: (v: DataView) => void, plainChars = true): string {
  const format = parseEventFormat(
    'test',
    encode(
      'name: ev\nID: 7\nformat:\n\tfield:u64 a;\toffset:8;\tsize:8;\tsigned:0;\n' +
        '\tfield:int b;\toffset:16;\tsize:4;\tsigned:1;\n\tfield:u8 c;\toffset:20;\tsize:1;\tsigned:0;\n' +
        '\tfield:char d[8];\toffset:24;\tsize:8;\tsigned:1;\n\tfield:u16 e[2];\toffset:32;\tsize:4;\tsigned:0;\n' +
        `\tfield:__data_loc char[] s;\toffset:36;\tsize:4;\tsigned:1;\n\nprint fmt: ${printFmt}\n`,
    ),
    8,
  )!;
  const view = new DataView(new ArrayBuffer(56));
  fill(view);
  const r = new Record();
  r.bytes = new Uint8Array(view.buffer);
  r.size = 56;
  return new EventText(format).render(r, knowledge, plainChars);
}

const nothing = (): void => {};

describe('event text', () => {
  it.each([
    ['"%d %u %x", REC->b, REC->b, REC->b', '-2 4294967294 fffffffe'],
    ['"%ld", REC->b', '4294967294'],
    ['"%5d|%-5d|%05d|%.3d|%+d", 3, 3, 3, 3, 3', '    3|3    |00003|003|+3'],
    ['"%#x %#o %X %016lx", 255, 8, 255, 255', '0xff 010 FF 00000000000000ff'],
    ['"100%% \\t%s", REC->b < 0 ? "neg" : "pos"', '100% \tpos'],
    ['"%d" " and %d", (1 + 2) * 3 - 4 / 2, 7 % 4 << 2', '7 and 12'],
    ['"%d %d", !0, ~0 == 0xffffffffffffffff', '1 1'],
    ['"%llx", (u64)REC->b << 32 | 1', 'fffffffe00000001'],
    ['"%d", (u8)0x1ff', '255'],
    ['"%*d", 4, 7', '   7'],
  ])('%s', (fmt, want) => {
    expect(print(fmt, (v) => v.setInt32(16, -2, true))).toBe(want);
  });

  it('prints strings, arrays and dynamic strings', () => {
    const fill = (v: DataView): void => {
      'hello'.split('').forEach((c, i) => {
        v.setUint8(24 + i, c.charCodeAt(0));
      });
      v.setUint16(34, 513, true);
      v.setUint32(36, (4 << 16) | 40, true);
      'abc'.split('').forEach((c, i) => {
        v.setUint8(40 + i, c.charCodeAt(0));
      });
    };
    expect(print('"%s %.2s %d %s", REC->d, REC->d, REC->e[1], __get_str(s)', fill)).toBe('hello he 513 abc');
    expect(print('"%s %s", __print_hex(REC->d, 3), __print_array(REC->e, 2, 2)', fill)).toBe(
      '68 65 6c {0x0,0x201}',
    );
    expect(print('"%d", __get_dynamic_array_len(s)', fill)).toBe('4');
  });

  it('prints symbols and addresses', () => {
    const fill = (v: DataView): void => v.setBigUint64(8, 0xffffffff81000110n, true);
    expect(print('"%ps %pS %pF %p", (void *)REC->a, REC->a, REC->a, REC->a', fill)).toBe(
      'do_it do_it+0x10 do_it+0x10 0xffffffff81000110',
    );
    expect(print('"%ps", REC->a', (v) => v.setBigUint64(8, 0xffffffff90000000n, true))).toBe(
      '0xffffffff90000000',
    );
    expect(print('"%p", REC->a', nothing)).toBe('(nil)');
    expect(print('"%s", REC->a', (v) => v.setBigUint64(8, 0xffffffff82000000n, true))).toBe('known string');
  });

  it('prints symbolic values and flags', () => {
    const table = '{ 0, "zero" }, { 1, "one" }, { 4, "four" }';
    const b = (n: number) => (v: DataView) => v.setInt32(16, n, true);
    expect(print(`"%s", __print_symbolic(REC->b, ${table})`, b(4))).toBe('four');
    expect(print(`"%s", __print_symbolic(REC->b, ${table})`, b(9))).toBe('0x9');
    expect(print(`"%s", __print_flags(REC->b, "|", ${table})`, b(5))).toBe('one|four');
    expect(print(`"%s", __print_flags(REC->b, "|", ${table})`, b(13))).toBe('one|four|0x8');
  });

  it('prints %c as the character, or as old trace-cmd does', () => {
    expect(print(`"%c%c", REC->b ? 'C' : '.', 65`, nothing)).toBe('.A');
    expect(print(`"%c%c", REC->b ? 'C' : '.', 65`, nothing, false)).toBe('>c<>c<');
  });

  it('falls back to the fields when a format is beyond it', () => {
    const want = '[FAILED TO PARSE] a=0 b=0 c=0 d= e=ARRAY[00, 00, 00, 00] s=';
    for (const fmt of ['"%d", nobody_knows(REC->b)', '"%d", REC->missing', '"%d"', '"%d", ((', 'garbage']) {
      expect(print(fmt, nothing)).toBe(want);
    }
  });

  it('looks symbols up as bisection does', () => {
    const { symbols } = knowledge;
    expect(symbols.size).toBe(3);
    expect(symbols.find(0xffffffff, 0x80ffffff)).toBe(-1);
    expect(symbols.name(symbols.find(0xffffffff, 0x810000ff))).toBe('_text');
    // Nothing bounds the last symbol, so only its own address is known to be in it.
    expect(symbols.name(symbols.find(0xffffffff, 0x81000200))).toBe('after');
    expect(symbols.find(0xffffffff, 0x81000201)).toBe(-1);
  });
});
