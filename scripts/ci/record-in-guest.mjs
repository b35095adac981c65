// Boots a kernel and records a workload in it: what action.yml does between installing pttrace and replaying.
//   node scripts/ci/record-in-guest.mjs --kernel FILE --out FOLDER [--name NAME] [--runs N] [--engine auto|virtme-ng|qemu]
//     [--level LEVEL] [--workload COMMAND] [--config FILE] [--cpus N] [--memory SIZE] [--timeout S] [--pttrace FOLDER]
// FILE is a bzImage (or a linux-image .deb). Recordings are FOLDER/NAME-1.gz and so on; their paths are printed, one a line.
// virtme-ng: the guest has this machine's file system, so that COMMAND is any command. qemu: it has busybox, Node, pttrace
// and the first word of COMMAND with its libraries. Without COMMAND: munmap() with threads on all CPUs. Exit status: 0, 1 no recording, 2 usage.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildWorkload, findKernel, linkedFiles, nodeFiles, runGuest, which } from '../e2e/guest.mjs';
import { payload } from '../e2e/payload.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const WORKLOAD = 'munmap-workload';

/** Wrong usage. */
class Wrong extends Error {}

const quoted = (word) => `'${String(word).replaceAll("'", "'\\''")}'`;

function settings(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      kernel: { type: 'string' },
      out: { type: 'string' },
      name: { type: 'string', default: 'trace' },
      runs: { type: 'string', default: '1' },
      engine: { type: 'string', default: 'auto' },
      level: { type: 'string', default: 'tables' },
      workload: { type: 'string', default: '' },
      config: { type: 'string', default: '' },
      cpus: { type: 'string', default: '4' },
      memory: { type: 'string', default: '2G' },
      timeout: { type: 'string', default: '1500' },
      pttrace: { type: 'string', default: ROOT },
    },
  });
  const { kernel, out, engine, name } = values;
  if (!kernel || !out) throw new Wrong('--kernel FILE and --out FOLDER are needed');
  if (!existsSync(kernel)) throw new Wrong(`--kernel ${kernel}: no such file`);
  if (!/^[\w.-]+$/.test(name)) throw new Wrong(`--name ${name}: letters, digits, ".", "_" and "-"`);
  if (!['auto', 'virtme-ng', 'qemu'].includes(engine))
    throw new Wrong(`--engine ${engine}: auto, virtme-ng or qemu`);
  for (const number of ['runs', 'cpus', 'timeout'])
    if (!/^[1-9]\d*$/.test(values[number])) throw new Wrong(`--${number} wants a number from 1 up`);
  const found = engine === 'auto' ? (which('vng') ? 'virtme-ng' : 'qemu') : engine;
  const tool = found === 'virtme-ng' ? 'vng' : 'qemu-system-x86_64';
  if (!which(tool)) throw new Wrong(`${tool} is not installed`);
  return { ...values, engine: found, runs: Number(values.runs), timeout: Number(values.timeout) };
}

const trace = (name, run) => `${name}-${run}.gz`;
const runsOf = ({ runs }) => Array.from({ length: runs }, (_, i) => i + 1);

/** What the guest does: one recording after the other. `pttrace`: how it is called there. */
const recordings = (s, pttrace, command, after) =>
  runsOf(s)
    .map((run) => {
      const file = trace(s.name, run);
      return `echo "[run] pttrace record --level ${s.level} -o ${file}"
${pttrace} record --level ${s.level} -o ${file} -- ${command}
echo "[exit] ${file} $?"
${after(file)}`;
    })
    .join('\n');

async function inQemu(s, scratch) {
  const files = { ...nodeFiles(), pttrace: { tree: payload(s.pttrace) } };
  let command = s.workload;
  if (command === '') {
    files[`bin/${WORKLOAD}`] = buildWorkload(scratch, WORKLOAD);
    command = `${WORKLOAD} 20 16`;
  } else {
    const program = command.split(/\s+/)[0];
    const path = program.includes('/') ? resolve(program) : which(program);
    if (!path || !existsSync(path)) throw new Wrong(`--workload: there is no ${program} on this machine`);
    Object.assign(files, programFiles(path));
    command = command.replace(program, path.split('/').at(-1));
  }
  const { image, config } = findKernel(resolve(s.kernel), join(scratch, 'kernel'));
  const options = s.config || config;
  if (options) files['boot/config'] = resolve(options);
  const job = `cd /tmp
[ ! -e /boot/config ] || mv /boot/config "/boot/config-$(uname -r)"
${recordings(s, 'node /pttrace/bin/run.js', command, (file) => `[ ! -e ${file} ] || send ${file} ${file}`)}
`;
  const { cpus, memory, timeout } = s;
  const ran = await runGuest({ kernel: image, files, job, cpus, memory, timeoutS: timeout, onLine: say });
  for (const [name, bytes] of ran.files) writeFileSync(join(s.out, name), bytes);
  return ran.console;
}

/** A static program has no libraries to be listed. */
function programFiles(path) {
  try {
    return linkedFiles(path);
  } catch {
    return { [`bin/${path.split('/').at(-1)}`]: path };
  }
}

function inVirtme(s, scratch) {
  const command = s.workload === '' ? `${quoted(buildWorkload(scratch, WORKLOAD))} 20 16` : s.workload;
  const script = join(scratch, 'job.sh');
  const pttrace = `${quoted(process.execPath)} ${quoted(join(resolve(s.pttrace), 'bin/run.js'))}`;
  writeFileSync(
    script,
    `[ -e /sys/kernel/tracing/trace ] || mount -t tracefs tracefs /sys/kernel/tracing
cd ${quoted(resolve(s.out))} || exit 1
${recordings(s, pttrace, command, () => '')}
`,
  );
  const run = spawnSync(
    'vng',
    [
      ...['--run', resolve(s.kernel), '--user', 'root', '--cpus', s.cpus, '--memory', s.memory],
      ...['--rwdir', resolve(s.out), '--rodir', scratch, '--exec', `sh ${script}`],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28, timeout: s.timeout * 1000, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const text = `${run.stdout}${run.stderr}`;
  for (const line of text.split('\n')) say(line);
  if (run.error) throw new Error(`vng did not finish: ${run.error.message}`);
  return text;
}

function say(line) {
  if (line.trim() !== '') process.stderr.write(`  | ${line}\n`);
}

async function main(argv) {
  const s = settings(argv);
  mkdirSync(s.out, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'pttrace-guest-'));
  try {
    process.stderr.write(`booting ${s.kernel} by ${s.engine}, ${s.cpus} CPUs\n`);
    const console = s.engine === 'qemu' ? await inQemu(s, scratch) : inVirtme(s, scratch);
    for (const run of runsOf(s)) {
      const name = trace(s.name, run);
      const file = join(s.out, name);
      const exit = new RegExp(`^\\[exit\\] ${name.replaceAll('.', '\\.')} (\\d+)\\r?$`, 'm').exec(
        console,
      )?.[1];
      if (exit !== '0') throw new Error(`pttrace record of ${name} ended with ${exit ?? 'nothing'}`);
      if (!existsSync(file) || statSync(file).size === 0)
        throw new Error(`${name} did not come out of the guest`);
      process.stdout.write(`${file}\n`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`record-in-guest: ${error.message}\n`);
  process.exitCode = error instanceof Wrong || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
