/** Last address a flush may cover (`TLB_FLUSH_ALL`), as its low 53 bits. */
export const FLUSH_ALL = 2 ** 53 - 1;
/** `enum tlb_flush_reason`, include/linux/mm_types.h. */
export const REASON = { taskSwitch: 0, remote: 1, local: 3 } as const;
