/** Of several recordings: the best verdict on each promised invariant, unless one is violated. */
export class Best {
  static ORDER = ['unknown', 'not-applicable', 'pass', 'violated'];

  /** `print`: takes the lines of `say`. */
  constructor(plan, print) {
    this.print = print;
    this.of = new Map(plan.map((id) => [id, 'unknown']));
  }

  take(verdicts) {
    for (const [id, verdict] of verdicts) {
      if (Best.ORDER.indexOf(verdict) > Best.ORDER.indexOf(this.of.get(id))) this.of.set(id, verdict);
    }
  }

  say(what) {
    const ids = (verdict) => [...this.of].filter(([, v]) => v === verdict).map(([id]) => id);
    this.print(`${what}: ${ids('pass').length} of ${this.of.size} promised invariants pass somewhere`);
    this.print(`     nothing of the kind in any: ${ids('not-applicable').join(' ')}`);
    this.print(`     nowhere: ${ids('unknown').join(' ')}`);
  }
}
