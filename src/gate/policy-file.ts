import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ErrorObject } from 'ajv/dist/2020.js';
import { VARIANTS } from '../kernel/variants.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { UsageError } from '../result/usage-error.js';
import { readSchema } from '../schema/read-schema.js';
import { validatorOf } from '../schema/validator.js';
import { readYaml, YamlFault, type YamlText } from '../schema/yaml-text.js';
import { DEFAULT_POLICY } from './default-policy.js';
import type { Policy } from './types.js';

/** A policy that cannot be used; the message names file, line and column and says what was expected. */
export class PolicyError extends UsageError {
  readonly path: string;
  /** 1-based, 0 unknown. */
  readonly line: number;
  readonly column: number;

  constructor(path: string, line: number, column: number, message: string) {
    super(`${path}${line > 0 ? `:${line}:${column}` : ''}: ${message}`);
    this.path = path;
    this.line = line;
    this.column = column;
  }
}

export interface LoadedPolicy {
  readonly policy: Policy;
  /** Where it came from, in the order of merging. */
  readonly sources: readonly string[];
  /** Folder that `baseline.file` is relative to. */
  readonly baselineDir: string;
}

const MAX_BYTES = 1 << 20;
const TOO_LARGE = 'is larger than 1 MiB: no policy';
/** Files that one policy may be put together from: lists that extend lists grow by multiplication. */
const MAX_FILES = 64;
const schema = readSchema('policy');
const validator = validatorOf<Policy>('policy', { allErrors: true, allowUnionTypes: true });

/** The policy in `path` (JSON or YAML) with what it extends. Throws PolicyError. */
export function loadPolicy(path: string | null): LoadedPolicy {
  if (path === null) {
    return { policy: DEFAULT_POLICY, sources: ['default'], baselineDir: '.' };
  }
  return load(resolve(path), path, [], { left: MAX_FILES });
}

function load(file: string, shown: string, above: readonly string[], files: { left: number }): LoadedPolicy {
  if (files.left-- <= 0) throw new PolicyError(shown, 0, 0, `extends more than ${MAX_FILES} files`);
  if (above.includes(file)) throw new PolicyError(shown, 0, 0, 'extends itself');
  let text: string;
  try {
    // A device or a FIFO may have no end, or no writer.
    const stat = statSync(file);
    if (!stat.isFile()) throw new PolicyError(shown, 0, 0, 'is no file');
    if (stat.size > MAX_BYTES) throw new PolicyError(shown, 0, 0, TOO_LARGE);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new PolicyError(shown, 0, 0, `cannot be read (${code})`);
  }
  const own = parsePolicy(text, shown);
  let policy: Policy = { version: 1 };
  const sources: string[] = [];
  let baselineDir = dirname(file);
  for (const name of own.extends ?? []) {
    const base =
      name === 'default'
        ? loadPolicy(null)
        : load(resolve(dirname(file), name), name, [...above, file], files);
    policy = mergePolicies(policy, base.policy);
    sources.push(...base.sources);
    if (base.policy.baseline && !own.baseline) baselineDir = base.baselineDir;
  }
  return { policy: mergePolicies(policy, own), sources: [...sources, shown], baselineDir };
}

/** Lists are replaced, not joined: a policy says in full what it wants of a section's list. */
export function mergePolicies(base: Policy, over: Policy): Policy {
  const { extends: _, ...own } = over;
  return {
    ...base,
    ...own,
    ...(base.invariants || own.invariants ? { invariants: { ...base.invariants, ...own.invariants } } : {}),
    ...(base.loss || own.loss ? { loss: { ...base.loss, ...own.loss } } : {}),
    ...(base.lines || own.lines ? { lines: { ...base.lines, ...own.lines } } : {}),
    ...(base.probes || own.probes ? { probes: { ...base.probes, ...own.probes } } : {}),
  };
}

/** One policy text, checked; `extends` is not followed. Throws PolicyError. */
export function parsePolicy(text: string, path: string): Policy {
  const yaml = readText(text, path);
  const { value } = yaml;
  const fail = (keys: readonly (string | number)[], message: string): never => {
    const { line, column } = yaml.placeOf(keys);
    throw new PolicyError(path, line, column, message);
  };
  const check = validator();
  if (!check(value)) {
    const error = deepest(check.errors ?? []);
    const keys = error.instancePath.split('/').slice(1).map(unescapePointer);
    fail(
      error.keyword === 'additionalProperties' ? [...keys, String(error.params.additionalProperty)] : keys,
      `${keys.join('.') || 'policy'}: ${said(error)}`,
    );
  }
  const policy = value as Policy;
  policy.variant?.oneOf.forEach((name, i) => {
    if (!VARIANTS.some((v) => v.id === name))
      fail(['variant', 'oneOf', i], `there is no kernel variant "${name}"`);
  });
  const known = new Set(CATALOGUE.map((info) => info.id));
  policy.invariants?.required?.forEach((id, i) => {
    if (!known.has(id)) fail(['invariants', 'required', i], `${id} is not checked by this version`);
  });
  return policy;
}

function readText(text: string, path: string): YamlText {
  try {
    return readYaml(text, 'policy');
  } catch (error) {
    if (error instanceof YamlFault) throw new PolicyError(path, error.line, error.column, error.message);
    throw error;
  }
}

/** The error that lies deepest says most; an `anyOf` only sums up its branches. */
function deepest(errors: readonly ErrorObject[]): ErrorObject {
  return [...errors].sort(
    (a, b) => b.instancePath.split('/').length - a.instancePath.split('/').length || rank(a) - rank(b),
  )[0]!;
}

const rank = (error: ErrorObject): number => (error.keyword === 'anyOf' ? 1 : 0);

function said(error: ErrorObject): string {
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties':
      return `unknown key "${params.additionalProperty}"; known: ${siblings(error)}`;
    case 'const':
      return `expected ${JSON.stringify(params.allowedValue)}`;
    case 'pattern':
      return `expected ${describe(error)}`;
    case 'anyOf':
      return 'expected "all" or a list of invariant ids';
    default:
      return error.message ?? 'is not as the schema says';
  }
}

/** Keys allowed where an unknown one stands. */
function siblings(error: ErrorObject): string {
  const part = schemaAt(error.schemaPath.replace(/\/additionalProperties$/, ''));
  return Object.keys((part?.properties as object | undefined) ?? {}).join(', ');
}

function describe(error: ErrorObject): string {
  const part = schemaAt(error.schemaPath.replace(/\/pattern$/, ''));
  return String(part?.description ?? `something that matches ${error.params.pattern}`);
}

function schemaAt(path: string): Record<string, unknown> | undefined {
  let part: unknown = schema;
  for (const key of path.replace(/^#\/?/, '').split('/').filter(Boolean).map(unescapePointer)) {
    part = (part as Record<string, unknown> | undefined)?.[key];
  }
  return part as Record<string, unknown> | undefined;
}

const unescapePointer = (s: string): string => s.replaceAll('~1', '/').replaceAll('~0', '~');
