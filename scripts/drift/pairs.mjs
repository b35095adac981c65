import { Readable } from 'node:stream';

/** Variants that both have. A2 is a PV guest by definition. */
export const VARIANTS = ['A1', 'A2', 'B', 'C', 'D', 'Dn', 'E', 'En', 'F', 'Fn'];

/** Tables of a call, pages under each, probability that a batch gets no memory. */
export const WORKLOADS = [
  { tables: 3, pagesPerTable: 2, pressure: 0 },
  { tables: 3, pagesPerTable: 2, pressure: 1 },
  { tables: 9, pagesPerTable: 0, pressure: 0 },
  { tables: 9, pagesPerTable: 0, pressure: 1 },
  { tables: 40, pagesPerTable: 3, pressure: 0 },
  { tables: 40, pagesPerTable: 3, pressure: 1 },
  { tables: 520, pagesPerTable: 0, pressure: 0 },
];

const FIXED = { cpus: 4, threads: 1, munmaps: 4, seed: 5 };

function logOf({ simulate, completeWorkload }, variant, workload) {
  const machine = variant === 'A2' ? { pv: true } : {};
  return [...simulate(completeWorkload({ ...FIXED, ...workload, ...machine, variant }))].join('');
}

async function predict({ whatIf }, log, source, target) {
  const stdin = Readable.from([Buffer.from(log)]);
  return whatIf({ paths: ['-'], stdin, variants: [source], target });
}

const table = (counts, side) => Object.fromEntries(counts.map((c) => [c.name, c[side]]));

/**
 * Two drivers of one machine held against each other: what `whatIf` predicts for TARGET from the log that
 * `simulate` made for SOURCE, beside what the log that `simulate` makes for TARGET shows. Same workload, same seed.
 *
 * `keep(i, j)` chooses pairs by the places of their variants in the list.
 */
export async function drift(library, workloads = WORKLOADS, keep = () => true) {
  const result = { pairs: 0, differ: 0, refused: 0, notReproduced: 0, examples: [] };
  const say = (text) => {
    if (result.examples.length < 20) result.examples.push(text);
  };
  for (const workload of workloads) {
    const name = Object.entries(workload)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ');
    const logs = VARIANTS.map((v) => logOf(library, v, workload));
    const own = [];
    for (const [i, v] of VARIANTS.entries()) {
      const r = await predict(library, logs[i], v, v);
      own.push(r.refused ? null : table(r.counts, 'before'));
      if (!r.refused && r.gathers.reproduced < r.gathers.withTables) {
        result.notReproduced++;
        say(`${v}, ${name}: the plan reproduces ${r.gathers.reproduced} of ${r.gathers.withTables} gathers`);
      }
    }
    for (const [i, source] of VARIANTS.entries()) {
      for (const [j, target] of VARIANTS.entries()) {
        if (i === j || !keep(i, j)) continue;
        const r = await predict(library, logs[i], source, target);
        if (r.refused || !own[j]) {
          result.refused++;
          continue;
        }
        result.pairs++;
        const after = table(r.counts, 'after');
        const wrong = Object.keys(after).filter((key) => after[key] !== own[j][key]);
        if (wrong.length === 0) continue;
        result.differ++;
        const what = wrong.map((key) => `${key} predicted ${after[key]}, simulated ${own[j][key]}`);
        say(`${source} to ${target}, ${name}: ${what.join('; ')}`);
      }
    }
  }
  return result;
}
