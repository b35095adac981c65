/** docs/damage.md from the counts of scripts/damage-report.mjs. */

const NOTE = '<!-- Printed by scripts/damage-report.mjs; edit the tables it reads. -->';
/** Of the places of a kind, at least so many must be violated, those left out whose order the clocks do not tell. */
const SHARE = 0.95;
const UNTOLD = 'the events that decide it lie within the clock error of each other';

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');

/** `{ text, failures }`: the page, and what is not as it must be. */
export function page({ tallies, catalogue, litmus, present, wanted }) {
  const made = tallies.filter((t) => t.places > 0).sort((a, b) => (a.kind < b.kind ? -1 : 1));
  const failures = [];
  for (const t of tallies) {
    if (t.missed.length > 0) failures.push(`${t.kind}: ${t.missed.length} of ${t.places} missed`);
    const told = t.places - (t.reasons.get(UNTOLD) ?? 0);
    if (t.outcome === 'violated' && told > 0 && t.violated < SHARE * told) {
      failures.push(`${t.kind}: only ${t.violated} of ${told} violated (${t.expected})`);
    }
    if (t.outcome === 'none' && t.violated > 0)
      failures.push(`${t.kind}: ${t.violated} violated, though a hole proves nothing`);
  }
  const ids = [...new Set(made.map((t) => t.expected))].sort();
  const sum = (list, what) => list.reduce((n, t) => n + what(t), 0);
  const rows = ids.map((id) => {
    const mine = made.filter((t) => t.expected === id);
    return [
      id,
      catalogue.find((i) => i.id === id).name,
      sum(mine, (t) => t.places),
      sum(mine, (t) => t.violated),
      sum(mine, (t) => t.unknown),
      sum(mine, (t) => t.missed.length),
      mine.map((t) => t.kind).join(', '),
    ];
  });
  const text = [
    NOTE,
    '# Recordings broken on purpose',
    '',
    `${present.length} kprobe recordings of real kernels, each broken in random (seeded) places, one at a time, up to ${wanted} places per kind of damage; every broken recording goes through the whole path from bytes to verdicts. *Violated*: with the id that the damage calls for. *Unknown*: with a reason that the undamaged recording does not give. *Missed*: neither; there must be none. A damage whose fault the specification lets a checker name by another id counts as unknown here if the first id does not say violated.`,
    '',
    'Printed by `node scripts/damage-report.mjs`; `--check` fails when the numbers change. Recordings:',
    present.map((r) => `\`${r.name}\``).join(', '),
    '',
    '## Per invariant',
    '',
    table(['id', 'name', 'places', 'violated', 'unknown', 'missed', 'kinds of damage'], rows),
    '',
    '## Per kind of damage',
    '',
    table(
      ['damage', 'id', 'recordings', 'places', 'violated', 'unknown', 'missed', 'what is done'],
      made.map((t) => [
        t.kind,
        t.expected,
        t.recordings.size,
        t.places,
        t.violated,
        t.unknown,
        t.missed.length,
        t.description.replace(/ by \d+ s/, ' by many s'),
      ]),
    ),
    '',
    '## Why unknown',
    '',
    table(
      ['damage', 'id', 'times', 'reason'],
      made.flatMap((t) =>
        [...t.reasons]
          .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
          .map(([why, n]) => [t.kind, t.expected, n, why]),
      ),
    ),
    '',
    '`events-lost` is meant to be unknown: a hole proves nothing and hides nothing.',
    '',
    '## Not decided by any recording',
    '',
    'No probe shows what these rules are about; they are decided from trace markers and litmus programs. What holds them instead: the pairs of the litmus suite named here, each also as an ftrace log through the same path and under disguise (test/litmus/disguise.test.ts), and with events lost at every place (test/litmus/catalogue.test.ts).',
    '',
    table(
      ['id', 'name', 'needs', 'litmus pairs that break and keep it'],
      catalogue
        .filter((i) => !ids.includes(i.id))
        .map((i) => [
          i.id,
          i.name,
          i.needs.map((n) => n.probe).join('; ') || 'any event',
          litmus
            .filter((t) => t.orders.some((o) => o.violates.includes(i.id)))
            .map((t) => t.id)
            .join(' ') || 'test/litmus/support/controls.ts',
        ]),
    ),
    '',
  ].join('\n');
  return { text, failures };
}
