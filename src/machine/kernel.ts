import { OP } from '../kernel/ops.js';
import { all } from './command.js';
import type { Model } from './model.js';

/** How a flush reaches the other CPUs (arch/x86/mm/tlb.c flush_tlb_mm_range(), pv_ops.mmu.flush_tlb_multi). */
export type FlushBy = 'ipi' | 'kvm' | 'hypercall' | 'invlpgb';

/** What kind of kernel and machine it is. */
export interface Setting {
  readonly flush: FlushBy;
  /** Names of `MMU_RULES` that are switched off. */
  readonly broken: ReadonlySet<string>;
  /** Those of `MMU_RULES` that are switched off now and then: the driver chooses. */
  readonly sometimes?: ReadonlySet<string>;
  /** PREEMPT_RCU: a reader may be switched out inside its section (once each). */
  readonly preempt: boolean;
  /** ≥ 7.3: callbacks advance on expedited grace periods too. */
  readonly expedited: boolean;
}

/** The entry of an mm that points to a table: what a walker reads and what hardware caches. */
export interface Link {
  readonly id: number;
  /** 1 … */
  readonly mm: number;
  readonly table: number;
  /** Name of its address. */
  readonly va: string;
  /** What people call the entry: its table, where that has no other. */
  readonly name: string;
}

/** What a flush takes out of the caches; `nothing`: those that are asked answer and invalidate nothing. */
export type Empties = 'all' | 'translations' | 'nothing';

/** What a flush is about: a whole mm, or what was cached of one entry. */
export interface Extent {
  readonly mm: number;
  readonly only: Link | null;
  readonly empties: Empties;
}

/** Pages that matter: tables, and one data page under each where pages are modelled. */
export interface Table {
  readonly id: number;
  readonly name: string;
  readonly level: number;
  /** 0 PTE entry unused, 1 it maps the data page of the table. */
  readonly page: boolean;
}

/** `gone`: a call has returned with that promise; `huge`: a huge page is mapped there. */
export type Mark = 'gone' | 'huge';

export const MM_NAMES = ['init_mm', 'A', 'B', 'C'] as const;
/** How a table left its users: value of `freed_N`. */
export const FREED = { no: 0, directly: 1, byCallback: 2, reused: 3 } as const;
const HOW = ['', 'freed directly', 'freed by its RCU callback', 'used for something else'] as const;

/** What all parts of the machine share: the model, the page tables and who has which mm. */
export class Kernel {
  readonly model: Model;
  readonly setting: Setting;
  readonly tables: Table[] = [];
  readonly links: Link[] = [];
  /** Rules that some program asked for: one that nobody asked for changes nothing. */
  readonly asked = new Set<string>();
  /** What flushes of this machine are about; their requests are numbered so. */
  readonly extents: Extent[] = [];
  /** Entries of which no translation may be cached any more once they are marked. */
  readonly marks: { readonly kind: Mark; readonly link: Link }[] = [];
  /** Several threads free tables: none may take for granted that an entry is still set. */
  rivals = false;

  constructor(model: Model, setting: Setting) {
    this.model = model;
    this.setting = setting;
  }

  /** The rule is switched off. */
  broken(rule: string): boolean {
    this.asked.add(rule);
    return this.setting.broken.has(rule);
  }

  /** The rule is switched off now and then. */
  sometimes(rule: string): boolean {
    return this.setting.sometimes?.has(rule) === true;
  }

  get cpuIds(): number[] {
    return Array.from({ length: this.model.cpus }, (_, cpu) => cpu);
  }

  others(cpu: number): number[] {
    return this.cpuIds.filter((other) => other !== cpu);
  }

  table(name: string, level = 1, page = false): Table {
    const table = { id: this.tables.length, name, level, page };
    this.tables.push(table);
    this.model.variable(`freed_${table.id}`);
    if (page) this.model.variable(`pfree_${table.id}`);
    return table;
  }

  /** `set`: from the start. */
  link(mm: number, table: Table, { va = `v${table.id}`, name = table.name, set = true } = {}): Link {
    const link = { id: this.links.length, mm, table: table.id, va, name };
    this.links.push(link);
    this.model.variable(`ent_${link.id}`, set ? 1 : 0);
    if (table.page) this.model.variable(`leaf_${table.id}`, 1);
    if (!set) return link;
    this.model.onSetup((e) => {
      const { names } = e;
      e.emit(OP.LINK, 0, [
        names.mm(MM_NAMES[mm]!),
        names.va(this.va(link)),
        names.page(table.name),
        table.level,
      ]);
      if (table.page)
        e.emit(OP.SETE, 0, [names.page(table.name), names.va(this.va(link)), names.page(pageName(table))]);
    });
    return link;
  }

  va(link: Link): string {
    return link.va;
  }

  name(link: Link): string {
    return this.tables[link.table]!.name;
  }

  /** Variable that marks an entry. */
  mark(kind: Mark, link: Link): string {
    const name = `${kind}_${link.id}`;
    if (!this.model.has(name)) this.marks.push({ kind, link });
    return this.model.variable(name);
  }

  /** mm that the CPU has in CR3: 0 = init_mm. It is in mm_cpumask of that mm. */
  loads(cpu: number, mm: number, lazy = false): void {
    const { model } = this;
    model.variable(`mm_${cpu}`, 0, cpu);
    model.variable(`lazy_${cpu}`, 0, cpu);
    model.variable(`irq_${cpu}`, 0, cpu);
    model.starts(`mm_${cpu}`, mm);
    model.starts(`lazy_${cpu}`, lazy ? 1 : 0);
    for (let m = 1; m < MM_NAMES.length; m++) {
      model.variable(`mask_${m}_${cpu}`, m === mm ? 1 : 0, cpu);
      model.variable(`stale_${m}_${cpu}`, 0, cpu);
    }
    if (mm > 0) {
      model.onSetup((e) => {
        e.emit(OP.CR3, cpu, [e.names.mm(MM_NAMES[mm]!)]);
        if (lazy) e.emit(OP.LZ, cpu, [e.names.mm(MM_NAMES[mm]!), 1]);
      });
    }
  }

  /** Assignments that empty what the CPU cached of an mm, or of one entry only; `leaf`: translations, not the ways. */
  emptied(cpu: number, mm: number, only: Link | null = null, leaf = false): string[] {
    const out: string[] = [];
    for (const link of this.links) {
      if (link.mm !== mm || (only && link.id !== only.id)) continue;
      if (!leaf && this.model.has(`pw_${link.id}_${cpu}`)) out.push(`pw_${link.id}_${cpu} = 0`);
      if (this.model.has(`tl_${link.id}_${cpu}`)) out.push(`tl_${link.id}_${cpu} = 0`);
    }
    if (!only && !leaf && this.model.has(`stale_${mm}_${cpu}`)) out.push(`stale_${mm}_${cpu} = 0`);
    return out;
  }

  /** Commands that end in an unsafe state, one for each way a table may be gone. */
  useOfFreed(
    link: Link,
    step: Omit<Parameters<Model['command']>[0], 'set' | 'text'>,
    kind: string,
    who: string,
  ): void {
    const table = this.tables[link.table]!;
    for (const how of [FREED.directly, FREED.byCallback, FREED.reused]) {
      const bad = this.model.wrong(kind, `${who} ${table.name}, which was ${HOW[how]}`);
      this.model.command({
        ...step,
        guard: all(step.guard, `freed_${table.id} == ${how}`),
        set: [`bad = ${bad}`],
        text: `${who} ${table.name}, which was ${HOW[how]}`,
      });
    }
  }
}

export const pageName = (table: Table): string => `${table.name}'s page`;
