/**
 * Where a damage may stay undecided: the cells (kind of damage, recording) in which the reports say unknown instead
 * of violated, by the reason they give, and why no more can be known there. A damage that is neither found nor in
 * this table is missed, and one that reads pass is a wrong answer.
 */
export interface Undecided {
  /** The reason as reported for the expected id. */
  readonly reason: RegExp;
  /** Recordings (or kernels) in which it may be given; null: any of them, the place decides. */
  readonly recordings: readonly string[] | null;
  readonly why: string;
}

const EDGE =
  'absence is evidence only between two firings of the probe on that CPU: this place is before the first or after the last';

const edge = (probe: string): Undecided => ({
  reason: new RegExp(
    `^absence of ${probe} is not proven: (it was not seen to fire on this CPU before|the trace ends before its probe fired again)$`,
  ),
  recordings: null,
  why: EDGE,
});

const CLOCK: Undecided = {
  reason: /^the events that decide it lie within the clock error of each other$/,
  recordings: [
    'debian-6.16.12/pt-reclaim-gup',
    'debian-6.16.12/ftrace-kprobes-nohash',
    'debian-6.16.12/mt-munmap',
    '6.12.117-lab-semi/ftrace-kprobes-nohash',
  ],
  why: 'the spliced lines take the stamp of a line of another CPU, and no or skewed IPIs say how well these clocks agree',
};

const NESTED: Undecided = {
  reason: /^a gather is not seen to end: those that follow it may be nested in it$/,
  recordings: ['debian-6.16.12/mt-munmap'],
  why: 'execve() begins its next gathers further down the stack, and neither a return to user space nor the exit shows',
};

const OTHER_READERS: Undecided = {
  reason: /^absence of readers is not proven: /,
  recordings: null,
  why: 'the one reader that is spliced in shows a probe that fires nowhere else: of other callbacks it proves nothing',
};

const FEW_BROADCASTS: Undecided = {
  reason: CLOCK.reason,
  recordings: null,
  why: 'the answer is late by less than an IPI takes, and the piece has too few broadcasts answered in time to call the clocks good',
};

const FLUSH = edge('the flush_tlb_mm_range probes \\(entry and return\\)');
const CALL_RCU = edge('the call_rcu probe');

export const UNDECIDED: Readonly<Record<string, readonly Undecided[]>> = {
  'enqueue-before-flush': [FLUSH],
  'enqueue-inside-flush': [FLUSH],
  'flush-dropped': [
    FLUSH,
    {
      reason: /^a page freed without a flush is not known to be a frame of this mm$/,
      recordings: ['6.12.117-lab-n'],
      why: 'kmem:mm_page_alloc, which tells user frames, was not recorded for these pages',
    },
  ],
  'table-freed-before-flush': [FLUSH],
  'enqueue-doubled': [
    {
      reason: /^whether the callback ran in between is not shown: needs kmem:mm_page_free$/,
      recordings: null,
      why: 'the place is before the first mm_page_free of the recording: nothing shows yet that it is recorded',
    },
  ],
  'enqueue-dropped': [CALL_RCU],
  'callback-doubled': [CALL_RCU],
  'callback-dropped': [
    {
      reason: /^its callback is not shown \(probe missing or skipped\)$/,
      recordings: null,
      why: 'pages of its tables are released in a later life, which may as well be the release by the callback',
    },
  ],
  'table-freed-twice': [
    {
      reason:
        /^released again at once; whether it was allocated between is not shown: needs kmem:mm_page_alloc$/,
      recordings: ['6.12.117-lab-n', '6.12.117-lab-semi/slowpath', '6.12.117-lab-y/slowpath'],
      why: 'kmem:mm_page_alloc was not recorded: between the two releases the page may have been something else',
    },
    edge('kmem:mm_page_alloc'),
  ],
  'handed-over-twice': [
    {
      reason:
        /^handed over again; whether it was released between is not shown \(no kmem:mm_page_free seen so far\)$/,
      recordings: null,
      why: 'the place is before the first mm_page_free of the recording: nothing shows yet that it is recorded',
    },
  ],
  'gp-started-before-enqueue': [
    {
      reason: /^the trace ends before the grace period that would decide it$/,
      recordings: ['6.12.117-lab-semi/mt-munmap'],
      why: 'whether the callback came too early is known where the next grace period ends, and the piece ends before that',
    },
  ],
  'callback-before-gp-end': [
    {
      reason: /^grace periods are not shown yet where it was queued$/,
      recordings: null,
      why: 'the place is before the first grace period of the recording: whether one ended before that is not known',
    },
  ],
  'rcu-reader-spliced': [CLOCK, OTHER_READERS],
  'handler-exit-after-return': [FEW_BROADCASTS],
  'return-before-handler': [FEW_BROADCASTS],
  'syscall-exit-dropped': [edge('the exit event of \\w+')],
  'syscall-exit-doubled': [edge('the entry event of \\w+')],
  'gather-end-dropped': [edge('the tlb_finish_mmu probe'), NESTED],
  'gather-begin-dropped': [edge('the tlb_gather_mmu probe')],
};

/** Kinds that most of the short pieces here cannot decide; whole recordings do (docs/damage.md). */
export const SELDOM_DECIDED: readonly string[] = ['handler-exit-after-return', 'return-before-handler'];

/** Kinds that no recording here is rich enough to decide. */
export const NEVER_DECIDED: Readonly<Record<string, string>> = {};
