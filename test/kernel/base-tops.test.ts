import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { fullAddress, topOf } from '../../src/kernel/base-tops.js';
import { makeBases } from '../../src/kernel/bases.js';
import { readText } from './support/lines.js';

const folder = mkdtempSync(join(tmpdir(), 'pttrace-'));
afterAll(() => rmSync(folder, { recursive: true }));
let written = 0;

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const VMEMMAP = 0xffffea0000000000n;
const DIRECT = 0xffff888000000000n;
const STACKS = 0xffffc90000000000n;
const low53 = (v: bigint) => Number(BigInt.asUintN(53, v));
const hex = (v: bigint) => `0x${v.toString(16)}`;

interface Layout {
  directMap: bigint;
  vmalloc: bigint;
  vmemmap: bigint;
}
/** Where 5-level paging has its regions without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
const FIXED: Layout = {
  directMap: 0xff11000000000000n,
  vmalloc: 0xffa0000000000000n,
  vmemmap: 0xffd4000000000000n,
};
/** KASLR moves each by whole GiB and keeps their order (arch/x86/mm/kaslr.c); what 53 bits keep of them has any order. */
const MOVED: Layout[] = [
  { directMap: 0xff2380c940000000n, vmalloc: 0xffa4d88080000000n, vmemmap: 0xffb1007540000000n },
  { directMap: 0xff1ffff000000000n, vmalloc: 0xff60000000000000n, vmemmap: 0xff7f00ffc0000000n },
  { directMap: 0xff86fd0d40000000n, vmalloc: 0xff87a10000000000n, vmemmap: 0xffde000bc0000000n },
  { directMap: 0xff20000840000000n, vmalloc: 0xff41000000000000n, vmemmap: 0xff60800000000000n },
];

/** A recording of 4-level paging as one of 5 levels would have it. */
function of5Levels(text: string, to: Layout): string {
  return text.replace(/ffff(?:ea|c9|88[89a-f])[0-9a-f]{9,10}\b/g, (digits) => {
    if (digits.length !== 16) return digits;
    const v = BigInt(`0x${digits}`);
    const moved =
      v >= VMEMMAP
        ? v - VMEMMAP + to.vmemmap
        : v >= STACKS
          ? v - STACKS + to.vmalloc
          : v - DIRECT + to.directMap;
    return moved.toString(16);
  });
}

async function said(text: string) {
  const path = join(folder, `${++written}.txt`);
  writeFileSync(path, text);
  const result = await analyse({ paths: [path] });
  return {
    bases: result.bases,
    verdicts: result.invariants.map((i) => `${i.id} ${i.verdict} ${JSON.stringify(i.instances)}`),
    findings: result.summary.findings,
  };
}

describe.each([FIXED, ...MOVED])(
  'a machine with 5 levels of page tables, direct map at $directMap',
  (layout) => {
    test.each([
      'replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz',
      'replay/6.12.117-lab-y/gup-munmap.txt.gz',
      'replay/debian-6.16.12/pt-reclaim-gup.txt.gz',
      'wrong-orders/busy-cpu2-of-mask-not-flushed-ft0.txt.gz',
    ])('is judged as one with 4, and its bases are named as they are: %s', async (path) => {
      const text = readText(join(FIXTURES, path));
      const four = await said(text);
      const five = await said(of5Levels(text, layout));
      expect(five.verdicts).toEqual(four.verdicts);
      expect(five.findings).toBe(path.startsWith('wrong') ? four.findings : 0);
      expect(four.bases.vmemmap).toBe(hex(VMEMMAP));
      expect(five.bases.vmemmap).toBe(hex(layout.vmemmap));
      // Too few tables are named by both of their addresses in the last.
      const known = four.bases.directMap !== null;
      expect(known).toBe(!path.startsWith('wrong'));
      expect(five.bases.directMap).toBe(known ? hex(layout.directMap) : null);
    });
  },
);

test('a wrong order is found on it', async () => {
  const text = readText(join(FIXTURES, 'wrong-orders/busy-cpu2-of-mask-not-flushed-ft0.txt.gz'));
  expect((await said(of5Levels(text, MOVED[0]!))).verdicts).toContainEqual(
    expect.stringMatching(/^I23 violated/),
  );
});

test('pages are translated wherever the regions lie', () => {
  const page = fc.integer({ min: 1, max: 2 ** 30 });
  for (const { vmemmap, directMap } of [FIXED, ...MOVED]) {
    const bases = makeBases(low53(vmemmap), low53(directMap), 'test');
    fc.assert(
      fc.property(page, fc.integer({ min: 0, max: 63 }), (pfn, offset) => {
        const struct = low53(vmemmap + 64n * BigInt(pfn) + BigInt(offset));
        const va = low53(directMap + 4096n * BigInt(pfn) + BigInt(offset));
        expect(bases.pageOfStructPage(struct)).toBe(pfn);
        expect(bases.pageOfVa(struct)).toBe(pfn);
        expect(bases.pageOfVa(va)).toBe(pfn);
        expect(bases.pageOfStructPage(va)).toBe(pfn);
        expect(bases.pageOfPtl(struct - offset + 40)).toBe(pfn);
      }),
    );
  }
});

test('an address is written with all of its bits', () => {
  for (const text of [
    '0xff11000012345000',
    '0xffd4000000000000',
    '0xffff888000000000',
    '0xff9fffffffffffff',
  ]) {
    expect(fullAddress(low53(BigInt(text)), topOf(text))).toBe(text);
  }
  expect(topOf('1fea0000000000')).toBe(0x7ff);
});
