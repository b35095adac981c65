/**
 * Names a way that is chosen by who knows more than the machine does: a workload, a recording. A search tries all of
 * them, so it needs no names.
 */
export type Cue =
  /** There is another data page to unmap, or none. */
  | 'page'
  | 'no-page'
  /** There is another table to unlink, or none. */
  | 'table'
  | 'no-table'
  /** A batch has a page, or one could be had for it; or none could be had. */
  | 'batch-page'
  | 'no-batch-page'
  /** What was filled has room left, or is full. */
  | 'room'
  | 'full'
  /** The entry that was cleared is a top-level one, or lies below. */
  | 'top'
  | 'below'
  /** A rule that is broken now and then is kept this time, or is not. */
  | 'kept'
  | 'broken';
