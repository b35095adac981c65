import { OP } from '../kernel/ops.js';
import { Gather } from './gather.js';
import { MM_NAMES } from './kernel.js';
import { lockWay, unlockWay } from './locks.js';
import type { Freer, ProgramKind } from './program.js';
import { flush, syncIpi } from './shootdown.js';
import { Label, Thread } from './thread.js';

/**
 * Two processes share a hugetlb PMD table. The first gives its share back (huge_pmd_unshare()), the second, then the
 * only owner, unmaps and frees it. `links`: the entries of A and B for the same table.
 *
 * Up to 7.3.4 x86's tlb_flush() passes only freed_tables on, which an unshare does not set: a lazy CPU is not
 * interrupted (rule `unshare-skips-lazy`). The unreleased series "skip redundant sync IPIs" v10 interrupts it.
 */
function hugetlbUnshare(cpuA: number, cpuB: number, freer: Freer): void {
  const { kernel, links, path, memory, callbacks } = freer;
  const [a, b] = links;
  const shared = kernel.model.variable('shared', 1);
  const name = kernel.name(a!);
  const first = new Thread(kernel, cpuA, 'A: hugetlb unshare');
  const left = new Label();
  first.step(lockWay(first, 'i_mmap'));
  first.step(
    {
      text: `huge_pmd_unshare(): clears A's entry of ${name}`,
      when: `${shared} == 1`,
      set: [`ent_${a!.id} = 0`, `${shared} = 0`],
      ops: (e) =>
        e.emit(OP.UL, cpuA, [
          e.names.mm(MM_NAMES[a!.mm]!),
          e.names.va(kernel.va(a!)),
          e.names.page(name),
          Number.NaN,
        ]),
    },
    { text: `${name} is A's alone`, when: `${shared} == 0`, to: left },
  );
  const wholeMask = !kernel.broken('unshare-skips-lazy');
  if (!kernel.broken('unshare-without-flush')) flush(first, a!.mm, wholeMask);
  syncIpi(first);
  first.here(left);
  first.step(unlockWay(first, 'i_mmap'));
  first.end();

  const second = new Thread(kernel, cpuB, 'B: munmap');
  const gather = new Gather(second, [b!], path, memory, callbacks);
  const over = new Label();
  second.step(lockWay(second, 'i_mmap'));
  second.step(
    { text: `${name} is B's alone`, when: `${shared} == 0`, set: [] },
    { text: `${name} is still shared: B only gives its share back`, when: `${shared} == 1`, to: over },
  );
  second.step(unlockWay(second, 'i_mmap'));
  second.step(gather.unlinkWay(b!));
  gather.remove(b!);
  gather.finish();
  const end = new Label();
  second.step({ text: 'munmap returns', to: end });
  second.here(over);
  second.step({
    ...unlockWay(second, 'i_mmap'),
    set: [...(unlockWay(second, 'i_mmap').set ?? []), `ent_${b!.id} = 0`, `${shared} = 0`],
    text: "huge_pmd_unshare(): clears B's entry, drops i_mmap",
  });
  second.here(end);
  second.end();
}

export const UNSHARE = 'hugetlb-unshare';

export const UNSHARE_KIND: ProgramKind = {
  name: UNSHARE,
  what: 'a process gives its share of a hugetlb table back (CPU 0), the other frees it (CPU 1)',
  source: 'mm/hugetlb.c huge_pmd_unshare(); 8ce720d5bd91',
  level: 2,
  cpus: 2,
  mms: [1, 2],
  tables: 1,
  entries: [{ name: 'B', table: 0, mm: 2, set: true, sameAddress: true }],
  write: (cpu, freer) => hugetlbUnshare(cpu, cpu + 1, freer),
};
