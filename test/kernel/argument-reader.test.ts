import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unknownBases } from '../../src/kernel/bases.js';
import { BASIS, FUNC } from '../../src/kernel/ops.js';
import { parseProbesFile } from '../../src/kernel/probes-file.js';
import { decodeAll } from './support/decode.js';

const A = 'tlb=0xffffc90000787c20 mm=0xffff88810006cac0';

describe('values', () => {
  test('a callback body gives its first nr tables, the rest of the array is stale', () => {
    const [cb] = decodeAll([
      'x: (tlb_remove_table_rcu+0x4/0x80) head=0xffff8880be680000 nr=2 tables={0xffffea00002ae100,0xffffea00002ae0c0,0xffffea00002ae140}',
    ]);
    expect(cb).toMatchObject({
      kind: 'CB',
      slots: [0x1f8880be680000, FUNC.tlb_remove_table_rcu, 0xbe680, 2],
      tables: [0xab84, 0xab83],
    });
    expect(
      decodeAll([
        'x: (tlb_remove_table_rcu+0x4/0x80) head=0xffff8880be680000 tables={0xffffea00002ae100}',
      ])[0]!.tables,
    ).toEqual([]);
  });

  test('unknown bases: identities are stable, negative and apart', () => {
    const [a, b, c] = decodeAll(
      [
        `pte_free_tlb: (___pte_free_tlb+0x4/0x40) ${A} page=0xffffea0002f44100`,
        `tlb_remove_table: (tlb_remove_table+0x4/0x220) ${A} table=0xffffea0002f44108`,
        `pmd_free_tlb: (___pmd_free_tlb+0x4/0x90) ${A} pmd=0xffff8880bd90b000`,
      ],
      undefined,
      unknownBases(),
    );
    expect(a!.slots[2]).toBeLessThan(0);
    expect(b!.slots[2]).toBe(a!.slots[2]);
    expect(c!.slots[2]).toBeLessThan(0);
    expect(c!.slots[2]).not.toBe(a!.slots[2]);
  });
});

describe('renamed events and arguments', () => {
  const probes = parseProbesFile(
    readFileSync(
      join(import.meta.dirname, '../../fixtures/kprobe-events/debian-6.16.12/kprobe_events.txt'),
      'utf8',
    ),
  );
  const renamed = parseProbesFile('p:z/ev ___pte_free_tlb c=%si:x64 a=+0(%di):x64 b=%di:x64');
  const body = 'c=0xffffea0002f44100 a=0xffff88810006cac0 b=0xffffc90000787c20';

  test('the file says which register an argument is', () => {
    const [tr] = decodeAll([`ev: (___pte_free_tlb+0x4/0x40) ${body}`], renamed);
    expect(tr).toMatchObject({
      kind: 'TR',
      slots: [0x1fc90000787c20, 0x1f88810006cac0, 0xbd104, 1],
      basis: BASIS.observed,
    });
  });

  test('the file also gives the symbol where the line has only an address', () => {
    const [tr] = decodeAll([`ev: (ffffffff81664664) ${body}`], renamed);
    expect(tr).toMatchObject({
      kind: 'TR',
      slots: [0x1fc90000787c20, 0x1f88810006cac0, 0xbd104, 1],
      basis: BASIS.observed,
    });
    expect(decodeAll([`ev: (ffffffff81664664) ${body}`])[0]).toBeNull();
  });

  test('a file of another recording is not believed', () => {
    const [tr] = decodeAll(
      [`pte_free_tlb: (___pte_free_tlb+0x4/0x40) table=0xffffea0002f44100 gather=0xffffc90000787c20`],
      probes,
    );
    expect(tr).toMatchObject({ kind: 'TR', basis: BASIS.observed });
    expect(tr!.slots[0]).toBe(0x1fc90000787c20);
    expect(tr!.slots[2]).toBe(0xbd104);
  });

  test('without a file, nameless arguments go by position and are assumed', () => {
    const [tr] = decodeAll([
      'q: (___pte_free_tlb+0x4/0x40) arg1=0xffffc90000787c20 arg2=0xffff88810006cac0 arg3=0xffffea0002f44100',
    ]);
    expect(tr).toMatchObject({
      slots: [0x1fc90000787c20, 0x1f88810006cac0, 0xbd104, 1],
      basis: BASIS.assumed,
    });
    const [odd] = decodeAll(['q: (___pte_free_tlb+0x4/0x40) w=1 x=2 y=3 z=4']);
    expect(odd!.slots).toEqual([Number.NaN, Number.NaN, Number.NaN, 1]);
  });

  test('perf prints an address: the event name decides, inferred', () => {
    for (const name of ['tlb_remove_table', 'p_tlb_remove_table_0']) {
      const [app] = decodeAll([
        `${name}: (ffffffff81664664) tlb=0xffffc90002b27a80 table=0xffffea00044ad300`,
      ]);
      expect(app).toMatchObject({ kind: 'APP', basis: BASIS.inferred });
    }
    expect(
      decodeAll(['flush_tlb_mm_range__return: (ffffffff81664664 <- ffffffff81664000)'])[0],
    ).toMatchObject({ kind: 'FD' });
  });

  test('text in place of a number is none, what is left of a number is damage', () => {
    const ev = 'ev: (tlb_remove_table+0x4/0x40)';
    const table = 'table=0xffffea0002f44100';
    const r = decodeAll([
      `${ev} tlb=0xffffc90000787c20 ${table}`,
      ...['ARRAY[]', '(fault)'].map((text) => `${ev} tlb=${text} ${table}`),
      ...['0x', '0xffffc9\u0001', '0xffffc9'].map((left) => `${ev} tlb=${left} ${table}`),
    ]);
    expect(r.map((x) => x !== null)).toEqual([true, true, true, false, false, false]);
  });

  test('a line whose arguments differ from the first is read by its own names', () => {
    const ev = 'ev: (tlb_remove_table+0x4/0x40)';
    const r = decodeAll([
      `${ev} tlb=0xffffc90000787c20 table=0xffffea0002f44100`,
      `${ev} page=0xffffea0002f44140 mm=0xffff88810006cac0`,
      `${ev} table=(fault) tlb=0xffffc90000787c20`,
    ]);
    expect(r.map((x) => x!.slots)).toEqual([
      [0x1fc90000787c20, Number.NaN, 0xbd104],
      [Number.NaN, 0x1f88810006cac0, 0xbd105],
      [0x1fc90000787c20],
    ]);
  });
});
