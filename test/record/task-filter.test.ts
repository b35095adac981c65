import { describe, expect, it } from 'vitest';
import { LEVELS } from '../../src/record/levels.js';
import { planRecording } from '../../src/record/plan.js';
import { printScript, TOOLS } from '../../src/record/print.js';
import { bpftraceFilter, filterWords, kernelFilter, taskFilter } from '../../src/record/task-filter.js';
import { UsageError } from '../../src/result/usage-error.js';
import { debian616 } from './support/kernels.js';

describe('a filter of tasks', () => {
  it('is none where nothing is given', () => {
    expect(taskFilter([], [])).toBeNull();
  });

  it('takes names and processes, each once', () => {
    const filter = taskFilter(['rd-*,wk-*', 'rd-*'], ['17', '17,4'])!;
    expect(filter).toEqual({ comms: ['rd-*', 'wk-*'], tgids: [17, 4] });
    expect(kernelFilter(filter, [17, 18])).toBe('comm~"rd-*"||comm~"wk-*"||common_pid==17||common_pid==18');
    expect(bpftraceFilter(filter)).toBe(
      'strncmp(comm, "rd-", 3) == 0 || strncmp(comm, "wk-", 3) == 0 || pid == 17 || pid == 4',
    );
    expect(filterWords(filter)).toBe('tasks called rd-*, wk-* and processes 17, 4');
  });

  it.each([
    [['a"b']],
    [["a'b"]],
    [['a b']],
    [['$(id)']],
    [['`id`']],
    [['sixteen-letters-']],
    [[',']],
    [['']],
  ])('refuses the name %j', (comms) => {
    expect(() => taskFilter(comms, [])).toThrow(UsageError);
  });

  it.each(['0', '-1', '1x', '99999999999', '1;id'])('refuses the process %s', (id) => {
    expect(() => taskFilter([], [id])).toThrow(UsageError);
  });

  it('bpftrace knows names and beginnings of names only', () => {
    expect(bpftraceFilter(taskFilter(['khugepaged'], [])!)).toBe('comm == "khugepaged"');
    expect(bpftraceFilter(taskFilter(['*'], [])!)).toBe('1');
    expect(() => bpftraceFilter(taskFilter(['*d'], [])!)).toThrow(UsageError);
    expect(() => bpftraceFilter(taskFilter(['a?c'], [])!)).toThrow(UsageError);
  });
});

describe('a plan with a filter', () => {
  const filter = taskFilter(['rd-*'], []);

  it.each(LEVELS)('%s: keeps hot probes to it, where there are any', (level) => {
    const plan = planRecording(debian616(), level, undefined, filter);
    const hot = plan.kprobes.filter((p) => p.hot).map((p) => p.event);
    expect(plan.filter).toEqual(hot.length > 0 ? filter : null);
    for (const tool of TOOLS) {
      const script = printScript(tool, plan, { bufferKb: 1024 });
      expect(script.includes('rd-')).toBe(hot.length > 0);
    }
  });

  it('leaves unlinks, releases and grace periods alone', () => {
    const plan = planRecording(debian616(), 'full', undefined, filter);
    const kept = plan.kprobes.filter((p) => !p.hot).map((p) => p.event);
    expect(kept).toEqual(expect.arrayContaining(['pte_free_tlb', 'call_rcu', 'flush_tlb_func']));
  });
});
