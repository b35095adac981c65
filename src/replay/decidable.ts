import type { Coverage } from './coverage.js';
import { CATALOGUE } from './rules/catalogue.js';
import { missingNeeds } from './rules/rule.js';

/** Can a recording decide this rule at all? */
export interface Decidable {
  readonly id: string;
  readonly name: string;
  /** `yes`: every probe it needs fires here. */
  readonly can: 'yes' | 'no';
  readonly missing: readonly string[];
}

/** One entry per rule of the catalogue, in its order. */
export function decidable(coverage: Coverage): Decidable[] {
  return CATALOGUE.map((rule) => {
    const missing = missingNeeds(rule, (op) => coverage.total(op) > 0).map((n) => n.probe);
    return { id: rule.id, name: rule.name, can: missing.length === 0 ? 'yes' : 'no', missing };
  });
}
