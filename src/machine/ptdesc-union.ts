import type { Kernel, Table } from './kernel.js';
import type { Way } from './thread.js';

/**
 * The union in struct ptdesc (include/linux/mm_types.h): `pt_rcu_head` lies over `pt_list`, by which PGDs hang together,
 * and over `pmd_huge_pte`, by which a PMD table keeps deposited PTE tables. Value of `un_N`.
 */
export const UNION = { free: 0, deposit: 1, list: 2, head: 3, headOverList: 4 } as const;

/** call_rcu() on the head inside the table writes the union. */
export function writesHead(kernel: Kernel, table: Table, way: Way): Way[] {
  const un = `un_${table.id}`;
  const { model } = kernel;
  if (!model.has(un)) return [way];
  const lost = model.wrong(
    'union',
    `call_rcu() writes its head over the pointer to the table deposited on ${table.name}`,
  );
  return [
    { ...way, when: `${un} == ${UNION.free}`, set: [...(way.set ?? []), `${un} = ${UNION.head}`] },
    {
      ...way,
      text: `${way.text}: the head is written over pt_list`,
      when: `${un} == ${UNION.list}`,
      set: [...(way.set ?? []), `${un} = ${UNION.headOverList}`],
    },
    {
      ...way,
      text: `${way.text}: the head is written over pmd_huge_pte`,
      when: `${un} == ${UNION.deposit}`,
      set: [`bad = ${lost}`],
    },
  ];
}
