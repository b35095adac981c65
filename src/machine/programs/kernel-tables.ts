import type { ProgramKind } from '../program.js';
import { program } from './program-text.js';

/** Tables of the kernel itself, and its mappings. */
export const KERNEL_TABLES: readonly ProgramKind[] = [
  program(
    'vmap-huge',
    'a kernel table goes because a huge vmap takes its place; every CPU has the kernel’s tables, here in mm A',
    'mm/vmalloc.c vmap_try_huge_pmd(), arch/x86/mm/pgtable.c pmd_free_pte_page(); 5e0fb5df2ee8',
    [
      {
        name: 'vmap',
        steps: [
          'lock init_mm unless vmap-without-lock',
          'unlink T0',
          'flush-tables unless vmap-without-flush',
          'free T0',
          'unlock init_mm unless vmap-without-lock',
        ],
      },
    ],
  ),
  program(
    'kernel-table-sva',
    'a kernel table goes that a device shares (SVA)',
    'drivers/iommu/iommu-sva.c iommu_sva_invalidate_kva_range(); e37d5a2d60a3',
    [
      {
        name: 'pagetable_free_kernel',
        steps: [
          'lock init_mm',
          'unlink T0',
          'flush-tables',
          'iommu-flush unless iommu-not-told',
          'free T0',
          'unlock init_mm',
        ],
      },
    ],
    { device: true },
  ),
  program('hot-remove', 'memory hot-remove frees kernel tables', 'arch/x86/mm/init_64.c remove_pagetable()', [
    {
      name: 'hot-remove',
      steps: ['lock mem_hotplug', 'unlink T0', 'flush-tables', 'free T0', 'unlock mem_hotplug'],
    },
  ]),
  program(
    'vfree',
    'a page of the kernel’s mappings goes',
    'mm/vmalloc.c vfree(), arch/x86/mm/tlb.c flush_tlb_kernel_range()',
    [
      {
        name: 'vfree',
        steps: [
          'zap T0',
          'flush T0 unless invlpg-leaves-global',
          'flush-skipped T0 only invlpg-leaves-global',
          'free-page T0',
        ],
      },
    ],
    { pages: true },
  ),
];
