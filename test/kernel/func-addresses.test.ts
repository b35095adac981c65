import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { FUNC, FUNC_ADDRESS } from '../../src/kernel/ops.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-func-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const fixture = (name: string): string =>
  gunzipSync(readFileSync(join(import.meta.dirname, '../../fixtures/replay', `${name}.txt.gz`))).toString(
    'latin1',
  );
const RECORDINGS = ['6.12.117-lab-y/mt-munmap', 'debian-6.16.12/pt-reclaim-gup'];

/** Addresses instead of names, as where symbols are not to be had; probes hit `into` bytes behind where their function begins. */
function withoutSymbols(text: string, into: number): string {
  const functions = new Map<string, number>();
  const address = (name: string, offset: number): string => {
    if (!functions.has(name)) functions.set(name, functions.size);
    return (0xffffffff81000000n + BigInt(functions.get(name)! * 0x1000 + offset)).toString(16);
  };
  return text
    .replace(/\bfunc=([a-z_][\w.]*)(?:\+0x0\S*)?/g, (_, name: string) => `func=0x${address(name, 0)}`)
    .replace(/: \(([a-z_][\w.]*)\+0x4\S*\)/g, (_, name: string) => `: (${address(name, into)})`);
}

interface Said {
  readonly verdicts: readonly string[];
  readonly bad: readonly string[];
  readonly unknown: readonly string[];
}

let written = 0;
async function replay(text: string): Promise<Said> {
  const path = join(dir, `${written++}.txt`);
  writeFileSync(path, text, 'latin1');
  const { invariants } = await analyse({ paths: [path] });
  const of = (status: string): string[] => invariants.filter((i) => i.verdict === status).map((i) => i.id);
  return {
    verdicts: invariants.map((i) => `${i.id} ${i.verdict}`),
    bad: of('violated'),
    unknown: of('unknown'),
  };
}

describe.each(RECORDINGS)('%s without symbols', (name) => {
  const text = fixture(name);

  test.each([0, 4])(
    'says what it says with them: a probe %i bytes into its function tells its address',
    async (into) => {
      const said = await replay(text);
      expect(said.bad).toEqual([]);
      expect((await replay(withoutSymbols(text, into))).verdicts).toEqual(said.verdicts);
    },
  );
});

test('perf script of a machine without symbols: real places, and addresses instead of names', async () => {
  const text = readFileSync(
    join(import.meta.dirname, '../../fixtures/perf-script/6.12.117-lab-y/default.txt'),
    'latin1',
  );
  const said = await replay(text);
  const bare = text
    .replace(/func=tlb_remove_table_rcu\S*/g, 'func=0xffffffff81265470')
    .replace(/func=[a-z_]\w*\S*/g, 'func=0xffffffff812c9100');
  expect((await replay(bare)).verdicts).toEqual(said.verdicts);
  const placeless = bare.replace(/: \([0-9a-f]{16}\) /g, ': ');
  expect((await replay(placeless)).verdicts).not.toEqual(said.verdicts);
});

describe('a callback that was never queued', () => {
  const text = fixture('6.12.117-lab-y/gup-munmap');
  /** Without what shows one batch to be queued, each in turn. */
  const unqueued = [...text.matchAll(/: call_rcu: .*head=(0x[0-9a-f]+) func=tlb_remove_table_rcu/g)].map(
    (m) => {
      const lines = text.split('\n');
      const at = lines.findIndex((line) => line.includes(m[0]));
      const traced = lines.findIndex((line, i) => i > at && line.includes('rcu_callback: '));
      return lines.filter((_, i) => i !== at && i !== traced).join('\n');
    },
  );
  const all = (of: (recording: string) => string): Promise<Said[]> =>
    Promise.all(unqueued.map((recording) => replay(of(recording))));

  test('is found by address where it is found by name', async () => {
    const byName = await all((recording) => recording);
    const found = byName.filter(({ bad }) => bad.includes('I38'));
    expect(found.length).toBeGreaterThan(0);
    const byAddress = await all((recording) => withoutSymbols(recording, 4));
    expect(byAddress.map(({ verdicts }) => verdicts)).toEqual(byName.map(({ verdicts }) => verdicts));
  });

  test('is not known of where nothing tells what the addresses stand for', async () => {
    const said = await all((recording) => withoutSymbols(recording, 4).replace(/: \([0-9a-f]{16}\) /g, ': '));
    for (const { bad, unknown } of said) {
      expect(bad).toEqual([]);
      expect(unknown).toContain('I38');
    }
  });
});

describe('FuncTable', () => {
  const idOf = (table: FuncTable, text: string): number => table.idOf(Buffer.from(text), 0, text.length);

  test('an address is a function of its own until it is known which one lies there', () => {
    const table = new FuncTable();
    const [one, other] = [idOf(table, '0xffffffff81265470'), idOf(table, 'ffffffff81265480')];
    expect(one).toBeGreaterThanOrEqual(FUNC_ADDRESS);
    expect(other).toBeGreaterThan(one);
    expect(idOf(table, 'ffffffff81265470')).toBe(one);
    expect(table.addresses).toBe(2);
    expect(table.name(one)).toBe('0xffffffff81265470');
    table.nameAddress('ffffffff81265470', FUNC.tlb_remove_table_rcu);
    table.nameAddress('ffffffff81265490', FUNC.flush_tlb_func);
    expect(idOf(table, '0xffffffff81265470')).toBe(FUNC.tlb_remove_table_rcu);
    expect(idOf(table, 'ffffffff81265470')).toBe(FUNC.tlb_remove_table_rcu);
    expect(idOf(table, 'ffffffff81265490')).toBe(FUNC.flush_tlb_func);
    expect(idOf(table, 'ffffffff81265480')).toBe(other);
  });
});
