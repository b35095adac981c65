import { isMarked, markPage, newPageIndex, type PageIndex, unmarkPage } from './page-index.js';

/**
 * User frames and the mm of the task that allocated each (NaN unknown). A huge page is one entry, and a bit per frame
 * of it that has been released since. Plain data, as all of the state.
 */
export interface Frames {
  /** By pfn. */
  single: Map<number, number>;
  /** Runs of 512 aligned frames, by pfn / 512. What is `gone` of one may be in `single`. */
  huge: Map<number, HugeFrame>;
  /** Frames of huge pages that were released or are somebody else's now. */
  gone: PageIndex;
}

interface HugeFrame {
  readonly mm: number;
  /** Frames of it that are not gone. */
  left: number;
}

const RUN = 512;
/** Frames and runs remembered at most; beyond it (a trace without frees) what is known is dropped. */
const MAX_FRAMES = 1 << 22;

export const newFrames = (): Frames => ({ single: new Map(), huge: new Map(), gone: newPageIndex() });

/** The mm that a frame belongs to; undefined: not known to be a user frame. */
export function ownerOf(frames: Frames, pfn: number): number | undefined {
  const mm = frames.single.get(pfn);
  if (mm !== undefined || frames.huge.size === 0) return mm;
  const run = frames.huge.get(Math.floor(pfn / RUN));
  return run === undefined || isMarked(frames.gone, pfn) ? undefined : run.mm;
}

/** `pages` frames from `pfn` on were allocated for `mm`. */
export function holdFrames(frames: Frames, pfn: number, pages: number, mm: number): void {
  releaseFrames(frames, pfn, pages);
  if (frames.single.size + frames.huge.size >= MAX_FRAMES) Object.assign(frames, newFrames());
  if (pages % RUN === 0 && pfn % RUN === 0)
    for (let i = 0; i < pages; i += RUN) frames.huge.set((pfn + i) / RUN, { mm, left: RUN });
  else for (let i = 0; i < pages; i++) frames.single.set(pfn + i, mm);
}

/** `pages` frames from `pfn` on are nobody's any more. */
export function releaseFrames(frames: Frames, pfn: number, pages: number): void {
  if (frames.huge.size === 0) {
    for (let i = 0; i < pages; i++) frames.single.delete(pfn + i);
    return;
  }
  for (let i = 0; i < pages; ) {
    const run = Math.floor((pfn + i) / RUN);
    if (i + RUN <= pages && run * RUN === pfn + i && frames.huge.has(run)) {
      // Only what is gone of it can be another's.
      if (frames.huge.get(run)!.left < RUN) for (let k = 0; k < RUN; k++) frames.single.delete(pfn + i + k);
      dropRun(frames, run);
      i += RUN;
    } else releaseFrame(frames, pfn + i++, run);
  }
}

function releaseFrame(frames: Frames, pfn: number, run: number): void {
  const huge = frames.huge.get(run);
  frames.single.delete(pfn);
  if (!huge || isMarked(frames.gone, pfn)) return;
  markPage(frames.gone, pfn);
  if (--huge.left === 0) dropRun(frames, run);
}

function dropRun(frames: Frames, run: number): void {
  if (frames.huge.get(run)!.left < RUN)
    for (let pfn = run * RUN; pfn < (run + 1) * RUN; pfn++) unmarkPage(frames.gone, pfn);
  frames.huge.delete(run);
}
