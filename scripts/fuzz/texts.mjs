// Damage to what is no trace: policies, kernel facts, probe lists, litmus tests, workloads, printed histograms.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { must, pick, upTo } from './must.mjs';
import { mutate } from './mutate.mjs';

const POLICIES = [
  'version: 1\nextends: [default]\ninvariants: { required: [I01, I03], maxUnknown: 5 }\n',
  'version: 1\nloss: { maxRatio: 0.01 }\nprobes: { required: [flush_tlb_mm_range] }\nvariant: { oneOf: [C, E] }\n',
  'version: 1\nlatency:\n  - { syscall: munmap, quantile: p99, max: 2ms }\nbaseline: { file: b.json, failIf: "p50 > +5%" }\n',
  '{"version": 1, "lines": {"maxSkipped": 0}, "invariants": {"required": "all"}}\n',
  'a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b, *b]\nversion: 1\n',
].map((text) => Buffer.from(text));
const HOSTILE = [
  '__proto__: 1',
  'constructor: {}',
  '&a [*a]',
  '!!js/function x',
  '? ?',
  '- '.repeat(60),
  '{'.repeat(70),
  '"\\ud800"',
];

const WORKLOADS = [
  '{"cpus": 4, "munmaps": 3, "tables": [1, 8], "readers": {"share": 0.2}}',
  '{"variant": "C", "threads": 2, "rcu": {"batch": 10}}',
].map((text) => Buffer.from(text));

/** `list`: `[name, weight, corpus, read(text)]`; whatever `read` throws must be of `named`. */
export function texts(modules, root) {
  const { policy, kernelInfo, plan, print, probes, litmus, workload, histograms, usage, errors, levels } =
    modules;
  const packed = (path) => gunzipSync(readFileSync(join(root, 'fixtures', path)));
  const info = packed('record/debian-7.3.4/kernel-info.txt.gz').toString('latin1');
  // The symbols of BTF are a hundred times the rest.
  const kernel = Buffer.from(info.slice(0, info.indexOf('## btf')).slice(0, 12_000), 'latin1');
  const plain = (folder, ending) =>
    readdirSync(join(root, 'fixtures', folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => readFileSync(join(root, 'fixtures', folder, name)));
  const named = (error) => error instanceof usage.UsageError || error instanceof errors.TraceError;
  const target = (name, weight, corpus, read, salt = []) => ({
    name,
    weight,
    run: (next) => {
      let bytes = mutate(pick(corpus, next), corpus, next);
      if (salt.length > 0 && next() < 0.3) {
        const at = upTo(bytes.length + 1, next);
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(salt, next)), bytes.subarray(at)]);
      }
      try {
        read(bytes.toString(next() < 0.5 ? 'latin1' : 'utf8'), next);
      } catch (error) {
        if (!named(error)) throw error;
      }
    },
  });
  return [
    target(
      'policy',
      0.5,
      POLICIES,
      (text) => must(policy.parsePolicy(text, 'p').version === 1, 'version'),
      HOSTILE,
    ),
    target('kernel-info', 0.1, [kernel], (text, next) => {
      const made = plan.planRecording(kernelInfo.parseKernelInfo(text), pick(levels.LEVELS, next));
      const script = print.printScript(pick(print.TOOLS, next), made, { bufferKb: 64 });
      must(!/[\0-\x08\x0b-\x1f]/.test(script), 'control characters in a script');
    }),
    target(
      'probes',
      4,
      [readFileSync(join(root, 'fixtures/kprobe-events/debian-6.16.12/kprobe_events.txt'))],
      (text) => probes.parseProbesFile(text),
    ),
    target('litmus', 6, plain('litmus', '.litmus'), (text) => litmus.parseLitmus(text)),
    target('workload', 1, WORKLOADS, (text) => workload.completeWorkload(workload.parseWorkload(text, 'w'))),
    target(
      'histogram',
      4,
      [...plain('bpftrace-hist/0.17.0', '.json.txt'), ...plain('inputs', '.txt')],
      (text) => histograms.readHistograms(text),
    ),
  ];
}
