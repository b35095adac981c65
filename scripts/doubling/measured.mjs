// Runs one command in this process, its output thrown away; prints its CPU time without the start, and the peak memory.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../in-process.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
// Modules are loaded, and code is warm, before the clock runs.
await runCommand(root, ['replay', '-'], {
  input: '# tracer: nop\n#\n  a-1  [000] ..... 1.000000: sched_waking: comm=a pid=1\n',
});
const begin = process.cpuUsage();
const { status, stderr } = await runCommand(root, process.argv.slice(2));
const { user, system } = process.cpuUsage(begin);
if (status > 1) {
  process.stderr.write(`exit ${status}: ${stderr}`);
  process.exitCode = 1;
} else {
  const seconds = (user + system) / 1e6;
  process.stdout.write(JSON.stringify({ seconds, mib: Math.round(process.resourceUsage().maxRSS / 1024) }));
}
