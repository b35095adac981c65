// Runs the tests of one tree per message, in a thread that stays warm. A fault outside a test counts as a failing one.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { runTests, waiting } from './vitest-shim.mjs';

let pending = null;
process.on('uncaughtException', (error) => pending?.({ test: 'outside of tests', message: String(error) }));
process.on('unhandledRejection', (error) => pending?.({ test: 'outside of tests', message: String(error) }));

async function run({ tree, tests }) {
  for (const file of tests) {
    try {
      await import(pathToFileURL(join(tree, file.replace(/\.ts$/, '.js'))).href);
    } catch (error) {
      return { file, test: 'loading', message: String(error?.message ?? error).slice(0, 300) };
    }
    if (waiting() === 0) return { file, test: 'registering', message: 'no tests', broken: true };
    const failed = await runTests();
    if (failed) return { file, ...failed };
  }
  return null;
}

parentPort.on('message', async (message) => {
  const outside = new Promise((resolve) => {
    pending = resolve;
  });
  const failed = await Promise.race([run(message), outside]);
  pending = null;
  parentPort.postMessage({ id: message.id, failed });
});
