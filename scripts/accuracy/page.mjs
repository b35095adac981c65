const us = (ns) =>
  ns < 10_000
    ? `${(ns / 1000).toFixed(2)}`
    : ns < 1e6
      ? `${(ns / 1000).toFixed(0)}`
      : `${(ns / 1000).toFixed(0)}`;
const percent = (x) => `${x >= 0 ? '+' : '-'}${Math.abs(x * 100).toFixed(Math.abs(x) < 0.1 ? 1 : 0)} %`;
const num = (x) => (x === null ? '-' : Number.isInteger(x) ? String(x) : x.toFixed(3));
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.join(' | ')} |`).join('\n');
const name = (r) => r.file.replace('.txt.gz', '');

/** Part of the distance to the target that the prediction saves against "no change". */
const saved = (r) => (r.wasserstein.none === 0 ? 0 : 1 - r.wasserstein.predicted / r.wasserstein.none);

function rawEqual(raw) {
  const all = raw.flatMap((r) => r.counts);
  return `${all.filter((c) => c.lines === c.counted).length} of ${all.length} (recording, count)`;
}

function verdict(r) {
  if (r.gain.low > 0) return 'better';
  if (r.gain.high < 0) return 'worse';
  return 'no difference';
}

export function page({ developed: rows, unseen, raw }) {
  const good = rows.filter((r) => r.calls);
  const left = rows.filter((r) => !r.calls);
  const differ = good.filter((r) => r.noise.differ);
  const count = (list, v) => list.filter((r) => verdict(r) === v).length;
  const same = good.filter((r) => !r.noise.differ);
  const others = unseen.filter((r) => r.calls);
  const told = [...good, ...others].filter((r) => r.says !== '');
  const untold = [...good, ...others].filter((r) => r.says === '');
  return `<!-- Printed by scripts/accuracy.mjs from the recordings; edit the scripts. -->

# Accuracy of what-if

\`pttrace replay --what-if\` predicts what another kernel would have done. Here each prediction is laid beside a recording
of that kernel: the same source tree and machine, the same workload, three kernels.

| kernel | variant | page tables are freed |
| --- | --- | --- |
| n | A1 | in the syscall, after the flush |
| semi | A2 | by RCU; without memory after an IPI to all CPUs, in the syscall |
| y | C | by RCU, always |

Rules of the comparison. Costs are calibrated on the **source recording only**; the recording of the target is read only
to judge. Traced latencies predict traced latencies. One run per kernel and workload: what differs from boot to boot is
in the errors and in no interval. The machine is emulated (TCG, 4 virtual CPUs on 2 host cores): waiting for an IPI
takes milliseconds and is decided by the host's scheduler.

"No change" is the answer that the target behaves as the source did. W1 is the Wasserstein distance to the target's
recording in µs, KS the Kolmogorov–Smirnov distance. *Differ*: the 95 % interval of the ratio of medians (target /
source, block bootstrap over calls, ${1000} rounds, fixed seed) excludes 1. *Gain*: W1 of "no change" less W1 of the prediction with its 95 %
interval; *better* or *worse* where the interval excludes 0.

## In short

- The two recordings differ in ${differ.length} of ${good.length} comparisons: the prediction is better than "no change" in ${count(differ, 'better')}, no different in ${count(differ, 'no difference')}, worse in ${count(differ, 'worse')}.
- Where they do not differ (${same.length}): better ${count(same, 'better')}, no different ${count(same, 'no difference')}, worse ${count(same, 'worse')}.
- Of the ${differ.length} that differ, the kernels flush or interrupt differently often in ${differ.filter((r) => !flushesAlike(r)).length}: better in ${count(
    differ.filter((r) => !flushesAlike(r)),
    'better',
  )} of those. In ${differ.filter(flushesAlike).filter(sharedMoves).length} of the other ${differ.filter(flushesAlike).length} the code that both kernels share shifts by more than the free path's own steps (below: the free path alone).
- Counts: ${structureLine(good)}.

- Recordings not used for development (${others.length} comparisons, below): the prediction halves W1 in ${others.filter((r) => r.wasserstein.predicted <= r.wasserstein.none / 2).length}, changes it by a
  tenth or more in ${others.filter((r) => Math.abs(saved(r)) >= 0.1).length}, by less in ${others.filter((r) => Math.abs(saved(r)) < 0.1).length}. The result itself says "no change" or "hardly better" in ${others.filter((r) => r.says !== '').length} of them. Where it says so, here and
  above (${told.length}), it is at most ${percent(Math.max(...told.map(saved))).slice(1)} nearer to the target than "no change"; where it does not (${untold.length}), it is nearer by at least
  ${percent(Math.min(...untold.map(saved))).slice(1)}.

## Latency

${table(
  [
    'workload',
    'source → target',
    'calls',
    'median ratio recorded',
    'differ',
    'KS no change',
    'KS predicted',
    'W1 no change',
    'W1 predicted',
    'gain µs [95 %]',
    'verdict',
  ],
  good.map((r) => [
    name(r),
    `${r.from} → ${r.to}`,
    `${r.calls[0]} / ${r.calls[1]}`,
    `${r.noise.ratio.toFixed(2)} [${r.noise.low.toFixed(2)}, ${r.noise.high.toFixed(2)}]`,
    r.noise.differ ? 'yes' : 'no',
    r.ks.none.toFixed(3),
    r.ks.predicted.toFixed(3),
    us(r.wasserstein.none),
    us(r.wasserstein.predicted),
    `${gainText(r.gain.value)} [${gainText(r.gain.low)}, ${gainText(r.gain.high)}]`,
    verdict(r),
  ]),
)}

Quantiles in µs; the errors are relative to the target's recording.

${table(
  [
    'workload',
    'source → target',
    'p50 source',
    'p50 predicted',
    'p50 recorded',
    'error no change',
    'error predicted',
    'p99 predicted',
    'p99 recorded',
    'error no change',
    'error predicted',
  ],
  good.map((r) => {
    const [a, b] = r.quantiles;
    const e = (q, k) => percent(q[k] / q.recorded - 1);
    return [
      name(r),
      `${r.from} → ${r.to}`,
      us(a.source),
      us(a.predicted),
      us(a.recorded),
      e(a, 'source'),
      e(a, 'predicted'),
      us(b.predicted),
      us(b.recorded),
      e(b, 'source'),
      e(b, 'predicted'),
    ];
  }),
)}

## Counts

Per gather, over the shapes of gather that both recordings have (the same tables in the same order, in a syscall or at
exit): runs hold different numbers of calls, so only gathers of equal shape are compared. *Exact* counts the shapes for
which prediction and recording are equal. Each cell: no change → **predicted** / recorded.

${table(
  [
    'workload',
    'source → target',
    'shapes',
    ...good[0].structure.counts.map((c) => c.name),
    'peak tables held',
  ],
  good.map((r) => [
    name(r),
    `${r.from} → ${r.to}`,
    `${r.structure.shapes}`,
    ...r.structure.counts.map((c) =>
      c.predicted === null || c.recorded === null
        ? 'not recorded'
        : `${num(c.none)} → **${num(c.predicted)}** / ${num(c.recorded)} (${c.exact} of ${r.structure.shapes} exact)`,
    ),
    `${r.deferred.none} → **${r.deferred.predicted}** / ${r.deferred.recorded}`,
  ]),
)}

### Against raw lines

What pttrace counts in a recording, which is what predictions are held against, beside a count of the raw lines between each
task's \`tlb_gather_mmu\` and \`tlb_finish_mmu_ret\` by a script that shares no code with it
(\`scripts/accuracy/raw-counts.mjs\`): equal in ${rawEqual(raw)}.

${table(
  ['workload', 'kernel', ...raw[0].counts.map((c) => c.what)],
  raw.map((r) => [
    r.name,
    r.kernel,
    ...r.counts.map((c) => (c.lines === c.counted ? String(c.lines) : `${c.counted}, raw ${c.lines}`)),
  ]),
)}

## Recordings not used for development

No number in the model, in its costs or in the notes of a result was set by these. The function tracer and raw pointers on the
three kernels, and every pair with Debian's 6.16.12 (debian), which differs from the others in more than the free path. *Says*:
what the result says of itself.

${table(
  ['workload', 'source → target', 'calls', 'W1 no change', 'W1 predicted', 'nearer by', 'verdict', 'says'],
  others.map((r) => [
    name(r),
    `${r.from} → ${r.to}`,
    `${r.calls[0]} / ${r.calls[1]}`,
    us(r.wasserstein.none),
    us(r.wasserstein.predicted),
    percent(saved(r)),
    verdict(r),
    r.says === '' ? '-' : r.says,
  ]),
)}

${unseen
  .filter((r) => !r.calls)
  .map(
    (r) =>
      `- ${name(r)} ${r.from} → ${r.to}: not compared: ${r.refused ? `refused, ${r.refused.reason}` : 'one side has no such calls'}.`,
  )
  .join('\n')}

## The free path alone

Median µs per call, split in the code that every kernel shares (up to the first table removed, and the flushes) and the
steps of the free path (everything else). What the shared part does from one boot to the next is the noise between
runs; where both kernels flush equally often (see Counts), only the second part is the patch's.

${table(
  [
    'workload',
    'source → target',
    'shared: source',
    'shared: recorded',
    'own steps: source',
    'predicted',
    'recorded',
  ],
  good
    .filter((r) => flushesAlike(r))
    .map((r) => [
      name(r),
      `${r.from} → ${r.to}`,
      us(r.own.shared.source),
      us(r.own.shared.recorded),
      us(r.own.steps.source),
      us(r.own.steps.predicted),
      us(r.own.steps.recorded),
    ]),
)}

## Where it fails, and why

${failures(good, left)}
`;
}

const gainText = (ns) => (Math.abs(ns) < 10_000 ? (ns / 1000).toFixed(1) : (ns / 1000).toFixed(0));

const sharedMoves = ({ own }) =>
  Math.abs(own.shared.recorded - own.shared.source) > Math.abs(own.steps.recorded - own.steps.source);

const flushesAlike = (r) =>
  ['flushes', 'syncRounds'].every((k) => {
    const c = r.structure.counts.find((x) => x.name === k);
    return Math.abs(c.none - c.recorded) < 0.01;
  });

function structureLine(good) {
  const names = good[0].structure.counts.map((c) => c.name);
  const path = names.filter((n) => n !== 'flushIpis');
  let exact = 0;
  let all = 0;
  let ipis = 0;
  let ipisAll = 0;
  for (const r of good) {
    for (const c of r.structure.counts) {
      if (c.exact === null) continue;
      if (path.includes(c.name)) {
        exact += c.exact;
        all += r.structure.shapes;
      } else {
        ipis += c.exact;
        ipisAll += r.structure.shapes;
      }
    }
  }
  return `flushes, sync rounds and their IPIs, call_rcu, deferred and inline tables are exact in ${exact} of ${all} (comparison, shape, count); IPIs of flushes in ${ipis} of ${ipisAll} (who has the mm loaded is the workload's doing, not the free path's)`;
}

function failures(good, left) {
  const out = [];
  for (const r of good) {
    const v = verdict(r);
    if (!(r.noise.differ && v !== 'better') && v !== 'worse') continue;
    out.push(
      `- **${name(r)} ${r.from} → ${r.to}** (${v}): the median of the recordings goes from ${us(r.quantiles[0].source)} to ${us(r.quantiles[0].recorded)} µs, predicted ${us(r.quantiles[0].predicted)} µs. ${why(r)}`,
    );
  }
  for (const r of left) {
    out.push(
      `- **${name(r)} ${r.from} → ${r.to}**: not compared: ${r.refused ? `refused, ${r.refused.reason}` : 'one side has no such calls'}.`,
    );
  }
  return out.length === 0 ? 'Nowhere in these recordings.' : out.join('\n');
}

/** The part of the change that the counts can explain, and the part that they cannot. */
function why(r) {
  if (!flushesAlike(r)) {
    return 'The number of flushes and IPI rounds is right; what one of them takes differs between the two boots more than the model can know from the source.';
  }
  const { shared, steps } = r.own;
  return `Both kernels flush and interrupt equally often here, so the free path can account only for its own steps: their median goes from ${us(steps.source)} to ${us(steps.recorded)} µs (predicted ${us(steps.predicted)}). The code that both kernels share, up to the first table and in the flushes, goes from ${us(shared.source)} to ${us(shared.recorded)} µs (× ${(shared.recorded / shared.source).toFixed(2)}) by itself: the boots run the same code at different speeds, which nothing in the source recording tells.`;
}
