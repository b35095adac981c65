/**
 * User frames and the mm of the task that allocated each (NaN unknown). A huge page is one entry until a part of it is
 * released. Plain data, as all of the state.
 */
export interface Frames {
  /** By pfn. */
  single: Map<number, number>;
  /** Runs of 512 aligned frames, by pfn / 512. No frame of one is in `single`. */
  huge: Map<number, number>;
}

const RUN = 512;
/** Frames and runs remembered at most; beyond it (a trace without frees) the oldest knowledge is dropped. */
const MAX_FRAMES = 1 << 22;

export const newFrames = (): Frames => ({ single: new Map(), huge: new Map() });

const isRuns = (pfn: number, pages: number): boolean => pages % RUN === 0 && pfn % RUN === 0;

/** The mm that a frame belongs to; undefined: not known to be a user frame. */
export const ownerOf = (frames: Frames, pfn: number): number | undefined =>
  frames.single.get(pfn) ?? frames.huge.get(Math.floor(pfn / RUN));

/** `pages` frames from `pfn` on were allocated for `mm`. */
export function holdFrames(frames: Frames, pfn: number, pages: number, mm: number): void {
  releaseFrames(frames, pfn, pages);
  if (frames.single.size + frames.huge.size >= MAX_FRAMES) {
    frames.single.clear();
    frames.huge.clear();
  }
  if (isRuns(pfn, pages)) for (let i = 0; i < pages; i += RUN) frames.huge.set((pfn + i) / RUN, mm);
  else for (let i = 0; i < pages; i++) frames.single.set(pfn + i, mm);
}

/** `pages` frames from `pfn` on are nobody's any more. */
export function releaseFrames(frames: Frames, pfn: number, pages: number): void {
  if (pages === 1 && frames.huge.size === 0) {
    frames.single.delete(pfn);
    return;
  }
  for (let at = pfn; at < pfn + pages; ) {
    const run = Math.floor(at / RUN);
    const end = Math.min((run + 1) * RUN, pfn + pages);
    const mm = frames.huge.get(run);
    if (mm !== undefined) {
      frames.huge.delete(run);
      // What is left of a huge page that was split.
      if (end - at < RUN) for (let i = run * RUN; i < (run + 1) * RUN; i++) frames.single.set(i, mm);
    }
    if (mm === undefined || end - at < RUN) for (; at < end; at++) frames.single.delete(at);
    at = end;
  }
}
