// Import circles, and imports against the direction in which data flows. Usage: node scripts/import-cycles.mjs [root]
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Rooms from the bytes upwards. A file may import from its own room and from rooms further up in this list;
 * the longest matching prefix names the room.
 */
export const LAYERS = [
  ['src/version.ts', 'src/result', 'src/schema'],
  ['src/timeline'],
  ['src/kernel'],
  ['src/latency/histogram', 'src/machine'],
  ['src/parsers', 'src/latency/printed', 'src/latency/statistics'],
  ['src/latency'],
  ['src/replay', 'src/mmu'],
  ['src/read'],
  ['src/breakdown'],
  ['src/measure', 'src/analyse', 'src/show', 'src/convert'],
  ['src/compare'],
  [
    'src/perfetto',
    'src/litmus',
    'src/explore',
    'src/predict',
    'src/conform',
    'src/what-if',
    'src/simulate',
    'src/gate',
    'src/record',
    'src/explain',
  ],
  // Says which probes would have told more: those that `record` sets. Results as tables.
  ['src/info', 'src/data'],
  // Asks many recordings what the rooms above answer for one.
  ['src/fleet'],
  ['src/index.ts'],
  ['cli'],
];

/** What a room may import besides, with the reason. */
export const EXCEPTIONS = [
  // An error an input can raise while its events are decoded: the probes file is an input too.
  { from: 'src/kernel', to: 'src/parsers/input/trace-error.ts' },
];

const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"](\.[^'"]+)['"]|^\s*import\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]\s*\)/gm;

function sources(root, dir) {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name).split(sep).join('/'))
    .filter((name) => name.endsWith('.ts') && statSync(join(root, name)).isFile());
}

/** File → files it imports, types included: they bind readers as much as values do. */
export function importGraph(root) {
  const graph = new Map();
  for (const file of [...sources(root, 'src'), ...sources(root, 'cli')].sort()) {
    const text = readFileSync(join(root, file), 'utf8');
    const targets = new Set();
    for (const m of text.matchAll(IMPORT)) {
      const spec = m[1] ?? m[2] ?? m[3];
      const path = relative(root, resolve(root, dirname(file), spec))
        .split(sep)
        .join('/');
      const source = path.replace(/\.js$/, '.ts');
      if (existsSync(join(root, source))) targets.add(source);
      else throw new Error(`${file} imports ${spec}, which does not exist`);
    }
    graph.set(file, [...targets].sort());
  }
  return graph;
}

/** Strongly connected components of more than one file (Tarjan), each sorted. */
export function cycles(graph) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const on = new Set();
  const found = [];
  const visit = (v) => {
    index.set(v, index.size);
    low.set(v, index.get(v));
    stack.push(v);
    on.add(v);
    for (const w of graph.get(v) ?? []) {
      if (!index.has(w)) {
        visit(w);
        low.set(v, Math.min(low.get(v), low.get(w)));
      } else if (on.has(w)) low.set(v, Math.min(low.get(v), index.get(w)));
    }
    if (low.get(v) !== index.get(v)) return;
    const part = [];
    let w;
    do {
      w = stack.pop();
      on.delete(w);
      part.push(w);
    } while (w !== v);
    if (part.length > 1 || (graph.get(v) ?? []).includes(v)) found.push(part.sort());
  };
  for (const v of graph.keys()) if (!index.has(v)) visit(v);
  return found.sort();
}

const within = (file, room) => file === room || file.startsWith(`${room}/`);

/** Layer number of a file, by its longest matching room. */
export function layerOf(file, layers = LAYERS) {
  let best = -1;
  let length = -1;
  layers.forEach((rooms, i) => {
    for (const room of rooms) {
      if (within(file, room) && room.length > length) [best, length] = [i, room.length];
    }
  });
  return best;
}

/** Imports that run against the dataflow, as `file → file`. */
export function wrongWay(graph, layers = LAYERS, exceptions = EXCEPTIONS) {
  const wrong = [];
  for (const [file, targets] of graph) {
    for (const target of targets) {
      if (layerOf(target, layers) <= layerOf(file, layers)) continue;
      if (exceptions.some((e) => within(file, e.from) && within(target, e.to))) continue;
      wrong.push(`${file} → ${target}`);
    }
  }
  return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
  const graph = importGraph(root);
  const circles = cycles(graph);
  const wrong = wrongWay(graph);
  for (const circle of circles) console.error(`circle: ${circle.join(' ↔ ')}`);
  for (const arrow of wrong) console.error(`against the dataflow: ${arrow}`);
  console.log(
    `${graph.size} files, ${circles.length} import circles, ${wrong.length} imports against the dataflow`,
  );
  process.exitCode = circles.length + wrong.length > 0 ? 1 : 0;
}
