import { type EventTable, LAST_RESERVED } from '../timeline/events.js';
import { ROLE, roleOf, type SpanSource } from './span-source.js';

/** What rows of an event are to a `SpanSource`, worked out once per distinct head. */
export class RowRoles {
  /**
   * Names of events that would be a begin or an end, but are not used. Only one way of seeing an event counts: a call may be
   * probed twice, or traced raw and by name.
   */
  readonly ignored = new Set<string>();
  private readonly source: SpanSource;
  private readonly events: EventTable;
  private roles = new Uint8Array(64);
  private beginName = '';
  private endName = '';

  constructor(source: SpanSource, events: EventTable) {
    this.source = source;
    this.events = events;
  }

  /** A `ROLE`. */
  of(event: number): number {
    const role = event < this.roles.length ? this.roles[event]! : ROLE.unread;
    return role === ROLE.unread ? this.read(event) : role;
  }

  private read(event: number): number {
    const head = this.events.head(event);
    let role: number = event <= LAST_RESERVED ? ROLE.none : roleOf(this.source, head);
    if (this.source.kind !== 'events' && this.source.kind !== 'rcu') role = this.onlyOneWay(role, head);
    if (event >= this.roles.length) {
      const bigger = new Uint8Array(Math.max(event + 1, this.roles.length * 2));
      bigger.set(this.roles);
      this.roles = bigger;
    }
    this.roles[event] = role;
    return role;
  }

  private onlyOneWay(role: number, head: { kind: string; name: string }): number {
    if (role === ROLE.none || this.source.kind === 'span') return role;
    const name = `${head.kind} ${head.name}`;
    if (role === ROLE.begin || role === ROLE.rawBegin) {
      if (this.beginName === '') this.beginName = name;
      if (this.beginName === name) return role;
    } else {
      if (this.endName === '') this.endName = name;
      if (this.endName === name) return role;
    }
    this.ignored.add(head.name);
    return ROLE.none;
  }
}
