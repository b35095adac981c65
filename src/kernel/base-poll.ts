import { isKnown } from '../timeline/is-known.js';
import type { Addr } from './bases.js';
import { distance53, isRawPointer } from './bytes.js';

/**
 * Votes for one base by one method. A vote is a base that would explain one pointer (NaN: none does); `support` counts distinct
 * pages, so that one page seen often does not count often. A pointer may vote for several bases (then all but
 * one are wrong), so the winner is judged by how many of the pointers it explains.
 */
export class Poll {
  readonly method: string;
  /** Pages that must support the winner. */
  readonly need: number;
  private readonly votes = new Map<Addr, Set<number>>();
  private readonly voters = new Set<number>();

  constructor(method: string, need: number) {
    this.method = method;
    this.need = need;
  }

  get pages(): number {
    return this.voters.size;
  }

  vote(base: Addr, page: number): void {
    if (!isKnown(base)) return;
    this.voters.add(page);
    let set = this.votes.get(base);
    if (set === undefined) {
      if (this.votes.size >= MAX_CANDIDATES) return;
      this.votes.set(base, (set = new Set()));
    }
    set.add(page);
  }

  /** A pointer that no candidate can explain counts against all of them. */
  abstain(page: number): void {
    this.voters.add(page);
  }

  /** The winner, if it explains most of the pointers and no other base comes near. */
  winner(): { base: Addr; text: string; support: number } | null {
    let best = Number.NaN;
    let first = 0;
    let second = 0;
    for (const [base, set] of this.votes) {
      if (set.size > first) {
        second = first;
        first = set.size;
        best = base;
      } else if (set.size > second) second = set.size;
    }
    if (first < this.need || first < this.voters.size * MIN_SHARE || second > first * MAX_RIVAL) return null;
    return { base: best, support: first, text: `${first} of ${this.voters.size} ${this.method}` };
  }
}

const MAX_CANDIDATES = 1 << 17;
const MIN_SHARE = 0.6;
const MAX_RIVAL = 0.75;

/** The winner of the first poll that has one. */
export function firstWinner(polls: readonly Poll[]): ReturnType<Poll['winner']> {
  for (const p of polls) {
    const w = p.winner();
    if (w) return w;
  }
  return null;
}

/** Base from which `pointer` would be that of item `n`, each of `size` bytes; NaN for a hashed pointer or none. */
export const baseFrom = (pointer: Addr, size: number, n: number): Addr =>
  isRawPointer(pointer) ? distance53(size * n, pointer) : Number.NaN;
