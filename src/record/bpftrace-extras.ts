import type { Level } from './levels.js';

/**
 * What bpftrace can read and a fetch argument cannot: many words, and addresses that have to be computed. Fields are added
 * to the line of a probe, or make one of their own.
 */
export interface BpftraceExtra {
  readonly level: Level;
  /** Probe of the plan that it belongs to. */
  readonly event: string;
  /** It reads when that function returns. */
  readonly ret: boolean;
  /** Variables of the kernel whose addresses it asks for (/proc/kallsyms). */
  readonly variables: readonly string[];
  /** Statements before the line is printed; `{struct.member}` stands for an offset from the kernel's BTF. */
  readonly statements: readonly string[];
  /** Name, printf format, value. */
  readonly fields: readonly (readonly [name: string, format: string, value: string])[];
}

/** A variable of the kernel that holds a number. */
const variable = (name: string): string => `*(uint64 *)kaddr("${name}")`;
/** All but the accessed and the dirty bit, which an empty entry may have (arch/x86 pte_none()), and bit 63. */
const NOT_NONE = '0x7fffffffffffff9f';
/** struct page of a table → where it lies in the direct map. */
const TABLE_OF = (page: string): string =>
  `${variable('page_offset_base')} + (${page} - ${variable('vmemmap_base')}) / 64 * 4096`;
/** x86 keeps the address space that a CPU has loaded, and what it has caught up with, in the per-CPU `cpu_tlbstate`. */
const TLB_STATE = `kaddr("cpu_tlbstate") + *(uint64 *)(kaddr("__per_cpu_offset") + cpu * 8)`;
const SLOT = '$t + {tlb_state.ctxs} + $asid * 16';

export const BPFTRACE_EXTRAS: readonly BpftraceExtra[] = [
  {
    // All 512 entries of a PTE table that is handed over, joined by OR: a sum would be a state of its own for the verifier
    // with each entry.
    level: 'readers',
    event: 'pte_free_tlb',
    ret: false,
    variables: ['page_offset_base', 'vmemmap_base'],
    statements: [
      `$table = ${TABLE_OF('arg1')};`,
      '$entries = (uint64)0; $i = 0;',
      'while ($i < 512) { $entries = $entries | *(uint64 *)($table + $i * 8); $i = $i + 1; }',
    ],
    fields: [['set', '%d', `($entries & ${NOT_NONE}) != 0`]],
  },
  {
    // struct tlb_context { u64 ctx_id; u64 tlb_gen; } of the slot that is loaded now.
    level: 'readers',
    event: 'switch_mm',
    ret: true,
    variables: ['cpu_tlbstate', '__per_cpu_offset'],
    statements: [`$t = ${TLB_STATE};`, '$asid = (uint64)*(uint16 *)($t + {tlb_state.loaded_mm_asid});'],
    fields: [
      ['asid', '%lu', '$asid'],
      // Beyond the slots stand the global ASIDs of INVLPGB, which have none.
      ['ctx', '%lu', `$asid < 6 ? *(uint64 *)(${SLOT}) : 0`],
      ['gen', '%lu', `$asid < 6 ? *(uint64 *)(${SLOT} + 8) : 0`],
    ],
  },
];
