import { describe, expect, it } from 'vitest';
import { STRUCT_PAGE } from '../../src/kernel/bases.js';
import { FreeWindows } from '../../src/kernel/free-windows.js';

const VMEMMAP = 0x1e_ea00_0000_0000;
const CPU = 2;
const TID = 142;
/** Frames without a pattern: a wrong base does not repeat. */
const PFNS = [
  0x7e8c7, 0x12345, 0x4fa11, 0x20003, 0x61bc9, 0x33f07, 0x0a1d3, 0x58e2b, 0x29ac5, 0x77001, 0x1c0de, 0x40a0b,
  0x6e6e7, 0x05a5b,
];
const page = (pfn: number): number => VMEMMAP + pfn * STRUCT_PAGE;

describe('tables of a gather against the frees that follow', () => {
  it('tell the base where the task frees them itself', () => {
    const windows = new FreeWindows();
    for (const pfn of PFNS) {
      windows.gatherBegins(TID);
      windows.removedPage(TID, page(pfn));
      windows.freedByTask(TID, pfn);
      windows.gatherEnds(TID);
    }
    expect(windows.pagePoll.winner()?.base).toBe(VMEMMAP);
  });

  it('tell it where a callback frees them, its CPU and not the task counting', () => {
    const windows = new FreeWindows();
    for (const [i, pfn] of PFNS.entries()) {
      windows.gatherBegins(TID);
      windows.removedPage(TID, page(pfn));
      windows.queued(TID, CPU, 0x1000 * i);
      windows.gatherEnds(TID);
      windows.freedInSoftirq(CPU + 1, pfn + 1);
      windows.freedInSoftirq(CPU, pfn);
      windows.callbackEnds(CPU);
    }
    expect(windows.pagePoll.winner()?.base).toBe(VMEMMAP);
  });

  it('hand out the tables of a batch once, in their order', () => {
    const windows = new FreeWindows();
    for (const pfn of [5, 3, 3, 9]) windows.appended(TID, page(pfn));
    windows.queued(TID, CPU, 0xabc);
    expect(windows.takeBatch(0xabc)).toEqual([page(5), page(3), page(9)]);
    expect(windows.takeBatch(0xabc)).toBeUndefined();
  });

  it('forget what was open where events were lost', () => {
    const windows = new FreeWindows();
    for (const pfn of PFNS) {
      windows.removedPage(TID, page(pfn));
      windows.forget();
      windows.freedByTask(TID, pfn);
      windows.gatherEnds(TID);
    }
    expect(windows.pagePoll.winner()).toBeNull();
  });
});
