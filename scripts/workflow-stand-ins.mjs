// What stands in for the actions and programs that a workflow of docs/ci uses.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Action → what stands in for it; `inputs` are the names it takes. It throws as the action would fail. */
export const STAND_INS = {
  'actions/checkout': {
    inputs: ['repository', 'path'],
    run: ({ inputs, cwd }) => {
      if (inputs.repository === undefined) return 'the workspace is a copy already';
      symlinkSync(root, join(cwd, inputs.path));
      return `this project stands in for ${inputs.repository}`;
    },
  },
  'actions/setup-node': {
    inputs: ['node-version'],
    run: ({ inputs }) => {
      const has = Number(process.versions.node.split('.')[0]);
      if (!(Number(inputs['node-version']) >= 20)) throw new Error('pttrace needs Node 20 or newer');
      return `Node ${has} of this machine stands in for ${inputs['node-version']}`;
    },
  },
  'github/codeql-action/upload-sarif': {
    inputs: ['sarif_file', 'category'],
    run: ({ inputs, cwd }) => {
      const log = JSON.parse(readFileSync(join(cwd, inputs.sarif_file), 'utf8'));
      if (log.version !== '2.1.0') throw new Error(`${inputs.sarif_file} is no SARIF 2.1.0`);
      return `${log.runs.flatMap((r) => r.results).length} results as ${inputs.category}`;
    },
  },
  'actions/download-artifact': {
    inputs: ['name', 'path'],
    run: ({ inputs, cwd, out }) => {
      const from = join(out, 'artifacts', inputs.name);
      if (!existsSync(from)) throw new Error(`there is no artifact ${inputs.name}`);
      // Kept under the folder that all its files share, as the action keeps them.
      const [only, ...others] = readdirSync(from);
      const shared =
        others.length === 0 && statSync(join(from, only)).isDirectory() ? join(from, only) : from;
      cpSync(shared, join(cwd, inputs.path), { recursive: true });
      return `${inputs.name} to ${inputs.path}`;
    },
  },
  'actions/upload-artifact': {
    inputs: ['name', 'path'],
    run: ({ inputs, cwd, out }) => {
      const paths = inputs.path.split('\n').filter((p) => p !== '' && existsSync(join(cwd, p)));
      if (paths.length === 0) throw new Error(`no file of ${inputs.path} exists`);
      for (const path of paths) {
        cpSync(join(cwd, path), join(out, 'artifacts', inputs.name, path), { recursive: true });
      }
      return `${paths.join(', ')} as ${inputs.name}`;
    },
  },
};

/** Throws an Error naming what there is no stand-in for. */
export function checkUses(step, place) {
  const [action, version] = step.uses.split('@');
  const known = STAND_INS[action];
  if (!known) throw new Error(`${place}: action "${action}" is not known to this runner`);
  if (!/^v\d/.test(version ?? '')) throw new Error(`${place}: ${action} names no version`);
  for (const input of Object.keys(step.with ?? {})) {
    if (!known.inputs.includes(input)) {
      throw new Error(`${place}: input "${input}" of ${action} is not known to this runner`);
    }
  }
}

/** Programs that the steps find first: this project's pttrace (or `pttrace`), and an npm that installs nothing else. */
export function standInPrograms(dir, pttrace = `"${process.execPath}" "${join(root, 'bin/run.js')}"`) {
  mkdirSync(dir, { recursive: true });
  const program = (name, text) => {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  };
  symlinkSync(process.execPath, join(dir, 'node'));
  const installed = join(dir, 'installed');
  program(
    'pttrace',
    `[ -e "${installed}" ] || { echo "pttrace: not installed" >&2; exit 127; }\nexec ${pttrace} "$@"`,
  );
  mkdirSync(join(dir, 'global'));
  symlinkSync(root, join(dir, 'global/pttrace'));
  program(
    'npm',
    `case "$*" in
  ci) ;;
  "pack --ignore-scripts --pack-destination "*) : > "$4/pttrace-0.0.0.tgz" ;;
  "root --global") echo "${join(dir, 'global')}" ;;
  "install --global "*/pttrace-*.tgz) [ -e "$3" ] && : > "${installed}" ;;
  *) echo "npm $*: not known to this runner" >&2; exit 1 ;;
esac`,
  );
}
