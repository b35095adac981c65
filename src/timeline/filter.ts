import { UsageError } from '../result/usage-error.js';
import type { Interner } from './interner.js';
import type { TimeBase } from './time-base.js';

/** What the user wants to hear about; hidden events still drive the machine, but are not judged. */
export interface FilterSpec {
  /** Decimal ns (ticks) on the recording's own clock, inclusive. */
  readonly sinceNs?: string | undefined;
  readonly untilNs?: string | undefined;
  readonly cpus?: readonly number[] | undefined;
  readonly pids?: readonly number[] | undefined;
  readonly comms?: readonly string[] | undefined;
  /** Hex addresses of mm_struct, with or without 0x. */
  readonly mms?: readonly string[] | undefined;
}

export class Filter {
  private readonly spec: FilterSpec;
  private readonly names: Interner;
  private readonly time: TimeBase;
  private readonly cpus: Set<number> | null;
  private readonly pids: Set<number> | null;
  private readonly comms: Set<string> | null;
  private readonly mms: Set<number> | null;
  private commShown: (boolean | undefined)[] = [];
  private since = Number.NEGATIVE_INFINITY;
  private until = Number.POSITIVE_INFINITY;
  private base: number | null = null;

  constructor(spec: FilterSpec, names: Interner, time: TimeBase) {
    this.spec = spec;
    this.names = names;
    this.time = time;
    this.cpus = setOf(spec.cpus);
    this.pids = setOf(spec.pids);
    this.comms = setOf(spec.comms);
    this.mms = spec.mms?.length ? new Set(spec.mms.map(addr53)) : null;
  }

  static isEmpty(spec: FilterSpec | undefined): boolean {
    return (
      !spec ||
      (spec.sinceNs === undefined &&
        spec.untilNs === undefined &&
        !spec.cpus?.length &&
        !spec.pids?.length &&
        !spec.comms?.length &&
        !spec.mms?.length)
    );
  }

  /** `mm` NaN: not known, then a filter by mm hides it. */
  shows(tsNs: number, cpu: number, pid: number, comm: number, mm: number): boolean {
    if (this.base !== this.time.baseSec) this.rebase();
    if (tsNs < this.since || tsNs > this.until) return false;
    if (this.cpus && !this.cpus.has(cpu)) return false;
    if (this.pids && !this.pids.has(pid)) return false;
    if (this.mms && !this.mms.has(mm)) return false;
    return this.comms === null || this.shownComm(comm);
  }

  describe(): string {
    const s = this.spec;
    const parts: string[] = [];
    if (s.sinceNs !== undefined) parts.push(`since ${this.stamp(s.sinceNs)}`);
    if (s.untilNs !== undefined) parts.push(`until ${this.stamp(s.untilNs)}`);
    if (s.cpus?.length) parts.push(`CPU ${s.cpus.join(',')}`);
    if (s.pids?.length) parts.push(`pid ${s.pids.join(',')}`);
    if (s.comms?.length) parts.push(`comm ${s.comms.join(',')}`);
    if (s.mms?.length) parts.push(`mm ${s.mms.join(',')}`);
    return parts.join('; ');
  }

  /** As the lines print it and as it was typed: seconds, or ticks of a clock that has none. */
  private stamp(ns: string): string {
    if (this.time.unit !== 'ns') return `${ns} ticks`;
    const sign = ns.startsWith('-') ? '-' : '';
    const digits = ns.slice(sign.length).padStart(10, '0');
    const fraction = digits.slice(-9).replace(/0+$/, '');
    return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`} s`;
  }

  private shownComm(comm: number): boolean {
    let shown = this.commShown[comm];
    if (shown === undefined) {
      shown = this.comms!.has(this.names.text(comm));
      this.commShown[comm] = shown;
    }
    return shown;
  }

  private rebase(): void {
    this.base = this.time.baseSec;
    const zero = BigInt(this.base ?? 0) * 1_000_000_000n;
    if (this.spec.sinceNs !== undefined) this.since = Number(BigInt(this.spec.sinceNs) - zero);
    if (this.spec.untilNs !== undefined) this.until = Number(BigInt(this.spec.untilNs) - zero);
  }
}

/** Low 53 bits of a hexadecimal address. Throws UsageError when it is none. */
export function addr53(text: string): number {
  const hex = text.trim().replace(/^0x/i, '');
  if (!/^[0-9a-f]{1,16}$/i.test(hex)) throw new UsageError(`not a hexadecimal address: ${text}`);
  return Number(BigInt(`0x${hex}`) & 0x1f_ffff_ffff_ffffn);
}

function setOf<T>(list: readonly T[] | undefined): Set<T> | null {
  return list?.length ? new Set(list) : null;
}
