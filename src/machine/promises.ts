import { OP } from '../kernel/ops.js';
import { all } from './command.js';
import { type Kernel, type Mark, MM_NAMES, pageName } from './kernel.js';

/** What is wrong with a translation that is still cached although the entry is marked so. */
const WRONG: Readonly<Record<Mark, (page: string, entry: string) => string>> = {
  gone: (page, entry) => `the translation to ${page} by ${entry} is used after the call has returned`,
  huge: (page, entry) => `the translation to ${page} by ${entry} is cached beside that of a huge page`,
};

/** Uses of translations that memory no longer holds. After the threads, which say what entries are marked. */
export function promises(kernel: Kernel): void {
  const { model } = kernel;
  for (const { kind, link } of kernel.marks) {
    const table = kernel.tables[link.table]!;
    const text = WRONG[kind](pageName(table), link.name);
    const bad = model.wrong(kind === 'gone' ? 'promise' : 'mixed', text);
    for (const cpu of kernel.cpuIds) {
      const tl = `tl_${link.id}_${cpu}`;
      if (!model.has(tl)) continue;
      model.command({
        actor: `walker ${cpu}`,
        cpu,
        at: -1,
        guard: all(
          `mm_${cpu} == ${link.mm}`,
          model.has(`out_${cpu}`) && `out_${cpu} == 0`,
          `${kind}_${link.id} == 1`,
          `${tl} == 1`,
        ),
        set: [`bad = ${bad}`],
        text,
        ops: (e) =>
          e.emit(OP.HW, cpu, [e.names.mm(MM_NAMES[link.mm]!), e.names.va(link.va), Number.NaN, Number.NaN]),
      });
    }
  }
}
