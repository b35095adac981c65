import { OP } from '../kernel/ops.js';
import { all } from './command.js';
import type { Emitter } from './emitter.js';
import { type Kernel, type Link, MM_NAMES, pageName } from './kernel.js';

/**
 * The page walker of a CPU: it may cache, at any time, any way that is there, by speculation too, and use what it has
 * cached whenever the mm is in CR3, lazy or not (SDM vol. 3A §4.10.2 – §4.10.4; AMD APM vol. 2 §5.5). What it caches
 * stays until something invalidates it: evictions only take ways away.
 */
export function hardware(kernel: Kernel, cpu: number): void {
  const { model } = kernel;
  // All caches first: an invalidation names every one of them.
  for (const link of kernel.links) {
    model.variable(`pw_${link.id}_${cpu}`, 0, cpu);
    if (kernel.tables[link.table]!.page) model.variable(`tl_${link.id}_${cpu}`, 0, cpu);
  }
  const actor = `walker ${cpu}`;
  for (const link of kernel.links) {
    const table = kernel.tables[link.table]!;
    const [pw, tl] = [`pw_${link.id}_${cpu}`, `tl_${link.id}_${cpu}`];
    const here = all(`mm_${cpu} == ${link.mm}`, model.has(`out_${cpu}`) && `out_${cpu} == 0`);
    const walks = (e: Emitter): void => walk(e, kernel, cpu, link);
    model.command({
      actor,
      cpu,
      at: -1,
      guard: all(here, `ent_${link.id} == 1`, `${pw} == 0`),
      set: [`${pw} = 1`],
      text: `the page walker caches the way to ${table.name}`,
      ops: walks,
    });
    const use = { actor, cpu, at: -1, guard: all(here, `${pw} == 1`), ops: walks };
    kernel.useOfFreed(link, use, 'walk', 'the page walker follows its cached entry to');
    if (!table.page) continue;
    model.command({
      actor,
      cpu,
      at: -1,
      guard: all(here, `(ent_${link.id} == 1 || ${pw} == 1)`, `leaf_${table.id} == 1`, `${tl} == 0`),
      set: [`${tl} = 1`],
      text: `the TLB caches the translation to ${pageName(table)}`,
      ops: walks,
    });
    model.command({
      actor,
      cpu,
      at: -1,
      guard: all(here, `${tl} == 1`, `pfree_${table.id} == 1`),
      set: [
        `bad = ${model.wrong('translation', `a stale translation to ${pageName(table)} is used after it was freed`)}`,
      ],
      text: `an access uses the stale translation to ${pageName(table)}, which is free`,
      ops: walks,
    });
  }
}

function walk(e: Emitter, kernel: Kernel, cpu: number, link: Link): void {
  e.emit(OP.HW, cpu, [e.names.mm(MM_NAMES[link.mm]!), e.names.va(kernel.va(link)), Number.NaN, Number.NaN]);
}
