import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import type { InvariantReport } from '../../src/result/types.js';
import { folder, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';

const LINES = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
const FLUSH = '# pttrace: probe p:g/flush_tlb_mm_range flush_tlb_mm_range mm=%di:x64 start=%si:x64';
const RETURN = '# pttrace: probe r:g/flush_tlb_mm_range_ret flush_tlb_mm_range';

async function verdicts(lines: readonly string[]): Promise<Map<string, InvariantReport>> {
  const path = write(folder(), 'trace.txt', lines);
  return new Map((await analyse({ paths: [path] })).invariants.map((i) => [i.id, i]));
}

describe('hits that a probe did not record', () => {
  const broken = withoutOneFlush(LINES);

  it('a flush that is not there is a violation, unless its probe missed hits', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...broken]);
    expect(seen.get('I09')!.verdict).toBe('violated');
    const missed = await verdicts([FLUSH, RETURN, '# pttrace: missed flush_tlb_mm_range 3', ...broken]);
    const report = missed.get('I09')!;
    expect(report.verdict).toBe('unknown');
    expect(report.findings).toEqual([]);
    const why = report.unknowns.find((u) => u.reason === 'the probe flush_tlb_mm_range missed 3 hits')!;
    expect(why.count).toBe(seen.get('I09')!.instances.violated);
    expect(why.example).not.toBeNull();
  });

  it('says nothing about rules on other events', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...broken]);
    const other = '# pttrace: probe p:g/exit_mmap exit_mmap mm=%di:x64';
    const missed = await verdicts([FLUSH, RETURN, other, '# pttrace: missed exit_mmap 3', ...broken]);
    for (const [id, report] of missed) expect(report.verdict, id).toBe(seen.get(id)!.verdict);
  });

  it('leaves what is seen as it is', async () => {
    const seen = await verdicts([FLUSH, RETURN, ...LINES]);
    const missed = await verdicts([FLUSH, RETURN, '# pttrace: missed flush_tlb_mm_range 3', ...LINES]);
    for (const [id, report] of missed) {
      expect(report.instances.pass, id).toBe(
        seen.get(id)!.instances.pass - (report.instances.unknown - seen.get(id)!.instances.unknown),
      );
      expect(report.basis.observed, id).toBe(seen.get(id)!.basis.observed);
    }
  });
});

describe('a probe that was set and did not fire', () => {
  const EXIT = '# pttrace: event sched:sched_process_exit';
  // Its header counts entries that were cut off.
  const whole = LINES.filter((line) => !line.startsWith('# entries'));
  const pidReuse = async (lines: readonly string[]) => (await verdicts(lines)).get('I54')!;

  it('shows that nothing of the kind happened', async () => {
    const report = await pidReuse(whole);
    expect(report.verdict).toBe('unknown');
    expect(report.settledBy.join()).toContain('sched:sched_process_exit');
    expect(await pidReuse([EXIT, ...whole])).toMatchObject({ verdict: 'not-applicable', settledBy: [] });
  });

  it('but not where events were lost or the file was cut', async () => {
    const lost = [...whole.slice(0, -1), 'CPU:2 [LOST 3 EVENTS]', whole.at(-1)!];
    expect((await pidReuse([EXIT, ...lost])).verdict).toBe('unknown');
    expect((await pidReuse([EXIT, ...LINES])).verdict).toBe('unknown');
  });
});
