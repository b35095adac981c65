// The search of `pttrace explore` against spin: the same states, the same verdicts.
// Usage: npm run build && node scripts/spin.mjs [--check]     (needs spin and cc; docs/explore.md has the table)
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compareWithSpin, hasSpin } from './spin/compare.mjs';

if (!hasSpin()) {
  console.log('spin: spin or cc is not installed, nothing compared');
} else {
  const rows = await compareWithSpin(fileURLToPath(new URL('../dist/src/', import.meta.url)));
  const lines = [
    '| program | pttrace: states | verdict | spin: states | verdict |',
    '| --- | ---: | --- | ---: | --- |',
    ...rows.map(
      (r) =>
        `| ${r.title} | ${r.states} | ${r.unsafe ? 'unsafe' : 'safe'} | ${r.spinStates} | ${r.spinUnsafe ? 'unsafe' : 'safe'} |`,
    ),
  ];
  console.log(lines.join('\n'));
  const page = new URL('../docs/explore.md', import.meta.url);
  const [begin, end] = ['<!-- spin: printed by scripts/spin.mjs -->', '<!-- /spin -->'];
  const text = readFileSync(page, 'utf8');
  const at = text.indexOf(begin);
  if (at < 0) throw new Error('docs/explore.md has no place for the table');
  const next = `${text.slice(0, at)}${begin}\n\n${lines.join('\n')}\n\n${text.slice(text.indexOf(end))}`;
  const different = rows.filter((r) => !r.same);
  if (process.argv.includes('--check')) {
    console.log(next === text ? 'docs/explore.md is up to date' : 'docs/explore.md has another table');
    process.exitCode = next === text && different.length === 0 ? 0 : 1;
  } else {
    writeFileSync(page, next);
    process.exitCode = different.length === 0 ? 0 : 1;
  }
  console.log(`${rows.length - different.length} of ${rows.length} programs: same states, same verdict`);
}
