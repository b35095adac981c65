import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { DEFAULT_POLICY } from '../../src/gate/default-policy.js';
import { loadPolicy, mergePolicies, PolicyError, parsePolicy } from '../../src/gate/policy-file.js';
import { folder } from './support/traces.js';

const fault = (text: string): PolicyError => {
  try {
    parsePolicy(text, 'p.yaml');
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('a policy file', () => {
  it('is YAML or JSON', () => {
    const yaml = 'version: 1\nloss: { maxEvents: 0 }\ninvariants:\n  required: [I01, I09]\n';
    const json = '{"version": 1, "loss": {"maxEvents": 0}, "invariants": {"required": ["I01", "I09"]}}';
    expect(parsePolicy(yaml, 'a')).toEqual(parsePolicy(json, 'b'));
  });

  it.each([
    ['version: 1\nloos: {}\n', 2, 1, 'unknown key "loos"; known: version, extends, variant'],
    ['version: 2\n', 1, 1, 'expected 1'],
    ['version: 1\ninvariants:\n  required:\n    - I01\n    - I99\n', 5, 7, 'an invariant id, I01 to I56'],
    ['version: 1\nlatency:\n  - name: munmap\n    budgets: ["p98 < 1us"]\n', 4, 15, 'a budget like'],
    ['version: 1\nvariant:\n  oneOf: [C, Z]\n', 3, 14, 'no kernel variant "Z"'],
    ['version: 1\nloss:\n  maxFraction: 7\n', 3, 3, 'must be <= 1'],
    ['version: 1\nversion: 1\n', 2, 1, 'Map keys must be unique'],
    ['version: [1\n', 2, 1, ''],
    ['- a\n', 1, 1, 'must be object'],
    ['{"version": 1,\n "lines": {"maxSkipped": -1}}', 2, 12, 'must be >= 0'],
  ])('%j is refused with the place', (text, line, column, message) => {
    const error = fault(text);
    expect([error.line, error.column]).toEqual([line, column]);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^p\.yaml:\d+:\d+: /);
  });

  it('does not expand without bound', () => {
    const bomb = ['version: 1', 'a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 0; i < 9; i++) {
      const [from, to] = ['abcdefghij'[i], 'abcdefghij'[i + 1]];
      bomb.push(
        `${to}: &${to} [*${from},*${from},*${from},*${from},*${from},*${from},*${from},*${from},*${from}]`,
      );
    }
    expect(() => parsePolicy(bomb.join('\n'), 'p.yaml')).toThrow();
  });

  it('extends others: later ones win, itself last', () => {
    const dir = folder();
    mkdirSync(join(dir, 'sub'));
    writeFileSync(
      join(dir, 'base.yaml'),
      'version: 1\nextends: [default]\nloss: { maxEvents: 7 }\nlines: { maxSkipped: 3 }\n',
    );
    writeFileSync(join(dir, 'sub/own.yaml'), 'version: 1\nextends: [../base.yaml]\nloss: { maxEvents: 1 }\n');
    const { policy, sources } = loadPolicy(join(dir, 'sub/own.yaml'));
    expect(policy.loss).toEqual({ maxFraction: DEFAULT_POLICY.loss?.maxFraction, maxEvents: 1 });
    expect(policy.lines).toEqual({ maxSkipped: 3 });
    expect(policy.extends).toBeUndefined();
    expect(sources).toEqual(['default', '../base.yaml', join(dir, 'sub/own.yaml')]);
  });

  it('may not extend itself, nor what does not exist', () => {
    const dir = folder();
    writeFileSync(join(dir, 'a.yaml'), 'version: 1\nextends: [b.yaml]\n');
    writeFileSync(join(dir, 'b.yaml'), 'version: 1\nextends: [a.yaml]\n');
    writeFileSync(join(dir, 'c.yaml'), 'version: 1\nextends: [nowhere.yaml]\n');
    expect(() => loadPolicy(join(dir, 'a.yaml'))).toThrow('extends itself');
    expect(() => loadPolicy(join(dir, 'c.yaml'))).toThrow('nowhere.yaml: cannot be read (ENOENT)');
  });

  it('without one the built-in applies', () => {
    expect(loadPolicy(null).policy).toBe(DEFAULT_POLICY);
  });

  it('merging with nothing changes nothing', () => {
    expect(mergePolicies(DEFAULT_POLICY, { version: 1 })).toEqual(DEFAULT_POLICY);
    expect(mergePolicies({ version: 1 }, DEFAULT_POLICY)).toEqual(DEFAULT_POLICY);
  });
});

describe('policies that would cost more than a policy can', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const policy = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const many = Array.from({ length: 9 }, (_, i) => `&a${i} [${'x'.repeat(3)}]`);
  test.each([
    ['a device', 'version: 1\nextends: [/dev/zero]\n', /is no file/],
    ['deep nesting', `version: 1\nx: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`, /deeper than 50/],
    [
      'aliases of aliases',
      `version: 1\na0: ${many[0]}\n${Array.from(
        { length: 9 },
        (_, i) =>
          `b${i}: &b${i} [${Array(9)
            .fill(i === 0 ? '*a0' : `*b${i - 1}`)
            .join(',')}]`,
      ).join('\n')}\n`,
      /aliases stand for more/,
    ],
    ['an alias of nothing', 'version: 1\nextends: *none\n', /has an alias of nothing/],
  ])('%s', (name, text, message) => {
    expect(() => loadPolicy(policy(`${name.replaceAll(' ', '-')}.yaml`, text))).toThrow(message);
  });

  test('lists that extend lists', () => {
    for (let level = 0; level < 3; level++) {
      for (let i = 0; i < 5; i++) {
        const next = Array.from({ length: 5 }, (_, k) => `l${level + 1}-${k}.yaml`).join(', ');
        policy(`l${level}-${i}.yaml`, level === 2 ? 'version: 1\n' : `version: 1\nextends: [${next}]\n`);
      }
    }
    expect(() => loadPolicy(join(dir, 'l0-0.yaml'))).not.toThrow();
    const all = Array.from({ length: 5 }, (_, k) => `l0-${k}.yaml`).join(', ');
    expect(() => loadPolicy(policy('top.yaml', `version: 1\nextends: [${all}]\n`))).toThrow(
      /more than 64 files/,
    );
  });
});
