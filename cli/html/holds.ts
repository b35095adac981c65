/** Colour and words of what a CPU may still hold, by the words it is told in: the first that fits. */
const HOLDS = [
  { words: /walk cache|may hold/i, colour: 'walk-cache', name: 'walk cache' },
  { words: /TLB|translation|cache/i, colour: 'hold', name: 'TLB' },
  { words: /walk|reader|rcu_read_lock|in RCU/i, colour: 'reader', name: 'reader' },
  { words: /irq|interrupt/i, colour: 'ipi', name: 'interrupts off' },
  { words: /quiescent|owes a QS|holds up/i, colour: 'grace', name: 'owes a quiescent state' },
  { words: /lazy|away/i, colour: 'soft', name: 'lazy, or a vCPU that is away' },
] as const;
const OTHER = { colour: 'grace', name: 'something else' } as const;

export interface Hold {
  readonly colour: string;
  readonly name: string;
}

/** How what is held is drawn. */
export const holdOf = (held: string): Hold => HOLDS.find(({ words }) => words.test(held)) ?? OTHER;
