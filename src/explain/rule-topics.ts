/** What rules are about, as a reader of a report thinks of it. */
export interface RuleTopic {
  /** `readers`: stands in "readers were not recorded". */
  readonly noun: string;
  readonly rules: readonly string[];
}

/** Every rule of the catalogue is in one of them (tested), the most asked-for first. */
export const RULE_TOPICS: readonly RuleTopic[] = [
  {
    noun: 'frees of page tables',
    rules: ['I01', 'I02', 'I03', 'I04', 'I06', 'I07', 'I08', 'I09', 'I10', 'I11', 'I12', 'I14'],
  },
  { noun: 'readers', rules: ['I05', 'I37', 'I40'] },
  {
    noun: 'TLB flushes',
    rules: ['I23', 'I24', 'I25', 'I26', 'I27', 'I29', 'I30', 'I31', 'I32', 'I33', 'I34'],
  },
  { noun: 'callbacks', rules: ['I36', 'I38', 'I39', 'I42', 'I43', 'I44', 'I45'] },
  { noun: 'grace periods', rules: ['I41', 'I46', 'I47'] },
  { noun: 'locks', rules: ['I16', 'I18', 'I19', 'I20', 'I28'] },
  { noun: 'huge and shared tables', rules: ['I13', 'I15', 'I17', 'I21', 'I22', 'I35'] },
  {
    noun: 'the recording itself',
    rules: ['I48', 'I49', 'I50', 'I51', 'I52', 'I53', 'I54', 'I55', 'I56'],
  },
];

const OTHER = 'other rules';
const NOUN_OF = new Map(RULE_TOPICS.flatMap((t) => t.rules.map((id) => [id, t.noun] as const)));

/** The topic of a rule, in words. */
export const topicOf = (id: string): string => NOUN_OF.get(id) ?? OTHER;

/** The ids by topic, in the order of the topics. */
export function byTopic(ids: readonly string[]): { readonly noun: string; readonly ids: string[] }[] {
  return [...RULE_TOPICS.map((t) => t.noun), OTHER]
    .map((noun) => ({ noun, ids: ids.filter((id) => topicOf(id) === noun) }))
    .filter((topic) => topic.ids.length > 0);
}
