import { written } from './command.js';

/** What an assignment assigns. */
export const assigned = (assignment: string): string => assignment.slice(written(assignment).length + 3);

/** The parts of a guard that must all hold; what stands in parentheses is one part. */
export function conjuncts(guard: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < guard.length; i++) {
    if (guard[i] === '(') depth++;
    else if (guard[i] === ')') depth--;
    else if (depth === 0 && guard.startsWith(' && ', i)) {
      parts.push(guard.slice(from, i));
      from = i + 4;
    }
  }
  return [...parts, guard.slice(from)];
}
