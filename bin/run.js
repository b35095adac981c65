#!/usr/bin/env node
import { readFileSync } from 'node:fs';

// `--version` (-V) needs nothing but package.json; oclif is half of the start-up time, so it is not loaded for it.
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  const { main } = await import('../dist/start/main.js');
  await main(import.meta.url);
}
