const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');

const short = (name) => name.replace(/\.(?:txt|gz|txt\.gz)$/, '');
const sum = (list, of) => list.reduce((n, x) => n + of(x), 0);

/** docs/recordings.md, and what is not as it must be. */
export function page({ recordings, others, expected, catalogue, variants, wrongs, slow }) {
  const failures = [];
  const kernels = [...new Set(recordings.map((r) => r.kernel))];
  const label = (names) => (names.length === variants.length ? 'all' : names.join(' '));
  for (const r of recordings) {
    if (r.skipped > 0) failures.push(`${r.name}: ${r.skipped} lines skipped`);
    if (r.unaccounted !== 0) failures.push(`${r.name}: ${r.unaccounted} lines not accounted for`);
    for (const [id, i] of Object.entries(r.invariants)) {
      if (i.violated > 0) failures.push(`${r.name}: false alarm of ${id}, ${i.violated} times`);
    }
  }

  const all = table(
    [
      'recording',
      'format',
      'lines',
      'events',
      'kernel variants it allows',
      'pass',
      'violated',
      'unknown',
      'not applicable',
    ],
    recordings.map((r) => {
      const verdicts = Object.values(r.invariants).map((i) => i.verdict);
      const count = (v) => verdicts.filter((x) => x === v).length;
      return [
        short(r.name),
        r.format,
        r.lines,
        r.events,
        label(r.candidates),
        count('pass'),
        count('violated'),
        count('unknown'),
        count('not-applicable'),
      ];
    }),
  );

  const counted = recordings.filter((r) => expected[r.name]);
  const ids = catalogue.map((i) => i.id);
  const held = ids.filter((id) => counted.some((r) => expected[r.name][id] !== undefined));
  const independent = table(
    ['id', 'name', 'kernel', 'opportunities', 'pass', 'of them inferred', 'unknown', 'violated'],
    held.flatMap((id) =>
      kernels.flatMap((kernel) => {
        const mine = counted.filter((r) => r.kernel === kernel);
        const opportunities = sum(mine, (r) => expected[r.name][id]);
        const of = (key) => sum(mine, (r) => r.invariants[id][key]);
        const pass = of('pass');
        if (opportunities + pass === 0) return [];
        return [
          [
            id,
            catalogue.find((i) => i.id === id).name,
            kernel,
            opportunities,
            pass,
            of('inferred') + of('absence'),
            of('unknown'),
            of('violated'),
          ],
        ];
      }),
    ),
  );

  const perKernel = table(
    ['id', 'name', ...kernels],
    catalogue.map((info) => [
      info.id,
      info.name,
      ...kernels.map((kernel) => {
        const mine = recordings.filter((r) => r.kernel === kernel);
        const of = (key) => sum(mine, (r) => r.invariants[info.id][key]);
        const [pass, unknown, violated] = [of('pass'), of('unknown'), of('violated')];
        if (pass + unknown + violated === 0) return '';
        const inferred = of('inferred') + of('absence');
        return `${pass}${inferred > 0 ? ` (${inferred} inferred)` : ''}, ${unknown} unknown, ${violated} violated`;
      }),
    ]),
  );

  const shapes = table(
    [
      'recording',
      'variants',
      'own call_rcu',
      'in the text',
      'IPI to all CPUs',
      'in the text',
      'I07 pass',
      'unknown',
      'violated',
    ],
    slow.map(({ recording: r, demanded, own, broadcasts, probed }) => {
      const i07 = r.invariants.I07;
      for (const [what, rule, n] of [
        ['own call_rcu', demanded.own, own],
        ['IPI to all CPUs', demanded.ipi, broadcasts],
      ]) {
        const wrong = (rule === 'never' && n > 0) || (rule === 'always' && n === 0 && probed);
        if (wrong) failures.push(`${r.name}: ${what} is ${rule} there, seen ${n} times`);
      }
      return [
        short(r.name),
        label(r.candidates),
        demanded.own,
        own,
        demanded.ipi,
        broadcasts,
        i07.pass,
        i07.unknown,
        i07.violated,
      ];
    }),
  );

  const flagged = [];
  const open = [];
  for (const { recording: r, runs } of wrongs) {
    const out = runs.filter((x) => !r.candidates.includes(x.variant));
    for (const x of runs) {
      const should = !r.candidates.includes(x.variant);
      if (should && (x.verdict !== 'violated' || x.lines.length === 0)) {
        failures.push(`${r.name} as ${x.variant}: I56 ${x.verdict}, ${x.lines.length} lines`);
      }
      if (!should && x.verdict === 'violated') failures.push(`${r.name} as ${x.variant}: flagged`);
    }
    if (out.length > 0) {
      const [first] = out;
      flagged.push([
        short(r.name),
        label(r.candidates),
        out.map((x) => x.variant).join(' '),
        `${out.filter((x) => x.verdict === 'violated').length} of ${out.length}`,
        first.lines.join(', '),
        first.message,
      ]);
    } else
      open.push([
        short(r.name),
        runs.map((x) => x.variant).join(' '),
        [...new Set(runs.map((x) => x.verdict))].join(' '),
      ]);
  }

  const text = `<!-- Printed by scripts/recordings-table.mjs. -->
# Every recording, replayed

${recordings.length} recordings of ${kernels.length} kernels beside the repository (\`../shared/recordings\`), each through the whole path from bytes
to verdicts, without options. They are of kernels that work: a violation would be a false alarm. There are ${failures.filter((f) => f.includes('false alarm')).length}.

Printed by \`node scripts/recordings-table.mjs\`; \`--check\` fails when a number changes.

## Recordings

Every line is accounted for. The last four columns count invariants by verdict.

${all}

Not replayed, since they hold no events: ${others.map(([name, what]) => `\`${name}\` (${what})`).join(', ')}.

## Opportunities counted without the engine

\`scripts/oracle/opportunities.py\` counts in the text, with none of this program's code, how often each of these could be
decided (what counts is defined there). It covers the ${counted.length} kprobe recordings. *Inferred*: from other events, or from what is
absent where the probe is known to work. Passes and unknowns may be more than the opportunities where a page has two lives
of which the script counts one, and where one opportunity is looked at from two sides.

${independent}

## Every invariant on every kernel

Instances over all recordings of a kernel. An empty cell: nothing it is about happened, or no probe shows it.

${perKernel}

## The path without memory (I07)

The kernel cannot get a page for a batch and frees one table alone. What it does then depends on its variant: a call_rcu of
its own, or an IPI to all CPUs before the release; without batches, neither. *always*, *possible*, *never*: what the
variants that the recording allows demand. Beside it how often the text has it, counted without the engine (the function
tracer prints no arguments, so nothing can be counted there).

${shapes}

## Replayed as another kernel (I56)

A recording with events that tell kernels apart, replayed with \`--variant\` of a kernel that it cannot be of. Of the kprobe
recordings every excluded variant was tried, of the others the first. *Lines*: those that the finding quotes for the first.

${table(['recording', 'allows', 'replayed as', 'flagged by I56', 'lines', 'finding'], flagged)}

Recordings without such events stay undecided, as any variant tried:

${table(['recording', 'replayed as', 'I56'], open)}
`;
  return { text, failures };
}
