import { namesIn, rewrite } from '../machine/command.js';
import type { Machine } from '../machine/model.js';

/** Words of Promela that a variable may not be called. */
const RESERVED = new Set([
  'run',
  'len',
  'empty',
  'full',
  'timeout',
  'skip',
  'byte',
  'bit',
  'bool',
  'int',
  'init',
]);

/**
 * The same machine for an independent model checker (spin, spinroot.com): one process that takes any enabled step,
 * each step indivisible. Compiled with -DNOREDUCE, `pan` stores the states that `pttrace explore --no-symmetry` keeps.
 *
 *     spin -a FILE && cc -O2 -DNOREDUCE -DSAFETY -o pan pan.c && ./pan -m1000000 -E
 *
 * With `-DCHECK` to spin it is an error that a state is unsafe.
 */
export function toPromela(machine: Machine): string {
  const name = (word: string): string => (/^\d/.test(word) ? word : RESERVED.has(word) ? `${word}_` : word);
  const text = (expression: string): string =>
    rewrite(expression, name).replaceAll(' ? ', ' -> ').replaceAll('  ', ' ');
  const out = [
    `/* ${machine.title.replaceAll('*/', '* /')}`,
    ' * Made by pttrace explore --promela. Who does what on which CPU:',
    ...machine.roles.map((role, cpu) => ` *   CPU ${cpu}: ${role}`),
    ' */',
    ...machine.variables.map((v) => `byte ${name(v.name)} = ${v.init};`),
    '',
    'active proctype machine()',
    '{',
    'end:',
    '  do',
  ];
  for (const c of machine.commands) {
    namesIn(c.guard);
    out.push(`  /* ${c.actor}: ${c.text.replaceAll('*/', '* /')} */`);
    const guard = c.guard === '1' ? 'bad == 0' : `bad == 0 && ${text(c.guard)}`;
    out.push(`  :: d_step { (${guard}) -> ${c.set.map(text).join('; ') || 'skip'} }`);
  }
  out.push('#ifdef CHECK', '  :: d_step { (bad != 0) -> assert(0) }', '#endif', '  od', '}', '');
  return out.join('\n');
}
