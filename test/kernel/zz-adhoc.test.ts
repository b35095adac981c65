import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { BaseLearner } from '../../src/kernel/base-learner.js';
import { Decoder } from '../../src/kernel/decoder.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { OP, Op } from '../../src/kernel/ops.js';
import { load, readText, RECORDINGS } from './support/lines.js';
const names = Object.fromEntries(Object.entries(OP).map(([k, v]) => [v, k]));
test('x', () => {
  for (const k of readdirSync(RECORDINGS).filter((d) => d !== 'README.md'))
    for (const f of readdirSync(join(RECORDINGS, k)).filter((f) => /^(ftrace-kprobes|mt-munmap|exit-mmap|gup|slowpath-[fmg]|pt-reclaim-gup|perf-script.txt)/.test(f) && !/function/.test(f))) {
      for (const limit of [3000, 1e9]) {
        const { batches, events } = load(readText(join(RECORDINGS, k, f)), { limit });
        const funcs = new FuncTable();
        const l = new BaseLearner({ events, funcs });
        for (const b of batches) l.observe(b);
        const bases = l.finish();
        const d = new Decoder({ events, funcs, bases });
        const op = new Op();
        const counts: Record<string, number> = {};
        let n = 0;
        const t0 = performance.now();
        for (const b of batches) for (let i = 0; i < b.length; i++) { n++; if (d.decode(b, i, op)) counts[names[op.kind]!] = (counts[names[op.kind]!] ?? 0) + 1; }
        const ms = performance.now() - t0;
        console.log(k, f, limit, n, (n / ms / 1000).toFixed(2), 'M/s', bases.vmemmap.toString(16), bases.directMap.toString(16), bases.how, l.done(), limit > 3000 ? JSON.stringify(counts) : '');
      }
    }
}, 120000);
