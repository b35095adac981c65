import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { assertResult } from '../../src/result/validate.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const SCHEMAS = readdirSync(join(ROOT, 'src/schema'))
  .filter((f) => f.endsWith('.schema.json'))
  .map((f) => f.replace('.schema.json', ''));
const FIXTURES = [
  'replay',
  'ftrace-options',
  'function_graph',
  'latency-format',
  'trace-cmd-report',
  'trace-dat',
].flatMap((dir) =>
  readdirSync(join(ROOT, 'fixtures', dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => /\.(?:txt|gz|dat)$/.test(f) && !f.includes('kprobe_events'))
    .map((f) => join('fixtures', dir, f)),
);

describe.each(SCHEMAS)('schema %s', (name) => {
  it('is a strict JSON Schema 2020-12 with an id and a title', () => {
    const schema = readSchema(name);
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.$id).toMatch(/^urn:pttrace:schema:[a-z]+:\d+$/);
    expect(schema.title).toBeTypeOf('string');
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    // One may refer to others.
    for (const other of SCHEMAS) if (other !== name) ajv.addSchema(readSchema(other));
    expect(() => ajv.compile(schema)).not.toThrow();
  });
});

describe('results keep the schema', () => {
  it.each(FIXTURES)('%s', async (fixture) => {
    let result: unknown;
    try {
      result = await analyse({ paths: [join(ROOT, fixture)] });
    } catch (error) {
      // Some fixtures are there to be refused; that is another test's business.
      expect((error as Error).name).toBe('TraceError');
      return;
    }
    expect(() => assertResult(JSON.parse(JSON.stringify(result)))).not.toThrow();
  });

  it('what --json prints, with findings, a filter and an input error', async () => {
    const trace = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
    for (const args of [[], ['--cpu', '1'], ['--variant', 'A1']]) {
      const { stdout } = await runCommand(['replay', trace, '--json', ...args]);
      expect(() => assertResult(JSON.parse(stdout))).not.toThrow();
    }
  });

  it('a wrong one is refused with the place', async () => {
    const result = JSON.parse(JSON.stringify(await analyse({ paths: [join(ROOT, FIXTURES[0]!)] })));
    result.inputs[0].lines.total = 'many';
    expect(() => assertResult(result)).toThrow('/inputs/0/lines/total must be integer');
    delete result.inputs[0].lines.total;
    expect(() => assertResult(result)).toThrow("must have required property 'total'");
    expect(() => assertResult({ ...result, more: 1 })).toThrow();
  });
});

describe('what the other commands print with --json keeps its schema', () => {
  const trace = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
  const keeps = async (name: string, args: readonly string[]): Promise<Record<string, unknown>> => {
    const { stdout, stderr } = await runCommand([...args, '--json']);
    expect(stderr).toBe('');
    const printed = JSON.parse(stdout) as Record<string, unknown>;
    expect(printed.schema).toBe(`pttrace-${name}/1`);
    const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(readSchema(name));
    check(printed);
    expect(check.errors).toBeNull();
    return printed;
  };

  it.each([
    ['--line', '209'],
    ['--mm', '0xffff88807eeb8e40'],
    ['--table', '0x1'],
  ])('show %s %s', async (...subject) => {
    await keeps('show', ['show', trace, ...subject]);
  });

  it('explain, of every kind of topic', async () => {
    for (const topic of ['I05', 'L27', 'C', 'rcu', 'free-path']) {
      const { sections } = await keeps('explain', ['explain', topic]);
      expect((sections as unknown[]).length).toBeGreaterThan(0);
    }
  });

  it('litmus: the orders of the tests asked for', async () => {
    const { outcomes, partial } = await keeps('litmus', ['litmus', 'L01', 'L27']);
    expect(partial).toBe(false);
    expect((outcomes as { id: string }[]).map((o) => o.id)).toEqual(['L01', 'L01', 'L27', 'L27']);
  });
});
