import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/result/usage-error.js';
import { REFUSALS } from '../../src/what-if/policy.js';
import { ofFile, ofText } from './support/run.js';
import { trace } from './support/trace.js';

const SHAPE = { munmaps: 4, tables: 3, pages: 2 };
const unpatched = trace({ kernel: 'sync', ...SHAPE });
const patched = trace({ kernel: 'rcu', ...SHAPE });

describe('refusals', () => {
  test('tables reclaimed by madvise, under a kernel that has no such path', async () => {
    for (const target of ['A1', 'A2', 'Dn']) {
      const { report } = await ofFile('debian-6.16.12/pt-reclaim-gup.txt.gz', target);
      expect(report.refused).toMatchObject({ code: 'reclaim' });
      expect(report.refused!.source).toContain('pt_reclaim.c');
      expect(report.series).toEqual([]);
    }
    const { report } = await ofFile('debian-6.16.12/pt-reclaim-gup.txt.gz', 'E');
    expect(report.refused).toBeNull();
  });

  test('a target that depends on the machine', async () => {
    for (const target of ['Bn', 'Cn']) {
      expect((await ofText(unpatched, target)).report.refused).toMatchObject({ code: 'target-machine' });
    }
  });

  test('nothing that a variant could change', async () => {
    const none = trace({ kernel: 'sync', munmaps: 3, tables: 0, pages: 2 });
    expect((await ofText(none, 'C')).report.refused).toMatchObject({ code: 'no-tables' });
  });

  test('a clock that counts no ns', async () => {
    const ticks = unpatched
      .replaceAll(/ (\d+)\.(\d{6}): /g, ' $1$2: ')
      .replace('# tracer: nop', '# tracer: nop\n# clock: counter');
    const { report } = await ofText(ticks, 'C');
    expect(report.refused).toMatchObject({ code: 'tick-clock' });
  });

  test('recordings that contradict each other', async () => {
    const both = unpatched + patched.replaceAll(/^#.*\n/gm, '').replaceAll(/ {2}5\./g, '  9.');
    expect((await ofText(both, 'C')).report.refused).toMatchObject({ code: 'contradiction' });
  });

  test('a recording that does not show how its kernel frees; --variant settles it', async () => {
    const blind = unpatched.replaceAll(/^.*(?:native_tlb_remove_table|mm_page_free).*\n/gm, '');
    expect((await ofText(blind, 'C')).report.refused).toMatchObject({ code: 'source-leaf' });
    const { report } = await ofText(blind, 'C', { variants: ['A1'] });
    expect(report.refused).toBeNull();
    expect(report.source).toMatchObject({ how: 'given', leaf: 'sync' });
  });

  test('an unknown variant is an error', async () => {
    await expect(ofText(unpatched, 'Z9')).rejects.toThrow(UsageError);
  });

  test('every rule has been met above', () => {
    expect(REFUSALS.map((r) => r.code).sort()).toEqual(
      ['contradiction', 'no-tables', 'reclaim', 'source-leaf', 'target-machine', 'tick-clock'].sort(),
    );
  });
});
