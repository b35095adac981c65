import { VARIANTS } from '../kernel/variants.js';

/** A word of the reports and what it means; `key` as it is printed. */
export interface Term {
  readonly key: string;
  readonly means: string;
}

export interface TermGroup {
  readonly heading: string;
  readonly terms: readonly Term[];
}

/** Severities of rules, the worst first. */
export const SEVERITY_TERMS: readonly Term[] = [
  { key: 'S1', means: 'memory is corrupted or read by the wrong owner' },
  { key: 'S2', means: 'stale data, a security window' },
  { key: 'S3', means: 'a deviation, a leak or a delay' },
  { key: 'S4', means: 'about the quality of the recording' },
];

/** What a reader meets in reports and in the statements of rules, explained once. */
export const TERMS: readonly TermGroup[] = [
  {
    heading: 'Verdicts',
    terms: [
      { key: 'pass, held', means: 'each time the rule applied it was kept, as far as the recording shows' },
      { key: 'violated', means: 'the recording shows an order that the kernel must not have' },
      {
        key: 'unknown, not decided',
        means: 'a probe is missing, events were lost, or clocks differ too much: neither kept nor broken',
      },
      {
        key: 'nothing to check',
        means: 'what the rule is about did not happen, or this kernel has no such path',
      },
      { key: 'instance', means: 'one time that a rule applied: a table freed, a flush, a system call' },
      {
        key: 'censored',
        means: 'begun before the recording or not over at its end; no opportunity, and in no number',
      },
    ],
  },
  {
    heading: 'How it is known',
    terms: [
      { key: 'observed', means: 'the events stand in the recording and their order is certain' },
      { key: 'inferred', means: 'a step follows from others that are there' },
      {
        key: 'inferred (absence)',
        means:
          'an event is missing although its probe fired before and after on that CPU, and nothing was lost',
      },
      { key: 'assumed', means: 'rests on a rule of the kernel that the recording does not show' },
      {
        key: 'order-dependent',
        means: 'events of two CPUs carry equal stamps; their order in the file decides',
      },
      { key: 'would flip', means: 'the verdict turns if the clocks of these CPUs differ by more than that' },
    ],
  },
  { heading: 'Severity', terms: SEVERITY_TERMS },
  {
    heading: 'Events, as rules write them',
    terms: [
      { key: 'PUB', means: 'a table is installed: its parent points to it (pmd_install)' },
      { key: 'UL', means: 'a table is unlinked: the entry in its parent is cleared' },
      { key: 'TR', means: 'a table is handed over to its gather (pte_free_tlb, tlb_remove_table)' },
      { key: 'GB, GE', means: 'a gather begins, ends (tlb_gather_mmu, tlb_finish_mmu)' },
      { key: 'FR, FD', means: 'a flush of a range begins, has returned (flush_tlb_mm_range)' },
      { key: 'INV(c)', means: 'CPU c drops translations (flush_tlb_func)' },
      {
        key: 'IPI',
        means: 'an interrupt from one CPU to another; IS sent, IE and IX its handler begins and ends',
      },
      {
        key: 'SYNC1',
        means:
          'an IPI to all CPUs, waited for: no one walks with interrupts off any more (tlb_remove_table_sync_one)',
      },
      { key: 'CR, CB', means: 'queued to RCU (call_rcu), and its callback runs' },
      { key: 'GP', means: 'a grace period: every reader that had begun is over' },
      { key: 'QS', means: 'a quiescent state: this CPU holds no reader' },
      { key: 'RB, RE', means: 'a reader section begins, ends; DR: it looks into a table' },
      { key: 'FREE', means: 'the page is freed: it may be anybody’s from here on' },
    ],
  },
  {
    heading: 'Latencies',
    terms: [
      {
        key: '[256K, 512K)',
        means: 'a row of a histogram: from 256 x 1024 ns up to, not including, 512 x 1024 ns',
      },
      {
        key: 'p50, p99',
        means: 'half, 99 of 100 values are at most that; told where a value lies beyond it',
      },
      {
        key: 'density rows',
        means:
          'the part of all calls in each row of a comparison; rows may differ in width, so compare a row with the same row of the other side, not with its neighbour',
      },
      {
        key: '|.:=#|',
        means:
          'a histogram in little: one mark a row between its two ends, the fullest row highest, or darkest in ASCII',
      },
      { key: '[2.1, 2.6]', means: 'a 95 % interval: what the true value may be, given this spread' },
    ],
  },
  {
    heading: 'Kernel variants (pttrace explain C)',
    terms: VARIANTS.map((v) => ({ key: v.id, means: `${v.title}; ${v.kernels}` })),
  },
];

/** The group that explains a word, with that word alone; undefined: none does. */
export function termNamed(word: string): { heading: string; term: Term } | undefined {
  const wanted = word.toLowerCase();
  for (const group of TERMS) {
    const term = group.terms.find(
      (t) => t.key.toLowerCase() === wanted || t.key.toLowerCase().split(', ').includes(wanted),
    );
    if (term) return { heading: group.heading, term };
  }
  return undefined;
}
