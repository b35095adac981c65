// Boots a kernel in QEMU with an initramfs made here, and gives back the files its job sent.
import { execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));

export const which = (tool) => {
  for (const dir of (process.env.PATH ?? '').split(':')) {
    const path = join(dir, tool);
    if (existsSync(path)) return path;
  }
  return null;
};

/** Compiles a workload; static, so that the guest needs no libraries. */
export function buildWorkload(folder, name) {
  const out = join(folder, name);
  execFileSync('gcc', ['-O2', '-static', '-pthread', join(HERE, `${name}.c`), '-o', out]);
  return out;
}

/** Files of the guest: path → file or folder of the host, { text }, or { tree } of more of the kind. */
function layOut(files, root) {
  for (const [path, source] of Object.entries(files)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof source === 'string') symlinkSync(realpathSync(source), target);
    else if (source.tree) layOut(source.tree, target);
    else writeFileSync(target, source.text);
  }
}

/** What the links point at goes in; types and source maps are half of the files of a package, and a guest runs none of them. */
const ARCHIVE = `find -L . ! -name '*.d.ts' ! -name '*.d.mts' ! -name '*.d.cts' ! -name '*.map' -print0 |
  cpio --null -o -H newc -L --quiet`;

/** An initramfs (cpio, not compressed: emulated CPUs take long to unpack) with these files and busybox. */
export function makeInitramfs(files, out) {
  const root = mkdtempSync(join(tmpdir(), 'pttrace-initramfs-'));
  const archive = openSync(out, 'w');
  try {
    layOut({ ...files, 'bin/busybox': which('busybox') }, root);
    copyFileSync(join(HERE, 'guest-init.sh'), join(root, 'init'));
    chmodSync(join(root, 'init'), 0o755);
    execFileSync('sh', ['-c', ARCHIVE], { cwd: root, stdio: ['ignore', archive, 'inherit'] });
  } finally {
    closeSync(archive);
    rmSync(root, { recursive: true, force: true });
  }
  return out;
}

/** A program of the host and the shared libraries it is linked with, as guest files. */
export function linkedFiles(program) {
  const files = { [`bin/${basename(program)}`]: program };
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const line of listed.split('\n')) {
    const path = /(?:=> |^\s+)(\/\S+) \(/.exec(line)?.[1];
    if (path) files[path.slice(1)] = path;
  }
  return files;
}

/** Node itself, as guest files. */
export const nodeFiles = () => linkedFiles(process.execPath);

/**
 * The kernel patches its own text; emulated CPUs on threads of their own may run into the breakpoint it uses for that when it
 * is gone. Where it stood at the entry of a function with a kprobe, the kernel takes it for that of a kprobe, of which ftrace
 * made no copy: it jumps to 0, or finds a second one on the way.
 */
const EMULATOR_FAULT =
  /Oops: int3|Unrecoverable kprobe detected|RIP: 0010:0x0\r?$|NULL pointer dereference, address: 0{16}\r?\n.*supervisor instruction fetch/m;
/** A guest that hit it may hang in telling of it. */
const LAST_WORDS_MS = 10_000;
const LAST_WORDS = 4096;

/**
 * Runs `job` (shell text) in a guest. Gives the files it sent, its console and the time it took. Throws when the
 * guest does not come to its end within `timeoutS`. A guest that the emulator broke is started again, all its CPUs on
 * one thread.
 */
export async function runGuest(guest) {
  try {
    return await runOnce(guest, 'multi');
  } catch (error) {
    if (!EMULATOR_FAULT.test(error.message)) throw error;
    guest.onLine?.('the emulated CPUs ran into text that the kernel was patching: again, on one thread');
    return await runOnce({ ...guest, timeoutS: (guest.timeoutS ?? 300) * 3 }, 'single');
  }
}

async function runOnce({ kernel, files, job, cpus = 4, memory = '1G', timeoutS = 300, onLine }, threads) {
  const folder = mkdtempSync(join(tmpdir(), 'pttrace-guest-'));
  const started = Date.now();
  try {
    const initrd = makeInitramfs({ ...files, 'job.sh': { text: job } }, join(folder, 'initrd'));
    const port = join(folder, 'files');
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...accelerator(threads),
        ...['-smp', String(cpus), '-m', memory],
        ...['-kernel', kernel, '-initrd', initrd],
        ...[
          '-append',
          'console=ttyS0 panic=-1 quiet no_timer_check tsc=reliable no_watchdog noirqdebug rcupdate.rcu_cpu_stall_suppress=1',
        ],
        ...[
          '-no-reboot',
          '-display',
          'none',
          '-monitor',
          'none',
          '-serial',
          'stdio',
          '-serial',
          `file:${port}`,
        ],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let text = '';
    let rest = '';
    let broken = null;
    const take = (chunk) => {
      text += chunk;
      if (broken === null && EMULATOR_FAULT.test(text.slice(-LAST_WORDS)))
        broken = setTimeout(() => qemu.kill('SIGKILL'), LAST_WORDS_MS);
      rest += chunk;
      const lines = rest.split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) onLine?.(line);
    };
    qemu.stdout.setEncoding('utf8').on('data', take);
    qemu.stderr.setEncoding('utf8').on('data', take);
    const timer = setTimeout(() => qemu.kill('SIGKILL'), timeoutS * 1000);
    const code = await new Promise((resolve, reject) => {
      qemu.once('error', reject);
      qemu.once('close', resolve);
    });
    clearTimeout(timer);
    clearTimeout(broken ?? undefined);
    const sent = existsSync(port) ? readFileSync(port, 'latin1') : '';
    if (!/^=== done\r?$/m.test(sent)) {
      throw new Error(
        `the guest did not finish (qemu exit ${code}):\n${text.split('\n').slice(-120).join('\n')}`,
      );
    }
    return { files: sentFiles(sent), console: text, seconds: (Date.now() - started) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The machine's own CPU where the kernel lets us have it, an emulated one else. */
function accelerator(threads) {
  if (threads === 'multi' && hasKvm()) return ['-accel', 'kvm', '-cpu', 'host'];
  return ['-accel', `tcg,thread=${threads}`, '-cpu', 'max,-la57'];
}

function hasKvm() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return /^flags\b.*\b(?:vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

function sentFiles(text) {
  const files = new Map();
  let name = null;
  let part = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\r$/, '');
    const head = /^=== file (\S+)$/.exec(line);
    if (head) [name, part] = [head[1], []];
    else if (line === '=== end') files.set(name, Buffer.from(part.join(''), 'base64'));
    else part.push(line);
  }
  return files;
}

/**
 * A kernel to boot: a bzImage, a linux-image .deb, or (null) the distribution's current linux-image, downloaded by
 * apt-get into `cache` once. Gives { image, name, config } or { missing: why }.
 */
export function findKernel(given, cache) {
  mkdirSync(cache, { recursive: true });
  if (given && !given.endsWith('.deb')) return { image: given, name: basename(given) };
  let deb = given;
  if (!deb) {
    if (!which('apt-get') || !which('dpkg'))
      return { missing: 'no kernel given with --kernel, and no apt-get here' };
    const depends = execFileSync('apt-cache', ['depends', 'linux-image-amd64'], { encoding: 'utf8' });
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (!name) return { missing: 'apt knows no linux-image-amd64; give a kernel with --kernel' };
    const stored = () =>
      execFileSync('find', [cache, '-maxdepth', '1', '-name', `${name}_*.deb`], { encoding: 'utf8' }).split(
        '\n',
      )[0];
    if (!stored()) execFileSync('apt-get', ['download', name], { cwd: cache, stdio: 'ignore' });
    deb = stored();
  }
  const folder = join(cache, basename(deb, '.deb'));
  if (!existsSync(folder)) execFileSync('dpkg', ['-x', deb, folder]);
  // Packages of 7.2 and later keep both under usr/lib/modules; the configuration may be in a package of its own.
  const fileCalled = (pattern) =>
    execFileSync('find', [folder, '-type', 'f', '-name', pattern], { encoding: 'utf8' }).split('\n')[0];
  const image = fileCalled('vmlinuz*');
  if (!image)
    return { missing: `there is no vmlinuz in ${basename(deb)}: of a split package give linux-binary-…` };
  const name =
    basename(image) === 'vmlinuz' ? basename(dirname(image)) : basename(image).replace('vmlinuz-', '');
  const config = fileCalled('config*');
  return { image, name: `${name} (${basename(deb)})`, ...(config ? { config } : {}) };
}
