import {
  BLOCK,
  deletePage,
  isMarked,
  markPage,
  newPageIndex,
  nextPage,
  type PageIndex,
  setPage,
  unmarkBlock,
} from './page-index.js';

/**
 * User frames and the mm of the task that allocated each (NaN unknown). A huge page is one entry, and a bit per frame
 * of it that has been released since. Plain data, as all of the state.
 */
export interface Frames {
  /** By pfn. */
  single: Map<number, number>;
  /** Which pages have an entry in `single`. */
  singles: PageIndex;
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

/** Frames of a huge page, and pages of an index's block. */
const RUN = BLOCK;
/** Frames and runs remembered at most; beyond it (a trace without frees) what is known is dropped. */
const MAX_FRAMES = 1 << 22;

export const newFrames = (): Frames => ({
  single: new Map(),
  singles: newPageIndex(),
  huge: new Map(),
  gone: newPageIndex(),
});

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
  else for (let i = 0; i < pages; i++) setPage(frames.single, frames.singles, pfn + i, mm);
}

/** `pages` frames from `pfn` on are nobody's any more. */
export function releaseFrames(frames: Frames, pfn: number, pages: number): void {
  const { single, singles, huge } = frames;
  if (pages === 1) deletePage(single, singles, pfn);
  else {
    const end = pfn + pages;
    for (let at = nextPage(singles, pfn, end); at < end; at = nextPage(singles, at + 1, end))
      deletePage(single, singles, at);
  }
  if (huge.size === 0) return;
  for (let i = 0; i < pages; ) {
    const run = Math.floor((pfn + i) / RUN);
    const inRun = Math.min((run + 1) * RUN - (pfn + i), pages - i);
    const there = huge.get(run);
    if (there && inRun === RUN) dropRun(frames, run, there);
    else if (there) for (let k = 0; k < inRun && there.left > 0; k++) leave(frames, pfn + i + k, run, there);
    i += inRun;
  }
}

function leave(frames: Frames, pfn: number, run: number, huge: HugeFrame): void {
  if (isMarked(frames.gone, pfn)) return;
  markPage(frames.gone, pfn);
  if (--huge.left === 0) dropRun(frames, run, huge);
}

function dropRun(frames: Frames, run: number, huge: HugeFrame): void {
  if (huge.left < RUN) unmarkBlock(frames.gone, run);
  frames.huge.delete(run);
}
