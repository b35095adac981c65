// Pages of docs/ that are printed from the program's own tables. Usage: npm run build && node scripts/docs.mjs [--check]
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { findingPicture } from './docs/picture.mjs';
import { refreshed, Sandbox } from './docs/sessions.mjs';
import { importGraph, LAYERS } from './import-cycles.mjs';
import { runCommand } from './in-process.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const load = (path) => import(pathToFileURL(join(root, 'dist', path)).href);
const NOTE = '<!-- Printed by scripts/docs.mjs; edit the tables it reads. -->\n';
const VERB_TABLE = '<!-- verbs: printed by scripts/docs.mjs -->';
const ROOMS = '<!-- rooms: printed by scripts/docs.mjs -->';
const TABLES_OF_DATA = '<!-- tables: printed by scripts/docs.mjs -->';
const KERNELS = '<!-- kernels: printed by scripts/docs.mjs -->';

/** Made by the command of today, with the offsets out of the kernel's BTF. */
const KERNEL_INFO = 'kernel-info-offsets.txt.gz';

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');

async function invariants() {
  const { CATALOGUE } = await load('src/replay/rules/catalogue.js');
  const { ALL_VARIANTS, namesOf } = await load('src/kernel/variants.js');
  const overview = table(
    ['id', 'name', 'severity', 'variants'],
    CATALOGUE.map((i) => [
      i.id,
      i.name,
      i.severity,
      i.variants === ALL_VARIANTS ? 'all' : namesOf(i.variants).join(' '),
    ]),
  );
  const sections = CATALOGUE.map((i) =>
    [
      `## ${i.id} ${i.name}`,
      '',
      `**${i.statement}**`,
      '',
      `Why: ${i.why}.`,
      '',
      `Source: ${i.source}.`,
      '',
      i.needs.length === 0
        ? 'Decided from any recording.'
        : `Needs ${[i.byProbes, i.needs]
            .filter(Boolean)
            .map((of) => of.map((n) => n.probe).join('; '))
            .join('; or ')}. Without: unknown.`,
      '',
      `Not applicable when ${i.idle}.`,
    ].join('\n'),
  );
  return `${NOTE}
# Invariants

Each is checked on every recording and says **pass**, **violated**, **unknown** or **not applicable**. Notation: UL(T)
is the unlink of table T, FREE(T) the release of its page, INV(c) the invalidation on CPU c, CR and CB are call_rcu()
and its callback, → is "before". \`pttrace explain I09\` tells one of them at length.

Severity: S1 memory corruption or a stale walk, S2 a broken protocol that leads there, S3 a leak or a stall,
S4 a fault of the recording.

${overview}

${sections.join('\n\n')}
`;
}

async function variants() {
  const { VARIANTS } = await load('src/kernel/variants.js');
  const rows = VARIANTS.map((v) => [v.id, v.title, v.kernels, v.condition]);
  const leaves = VARIANTS.map((v) => [
    v.id,
    v.leaf,
    v.singlePath.join(', ') || 'none',
    v.sync1Real ? 'IPI to all' : 'empty',
    v.pvOp ? 'yes' : 'no',
    v.reclaim ? 'yes' : 'no',
    v.source,
  ]);
  return `${NOTE}
# Kernel variants

How x86 frees a page table has changed several times. A recording is held to the rules of every variant it may come
from: what is a bug in one of them and right in another is unknown until the recording, or \`--variant\`, tells them
apart. \`pttrace explain C\` shows a variant's call tree.

${table(['id', 'what', 'kernels', 'condition'], rows)}

How the last step goes: \`leaf\` sync frees after the flush, rcu queues batches with call_rcu(), either depends on the
machine; \`single\` is the path without memory for a batch; \`sync\` is tlb_remove_table_sync_one(); \`pv\` whether the
paravirt operation exists; \`reclaim\` whether madvise(MADV_DONTNEED) may free empty tables.

${table(['id', 'leaf', 'single', 'sync', 'pv', 'reclaim', 'source'], leaves)}
`;
}

function cli() {
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
  const bin = (text) => text.replaceAll('<%= config.bin %>', 'pttrace');
  const sections = Object.entries(manifest.commands)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, c]) => {
      const args = Object.values(c.args ?? {}).map((a) => [a.name, a.description ?? '']);
      const flags = Object.values(c.flags ?? {})
        .filter((f) => !f.hidden && f.helpGroup !== 'GLOBAL')
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((f) => {
          const value = f.type === 'boolean' ? '' : ` ${f.helpValue ?? 'VALUE'}`;
          const of = f.options ? ` (${f.options.join(', ')})` : '';
          const standard = f.default === undefined || f.type === 'boolean' ? '' : ` (default ${f.default})`;
          return [`\`--${f.name}${value}\``, `${f.description ?? ''}${of}${standard}`];
        });
      const examples = (c.examples ?? []).map((e) =>
        typeof e === 'string' ? bin(e) : `# ${e.description}\n${bin(e.command)}`,
      );
      return [
        `## pttrace ${name}`,
        '',
        `${c.summary ?? ''}.`,
        '',
        bin(c.description ?? ''),
        '',
        args.length > 0 ? `${table(['argument', ''], args)}\n` : '',
        flags.length > 0 ? `${table(['flag', ''], flags)}\n` : '',
        '```sh',
        examples.join('\n\n'),
        '```',
      ]
        .join('\n')
        .replace(/\n{3,}/g, '\n\n');
    });
  return `${NOTE}
# Commands

Every command has \`--help\` (\`-h\`), \`--version\` (\`-V\`), \`--color auto|always|never\` (NO_COLOR and TERM=dumb switch colours
off) and \`--no-pager\`: a report that is longer than the terminal goes through \`PTTRACE_PAGER\`, else \`PAGER\`, else less.
\`pttrace completion bash|zsh|fish\` prints a completion; an installation by npm has manual pages (\`man pttrace-replay\`).

${sections.join('\n\n')}
`;
}

/** README.md with the output of the commands its comments name, as they print it now; `| N`: the first N lines. */
async function readme() {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const outputs = /(<!-- output: (.+?)(?: \| (\d+))? -->\n```\n)[\s\S]*?(```)/g;
  const now = [];
  for (const [, , command, lines] of text.matchAll(outputs))
    now.push(await printed(command.split(' '), lines));
  return text.replace(outputs, (_, open, _command, _lines, close) => `${open}${now.shift()}${close}`);
}

async function printed(args, lines) {
  const { status, stdout, stderr } = await runCommand(root, args, { env: { NO_COLOR: '1', COLUMNS: '' } });
  if (status > 1) throw new Error(`pttrace ${args.join(' ')}: ${stderr}`);
  const text = stdout.toString();
  return lines === undefined ? text : text.split('\n').slice(0, lines).join('\n').concat('\n');
}

/** The claims of the thread, decided anew. */
async function seedClaims() {
  const { answerClaims } = await load('src/explore/seed-claims.js');
  const { claimsPage } = await load('cli/render/claims.js');
  return claimsPage(answerClaims());
}

/** The verbs of program files. */
async function programs() {
  const { VERBS } = await load('src/machine/steps/verbs.js');
  const text = readFileSync(join(root, 'docs/programs.md'), 'utf8');
  const rows = VERBS.map((v) => [`\`${v.name}${v.args === '' ? '' : ` ${v.args}`}\``, v.what, v.source]);
  const drawn = `${VERB_TABLE}\n\n${table(['step', 'what it does', 'source'], rows)}\n\n<!-- end -->`;
  return text.replace(new RegExp(`${VERB_TABLE}[\\s\\S]*?<!-- end -->`), () => drawn);
}

/** Rules of the machine, each with what is safe with it and unsafe without; litmus tests as programs. */
async function machineRules() {
  const { LITMUS_PROGRAMS, runLitmusProgram } = await load('src/explore/litmus-scenarios.js');
  const { litmusProgramsTable } = await load('cli/render/litmus-programs.js');
  const { RULE_SCENARIOS } = await load('src/explore/rule-scenarios.js');
  const { exploreScenario } = await load('src/explore/report.js');
  const { EXPLORE_DEFAULTS } = await load('src/explore/explore.js');
  const { MMU_RULES } = await load('src/machine/rules.js');
  const rows = RULE_SCENARIOS.map(({ rule, scenario }) => {
    const fix = exploreScenario(scenario, EXPLORE_DEFAULTS).report.exploration;
    const bug = exploreScenario({ ...scenario, broken: [rule] }, EXPLORE_DEFAULTS).report;
    const { rule: says, source } = MMU_RULES.find((r) => r.name === rule);
    return [
      `\`${rule}\``,
      `${says} (${source})`,
      `${scenario.program}, ${scenario.variant}, ${scenario.readers.join(', ')}`,
      `${fix.verdict}, ${fix.states} states, ${fix.interleavings} interleavings`,
      `${bug.exploration.verdict} in ${bug.exploration.counterexamples[0].steps.length} steps: ${bug.exploration.counterexamples[0].text}`,
      bug.invariants[0].join(' ') || 'nothing',
    ];
  });
  return `${NOTE}
# Rules of the machine

Each rule that \`pttrace explore --broken\` switches off, with a program that is safe over all interleavings while the
kernel follows it, and unsafe as soon as it does not. "Replay says" are the invariants that the shortest way violates, given
all its operations. \`switch-in-without-catch-up\` cannot be seen in a trace: a lazy CPU that leaves the mm counts as flushed,
which it is as long as it catches up on return.

${table(['rule', 'the kernel', 'program, variant, readers', 'with the rule', 'without it', 'replay says'], rows)}

## Litmus tests as programs

\`pttrace litmus\` runs the given orders, then every interleaving of each test of the suite: all of the fix safe, some of the bug
not (\`--given-orders\`, \`--all-orders\`: only the one or the other). What a test is about stands for more than its two orders: L01 is any munmap() that hands a batch over with
its flush pending. L10 and L39, L16 and L45, L23 and L47, L40 and L41 are told apart by their program or variant, or share one.

Not in the suite, and not programs: the two shapes of 7.3 that must stay silent have no bug to be found. A callback after an
expedited grace period only is \`--expedited\`; a task that moves to another CPU while its flush waits is not in this
machine, whose threads stay on their CPUs.

${litmusProgramsTable(LITMUS_PROGRAMS.map(runLitmusProgram))}
`;
}

/** The tables that --parquet writes, and the queries over them. */
async function data() {
  const { TABLES } = await load('src/data/tables.js');
  const { SHIPPED_QUERIES } = await load('src/data/queries.js');
  const kinds = { text: 'string', int: 'int32', long: 'int64' };
  const sections = TABLES.map(({ name, row, columns }) =>
    [
      `### ${name}`,
      '',
      `A row is ${row}.`,
      '',
      table(
        ['column', 'type', ''],
        columns.map((c) => [`\`${c.name}\``, `${kinds[c.kind]}${c.nullable ? ', or null' : ''}`, c.what]),
      ),
    ].join('\n'),
  );
  const queries = table(
    ['query', 'answers'],
    SHIPPED_QUERIES.map((q) => [`\`${q.name}\``, q.what]),
  );
  const text = readFileSync(join(root, 'docs/data.md'), 'utf8');
  const drawn = `${TABLES_OF_DATA}\n\n${sections.join('\n\n')}\n\n## Shipped queries\n\n${queries}\n\n<!-- end -->`;
  return text.replace(new RegExp(`${TABLES_OF_DATA}[\\s\\S]*?<!-- end -->`), () => drawn);
}

/** Rooms by layer, as import-cycles.mjs checks them, and which rooms each imports from. */
function architecture() {
  const graph = importGraph(root);
  const rooms = LAYERS.map((layer) => layer.filter((room) => !room.endsWith('.ts')));
  const roomOf = (file) =>
    rooms
      .flat()
      .filter((room) => file.startsWith(`${room}/`))
      .sort((a, b) => b.length - a.length)[0];
  const imports = new Map();
  for (const [file, targets] of graph) {
    const room = roomOf(file);
    if (!room) continue;
    const from = imports.get(room) ?? new Set();
    imports.set(room, from);
    for (const target of targets) {
      const other = roomOf(target);
      if (other && other !== room) from.add(other);
    }
  }
  const short = (room) => room.replace('src/', '');
  const order = rooms.flat();
  const rows = rooms.flatMap((layer, i) =>
    layer.map((room) => [
      i + 1,
      `\`${room}\``,
      order
        .filter((other) => imports.get(room)?.has(other))
        .map(short)
        .join(', '),
    ]),
  );
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const drawn = `${ROOMS}\n\n${table(['layer', 'room', 'imports from'], rows)}\n\n<!-- end -->`;
  return text.replace(new RegExp(`${ROOMS}[\\s\\S]*?<!-- end -->`), () => drawn);
}

/** Pages whose console sessions are printed anew; docs/validate.md shortens what it quotes, and has a test of its own. */
const SESSIONS = [
  'docs/compare.md',
  'docs/simulate.md',
  ...readdirSync(join(root, 'docs/guides')).map((name) => `docs/guides/${name}`),
].sort();

async function sessionPages() {
  const sandbox = await new Sandbox(root).simulated({ sides: ['before', 'after'] });
  try {
    const pages = [];
    for (const path of SESSIONS)
      pages.push([path, await refreshed(readFileSync(join(root, path), 'utf8'), sandbox)]);
    return Object.fromEntries(pages);
  } finally {
    sandbox.remove();
  }
}

/** The picture of the README: a recording in which one flush leaves out a CPU. */
const PICTURED = 'fixtures/wrong-orders/busy-cpu2-of-mask-not-flushed-ft0.txt.gz';

/** What each level decides on each kernel whose kernel-info file is here, and why the newest leaves rules open. */
async function record() {
  const { parseKernelInfo } = await load('src/record/kernel-info.js');
  const { LEVELS } = await load('src/record/levels.js');
  const { planRecording, promisedIds } = await load('src/record/plan.js');
  const folder = join(root, 'fixtures/record');
  const release = (name) =>
    name
      .match(/[\d.]+$/)[0]
      .split('.')
      .map(Number);
  const kernels = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, KERNEL_INFO)))
    .sort((a, b) => release(a).reduce((order, n, i) => order || n - release(b)[i], 0))
    .map((name) => {
      const text = gunzipSync(readFileSync(join(folder, name, KERNEL_INFO))).toString('utf8');
      return { name: name.replace('debian-', ''), info: parseKernelInfo(text) };
    });
  const rows = kernels.map(({ name, info }) => [
    name,
    ...LEVELS.map((level) => promisedIds(planRecording(info, level)).length),
  ]);
  const newest = kernels.at(-1);
  const reasons = LEVELS.filter((level) => level === 'readers').flatMap((level) =>
    planRecording(newest.info, level)
      .decides.filter((d) => d.can !== 'yes')
      .map((d) => [`${d.id} ${d.name}`, d.can === 'no' ? `needs ${d.missing.join('; ')}` : d.lacking]),
  );
  const text = readFileSync(join(root, 'docs/record.md'), 'utf8');
  const printed = [
    KERNELS,
    table(['kernel', ...LEVELS], rows),
    `Open at level \`readers\` on ${newest.name}:`,
    table(['rule', 'why'], reasons),
    '<!-- end -->',
  ].join('\n\n');
  return text.replace(new RegExp(`${KERNELS}[\\s\\S]*?<!-- end -->`), () => printed);
}

/** Page → its text as the tables have it now. */
export async function pages() {
  return {
    'README.md': await readme(),
    'docs/finding.svg': await findingPicture(root, PICTURED),
    ...(await sessionPages()),
    'docs/architecture.md': architecture(),
    'docs/cli.md': cli(),
    'docs/data.md': await data(),
    'docs/invariants.md': await invariants(),
    'docs/record.md': await record(),
    'docs/variants.md': await variants(),
    'docs/programs.md': await programs(),
    'docs/seed-claims.md': await seedClaims(),
    'docs/machine-rules.md': await machineRules(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  for (const [path, text] of Object.entries(await pages())) {
    const file = join(root, path);
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${path} is out of date: npm run build && node scripts/docs.mjs`);
      process.exitCode = 1;
    }
  }
}
