// Executions of the machine, each judged by the invariants of `replay`: silent where the program is correct, something
// violated where a table is used after it was freed. Usage: npm run build && node scripts/referee.mjs
//   [--whole N]   programs with at most N executions are walked whole (default 1000)
//   [--random N]  of the others, N executions by random choices (default 200)
//   [--seed N]    [--markdown]
//   [--only TEXT] programs whose title has this text
//   [--part I/N]  every N-th program, from the I-th (1 …)
//   [--rows FILE] the results as JSON lines, for scripts/catalogue.mjs
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    whole: { type: 'string', default: '1000' },
    random: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '1/1' },
    rows: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
});
const load = (path) => import(new URL(`../dist/src/${path}.js`, import.meta.url));
const { DEFAULTS, machineOf } = await load('machine/scenario');
const { compile, reader } = await load('machine/compile');
const { explore, EXPLORE_DEFAULTS } = await load('explore/explore');
const { executionOf } = await load('explore/execution');
const { runProgram } = await load('litmus/run');
const { CLAIMS } = await load('explore/seed-claims');
const { VARIANTS } = await load('kernel/variants');
const { LITMUS_PROGRAMS } = await load('explore/litmus-scenarios');
const { RULE_SCENARIOS } = await load('explore/rule-scenarios');

/** Rules whose loss the invariants cannot see in a trace, with the reason (docs/explore.md). */
const UNSEEN = new Set(['switch-in-without-catch-up']);
/** Their callbacks rest on grace periods that no operation shows. */
const usable = (s) => !s.expedited && !s.broken.some((rule) => UNSEEN.has(rule));

/**
 * I06 is about the free path, not about who walks: reclaim without a grace period breaks it on any kernel that has no
 * reclaim for that reason, also where this machine has no walker under rcu_read_lock().
 */
const mayReclaim = (variant) => VARIANTS.find((v) => v.id === variant).reclaim;
const structural = (s, id) => id === 'I06' && s.program === 'madvise-dontneed' && !mayReclaim(s.variant);

let seed = Number(values.seed) >>> 0;
function random(below) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

/** Steps that the state allows. */
function ways(compiled, state) {
  const out = [];
  compiled.from.set(state);
  compiled.successors((i) => {
    out.push({ command: compiled.machine.commands[i], before: state, after: compiled.to.slice() });
  });
  return out;
}

function* everyPath(compiled, state, path) {
  const next = ways(compiled, state);
  if (next.length === 0) yield path;
  for (const step of next) yield* everyPath(compiled, step.after, [...path, step]);
}

function* randomPaths(compiled, count) {
  for (let n = 0; n < count; n++) {
    const path = [];
    let state = compiled.initial;
    for (;;) {
      const next = ways(compiled, state);
      if (next.length === 0) break;
      const step = next[random(next.length)];
      path.push(step);
      state = step.after;
    }
    yield path;
  }
}

const scenarios = new Map();
for (const { scenario, rule } of RULE_SCENARIOS) {
  for (const s of [scenario, { ...scenario, broken: [rule] }]) scenarios.set(JSON.stringify(s), s);
}
for (const { fix, bug } of LITMUS_PROGRAMS) for (const s of [fix, bug]) scenarios.set(JSON.stringify(s), s);
for (const { questions } of CLAIMS)
  for (const { scenario } of questions) scenarios.set(JSON.stringify(scenario), scenario);
// Batches that fill up on the way, on each kind of kernel, and without the flush of one.
for (const variant of ['A1', 'A2', 'B', 'C', 'Dn', 'E', 'En', 'Fn']) {
  const full = { ...DEFAULTS, variant, program: 'munmap-full', tables: 2, readers: ['gup-fast', 'hardware'] };
  for (const s of [full, { ...full, broken: ['batch-without-flush'] }]) scenarios.set(JSON.stringify(s), s);
}
const [part, parts] = values.part.split('/').map(Number);
const list = [...scenarios.values()].filter(usable).filter((_, i) => i % parts === part - 1);

const { FuncTable } = await load('kernel/func-table');
const funcs = new FuncTable();
const total = { executions: 0, traces: 0, silent: 0, found: 0, wrong: 0 };
const rows = [];
const share = Number(values.random);
for (const scenario of list) {
  const machine = machineOf(scenario);
  if (!machine.title.includes(values.only)) continue;
  const compiled = compile(machine);
  const { exploration } = explore(machine, EXPLORE_DEFAULTS);
  const all = BigInt(exploration.interleavings);
  const whole = all <= BigInt(values.whole);
  const unsafeIn = (state) => reader(compiled, state)('bad') !== 0;
  const row = {
    title: machine.title,
    all,
    whole,
    executions: 0,
    traces: 0,
    found: 0,
    wrong: 0,
    fired: new Map(),
    example: '',
  };
  // The same operations in the same order are judged once.
  const judged = new Map();
  for (const path of whole ? everyPath(compiled, compiled.initial, []) : randomPaths(compiled, share)) {
    row.executions++;
    const execution = executionOf(compiled, path, funcs);
    const key = execution.ops.map((op) => `${op.kind} ${op.cpu} ${op.slots.join(' ')}`).join(';');
    let violated = judged.get(key);
    if (violated === undefined) {
      violated = runProgram(execution, [scenario.variant]).violated;
      if (judged.size < 200_000) judged.set(key, violated);
      row.traces++;
    }
    const unsafe = path.length > 0 && unsafeIn(path.at(-1).after);
    if (unsafe) row.found++;
    const correct = scenario.broken.length === 0 && exploration.verdict === 'safe';
    const right = unsafe ? violated.length > 0 : !correct || violated.every((id) => structural(scenario, id));
    for (const id of violated) row.fired.set(id, (row.fired.get(id) ?? 0) + 1);
    if (right) continue;
    row.wrong++;
    row.example ||= `${unsafe ? 'unsafe, nothing violated' : `correct, ${violated.join(' ')}`}\n${path.map((s) => `    ${s.command.cpu} ${s.command.text}`).join('\n')}`;
  }
  rows.push(row);
  if (values.rows !== undefined) {
    const told = {
      title: row.title,
      program: scenario.program,
      broken: scenario.broken,
      verdict: exploration.verdict,
      all: String(all),
      whole,
      executions: row.executions,
      traces: row.traces,
      unsafe: row.found,
      wrong: row.wrong,
      fired: Object.fromEntries(row.fired),
    };
    appendFileSync(values.rows, `${JSON.stringify(told)}\n`);
  }
  total.executions += row.executions;
  total.traces += row.traces;
  total.found += row.found;
  total.wrong += row.wrong;
  const fired = [...row.fired]
    .sort()
    .map(([id, n]) => `${id} ${n}`)
    .join(', ');
  if (values.markdown) {
    console.log(
      `| ${row.title} | ${all} | ${row.executions}${whole ? ' (all)' : ''} | ${row.found} | ${fired || 'silent'} | ${row.wrong} |`,
    );
  } else {
    console.log(
      `${row.wrong === 0 ? 'ok   ' : 'WRONG'} ${row.title}: ${row.executions} of ${all} executions, ${row.traces} traces, ${row.found} unsafe, ${fired || 'silent'}`,
    );
    if (row.example) console.log(`  ${row.wrong} wrong, the first: ${row.example}`);
  }
}
console.log(
  `${total.executions} executions (${total.traces} different traces) of ${list.length} programs: ${total.found} unsafe, ${total.wrong} wrong`,
);
process.exitCode = total.wrong > 0 ? 1 : 0;
