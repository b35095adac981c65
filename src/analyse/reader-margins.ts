import { Distribution, MAX_DURATION_NS } from '../latency/histogram/distribution.js';
import { latencyReport } from '../latency/report.js';
import type { Instant, Section, UnlinkedBy, WalkedTable } from '../replay/state/walks.js';
import type { EventQuote, ReadersReport, ReaderTable, ReaderVisit } from '../result/types.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { isKnown } from '../timeline/is-known.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { Measured, MeasuredMargin } from './measured.js';

/** Tables listed one by one, those with the smallest margin. */
const MAX_LISTED = 100;

interface Visited {
  readonly table: number;
  readonly range: number;
  readonly by: UnlinkedBy;
  readonly ul: Instant;
  readonly free: Instant;
  readonly sections: number;
  readonly inside: readonly Section[];
  open: number;
}

/**
 * Who was in a PTE table when it was unlinked, how long they stayed, and when its page was released: what `pttrace
 * readers` shows. Walkers are exact; GUP-fast is a bracket around the part with interrupts off, which never lasts longer.
 */
export class ReaderMargins {
  private readonly margin = new Distribution();
  private readonly stay = { walk: new Distribution(), gup: new Distribution() };
  private readonly wait = new Distribution();
  private readonly counts = {
    released: 0,
    walked: 0,
    visited: 0,
    unlinkUnseen: 0,
    walks: 0,
    atUnlink: { walk: 0, gup: 0 },
    atFree: { walk: 0, gup: 0 },
    late: 0,
    lost: 0,
  };
  /** Still with somebody in it at its release. */
  private readonly pending = new Map<Section, Visited[]>();
  private listed: { visit: Visited; marginNs: number }[] = [];
  private readonly measured: Measured | undefined;

  constructor(measured?: Measured) {
    this.measured = measured;
  }

  released(table: WalkedTable, free: Instant): void {
    const { counts } = this;
    counts.released++;
    counts.walks += table.sections;
    if (table.sections + table.inside.length === 0) return;
    counts.walked++;
    counts.late += table.late;
    for (const s of table.open) if (!s.own) counts.atFree[s.kind]++;
    const { ul } = table;
    if (!ul) {
      counts.unlinkUnseen++;
      return;
    }
    this.add(this.wait, free.tsNs - ul.tsNs);
    if (table.inside.length === 0) return;
    counts.visited++;
    for (const s of table.inside) counts.atUnlink[s.kind]++;
    const visit: Visited = {
      table: table.key,
      range: table.range,
      by: table.ulBy,
      ul,
      free,
      sections: table.sections,
      inside: [...table.inside],
      open: 0,
    };
    for (const section of visit.inside) {
      if (section.end) continue;
      visit.open++;
      const list = this.pending.get(section);
      if (list) list.push(visit);
      else this.pending.set(section, [visit]);
    }
    if (visit.open === 0) this.settle(visit);
  }

  sectionEnded(section: Section): void {
    const visits = this.pending.get(section);
    if (!visits) return;
    this.pending.delete(section);
    for (const visit of visits) if (--visit.open === 0) this.settle(visit);
  }

  sectionLost(section: Section): void {
    if (section.insideAtUnlink) this.counts.lost++;
    this.sectionEnded(section);
  }

  private settle(visit: Visited): void {
    let last = Number.NEGATIVE_INFINITY;
    for (const s of visit.inside) {
      if (!s.end) continue;
      last = Math.max(last, s.end.tsNs);
      this.add(this.stay[s.kind], s.end.tsNs - visit.ul.tsNs);
    }
    const marginNs = visit.free.tsNs - last;
    if (!Number.isFinite(marginNs)) return;
    this.add(this.margin, marginNs);
    this.listed.push({ visit, marginNs });
    this.measured?.margin(measuredMargin(visit, marginNs));
    if (this.listed.length >= 4 * MAX_LISTED) this.thin();
  }

  private thin(): void {
    this.listed.sort((a, b) => a.marginNs - b.marginNs || a.visit.free.ref - b.visit.free.ref);
    this.listed.length = Math.min(this.listed.length, MAX_LISTED);
  }

  /** Of clocks that go back nothing is measured. */
  private add(to: Distribution, ns: number): void {
    if (ns >= 0 && ns <= MAX_DURATION_NS) to.add(ns);
  }

  /** Places that the report quotes. */
  refs(): EvidenceRef[] {
    this.thin();
    return this.listed.flatMap(({ visit }) => [
      visit.ul.ref,
      visit.free.ref,
      ...visit.inside.flatMap((s) => [s.begin.ref, s.end?.ref ?? -1]),
    ]);
  }

  report(
    time: TimeBase,
    lookups: number,
    quote: (ref: EvidenceRef, role: string) => EventQuote | null,
  ): ReadersReport {
    this.thin();
    const { counts } = this;
    const none = { start: 0, end: 0, loss: 0 };
    return {
      lookups,
      walks: counts.walks,
      tables: { released: counts.walked, visited: counts.visited, unlinkUnseen: counts.unlinkUnseen },
      inside: {
        atUnlink: { walkers: counts.atUnlink.walk, gupFast: counts.atUnlink.gup },
        atFree: { walkers: counts.atFree.walk, gupFast: counts.atFree.gup },
      },
      foundAfterUnlink: counts.late,
      unseenEnds: counts.lost,
      margin: latencyReport('last reader out→release', '', this.margin, none, time),
      stayed: {
        walkers: latencyReport('unlink→walker out', '', this.stay.walk, none, time),
        gupFast: latencyReport('unlink→GUP-fast returned', '', this.stay.gup, none, time),
      },
      wait: latencyReport('unlink→release', '', this.wait, none, time),
      closest: this.listed.map(({ visit, marginNs }) => tableReport(visit, marginNs, quote)),
    };
  }
}

const tableName = ({ table }: Visited): string =>
  table >= 0 ? `pfn 0x${table.toString(16)}` : `page #${(-table).toString(16)}`;

const addressOf = ({ range }: Visited): string | null =>
  isKnown(range) ? `0x${(range * 2 ** 21).toString(16)}` : null;

const measuredMargin = (visit: Visited, marginNs: number): MeasuredMargin => ({
  table: tableName(visit),
  address: addressOf(visit),
  unlinkedBy: visit.by,
  unlinkedNs: visit.ul.tsNs,
  releasedNs: visit.free.tsNs,
  marginNs,
  walkers: visit.inside.filter((s) => s.kind === 'walk').length,
  gupFast: visit.inside.filter((s) => s.kind === 'gup').length,
});

function tableReport(
  visit: Visited,
  marginNs: number,
  quote: (ref: EvidenceRef, role: string) => EventQuote | null,
): ReaderTable {
  const { ul, free } = visit;
  return {
    table: tableName(visit),
    address: addressOf(visit),
    unlinkedBy: visit.by,
    unlink: quote(ul.ref, `unlinked (${visit.by})`),
    release: quote(free.ref, 'released'),
    releasedAfterNs: free.tsNs - ul.tsNs,
    walks: visit.sections,
    inside: visit.inside.map((s): ReaderVisit => {
      const what = s.kind === 'walk' ? 'walker' : 'GUP-fast';
      return {
        kind: s.kind === 'walk' ? 'walker' : 'gup-fast',
        enters: quote(s.begin.ref, `${what} enters`),
        leaves: s.end ? quote(s.end.ref, s.kind === 'walk' ? 'walker leaves' : 'GUP-fast returns') : null,
        cpu: s.begin.cpu,
        leftOnCpu: s.end?.cpu ?? null,
        stayedNs: s.end ? s.end.tsNs - ul.tsNs : null,
      };
    }),
    marginNs,
  };
}
