import { OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Kernel, MM_NAMES } from './kernel.js';
import type { Thread } from './thread.js';

/** Number of the device in a trace. */
const DEVICE = 0;

/**
 * A device that shares the page tables (SVA): it caches ways as the page walker of a CPU does, answers no interrupt, and
 * drops them only when the IOMMU is told to (drivers/iommu/iommu-sva.c).
 */
export function device(kernel: Kernel): void {
  const { model, links } = kernel;
  const cached = (id: number): string => model.variable(`dv_${id}`);
  model.variable('iommu');
  for (const link of links) {
    const table = kernel.tables[link.table]!;
    const base = {
      actor: 'device',
      cpu: -1,
      at: -1,
      ops: (e: Parameters<NonNullable<Parameters<Kernel['model']['command']>[0]['ops']>>[0]) =>
        e.emit(OP.HW, 0, [e.names.mm(MM_NAMES[link.mm]!), e.names.va(link.va), DEVICE]),
    };
    model.command({
      ...base,
      guard: all(`ent_${link.id} == 1`, `${cached(link.id)} == 0`),
      set: [`${cached(link.id)} = 1`],
      text: `the device caches the way to ${table.name}`,
    });
    const use = { ...base, guard: `${cached(link.id)} == 1` };
    kernel.useOfFreed(link, use, 'device', 'the device follows its cached entry to');
  }
  model.command({
    actor: 'iommu',
    cpu: -1,
    at: -1,
    guard: 'iommu == 1',
    set: ['iommu = 0', ...links.map((link) => `${cached(link.id)} = 0`)],
    text: 'the IOMMU has dropped what the device cached',
    ops: (e) => e.emit(OP.IOTLB, 0, [e.names.mm(MM_NAMES[1]), DEVICE]),
  });
}

/** Queues an invalidation and waits for its completion. */
export function iommuFlush(t: Thread): void {
  const iommu = t.kernel.model.variable('iommu');
  t.step({ text: 'queues an invalidation to the IOMMU', set: [`${iommu} = 1`] });
  const early = t.kernel.broken('iommu-wait-early');
  t.step({
    text: early ? 'goes on by the completion of an earlier one' : 'waits for its completion',
    when: early ? '' : `${iommu} == 0`,
  });
}
