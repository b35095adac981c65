import type { ErrorObject } from 'ajv/dist/2020.js';
import { VARIANTS } from '../kernel/variants.js';
import { PROGRAMS } from '../machine/freers.js';
import { MM_NAMES } from '../machine/kernel.js';
import type { EntrySpec } from '../machine/program.js';
import { READERS } from '../machine/readers.js';
import { MMU_RULES } from '../machine/rules.js';
import { DEFAULTS, machineOf, type Scenario } from '../machine/scenario.js';
import { readStep, StepFault, type WrittenStep, type WrittenThread } from '../machine/steps/step.js';
import { UsageError } from '../result/usage-error.js';
import { validatorOf } from '../schema/validator.js';
import { readYaml, YamlFault, type YamlText } from '../schema/yaml-text.js';

/** A program file that cannot be meant; the message names file, line and column. */
export class ProgramFileError extends UsageError {}

type Keys = readonly (string | number)[];

interface GivenThread {
  readonly program?: string;
  readonly reader?: string;
  readonly name?: string;
  readonly process?: string;
  readonly hardware?: boolean;
  readonly steps?: readonly string[];
}

interface Given {
  readonly name?: string;
  readonly variant?: string;
  readonly cpus?: number;
  readonly tables?: number;
  readonly pages?: boolean;
  readonly memory?: Scenario['memory'];
  readonly flush?: NonNullable<Scenario['flush']>;
  readonly broken?: readonly string[];
  readonly preempt?: boolean;
  readonly expedited?: boolean;
  readonly vcpus?: boolean;
  readonly hardware?: Scenario['walkers'];
  readonly device?: boolean;
  readonly entries?: Readonly<
    Record<string, { readonly table: string; readonly process?: string; readonly set?: boolean }>
  >;
  readonly threads: readonly GivenThread[];
  readonly readers?: readonly string[];
}

const validator = validatorOf<Given>('program', { allErrors: true });

/** Parts of a scenario that stand in for what a file says. */
export type Overrides = Partial<Omit<Scenario, 'program' | 'written'>>;

/**
 * A program file (docs/programs.md), YAML or JSON, as a question to the machine. `path` stands in messages; `over`: what
 * flags say instead. Throws ProgramFileError.
 */
export function readProgramFile(text: string, path: string, over: Overrides = {}): Scenario {
  let yaml: YamlText;
  try {
    yaml = readYaml(text, 'program');
  } catch (error) {
    if (error instanceof YamlFault) throw new ProgramFileError(`${placed(path, error)}: ${error.message}`);
    throw error;
  }
  const fail = (keys: Keys, message: string): never => {
    throw new ProgramFileError(`${placed(path, yaml.placeOf(keys))}: ${message}`);
  };
  const { value } = yaml;
  const validate = validator();
  if (!validate(value)) {
    const error = deepest(validate.errors ?? []);
    fail(keysOf(error), wordsOf(error));
  }
  return scenarioOf(value as Given, path, fail, over);
}

type Fail = (keys: Keys, message: string) => never;

function scenarioOf(given: Given, path: string, fail: Fail, over: Overrides): Scenario {
  checkNames(given, fail);
  // CPUs are numbered in this order; places in the file stay.
  const all = given.threads.map((thread, at) => ({ thread, at }));
  const programs = all.filter(({ thread }) => thread.program !== undefined);
  const written = all.filter(({ thread }) => thread.steps !== undefined);
  const readers = all.flatMap(({ thread }) => thread.reader ?? []);
  const [first, second] = programs;
  if (second)
    fail(['threads', second.at, 'program'], 'one program of the machine at most; write the others as steps');
  const taken =
    (first ? (PROGRAMS.find((p) => p.name === first.thread.program)?.cpus ?? 1) : 0) + written.length;
  const least = taken + readers.length;
  const cpus = over.cpus ?? given.cpus ?? least;
  if (cpus < least) fail(['cpus'], `${least} threads need as many CPUs, not ${cpus}`);
  const fill = over.readers ?? given.readers ?? [];
  if (cpus > least && fill.length === 0)
    fail(['cpus'], `no thread for ${cpus - least} of the CPUs: add readers`);
  const more = Array.from({ length: cpus - least }, (_, i) => fill[i % fill.length]!);
  const name = given.name ?? 'a program';
  const scenario: Scenario = {
    ...DEFAULTS,
    variant: given.variant ?? DEFAULTS.variant,
    tables: given.tables ?? DEFAULTS.tables,
    pages: given.pages ?? DEFAULTS.pages,
    memory: given.memory ?? DEFAULTS.memory,
    flush: given.flush ?? DEFAULTS.flush,
    broken: given.broken ?? DEFAULTS.broken,
    preempt: given.preempt ?? DEFAULTS.preempt,
    expedited: given.expedited ?? DEFAULTS.expedited,
    vcpus: given.vcpus ?? DEFAULTS.vcpus,
    walkers: given.hardware ?? DEFAULTS.walkers,
    ...over,
    program: name,
    readers: [...readers, ...more],
    cpus,
    written: {
      first: first?.thread.program ?? null,
      device: given.device === true,
      program: {
        name,
        what: `the threads of ${path}`,
        source: path,
        entries: entriesOf(given, over.tables ?? given.tables ?? DEFAULTS.tables, fail),
        threads: written.map(({ thread, at }) => threadOf(thread, at, fail)),
      },
    },
  };
  try {
    machineOf(scenario);
  } catch (error) {
    if (error instanceof StepFault) {
      const at = written[error.thread]?.at ?? 0;
      fail(['threads', at, ...(error.step < 0 ? [] : ['steps', error.step])], error.message);
    }
    if (error instanceof UsageError) throw new ProgramFileError(`${path}: ${error.message}`);
    throw error;
  }
  return scenario;
}

function checkNames(given: Given, fail: Fail): void {
  const known = (
    list: readonly { readonly name: string }[],
    name: string,
    what: string,
    keys: Keys,
  ): void => {
    if (!list.some((x) => x.name === name))
      fail(keys, `there is no ${what} ${name}; known: ${list.map((x) => x.name).join(', ')}`);
  };
  if (given.variant !== undefined && !VARIANTS.some((v) => v.id === given.variant))
    fail(
      ['variant'],
      `there is no kernel variant ${given.variant}; known: ${VARIANTS.map((v) => v.id).join(', ')}`,
    );
  given.broken?.forEach((rule, i) => {
    known(MMU_RULES, rule, 'rule', ['broken', i]);
  });
  given.readers?.forEach((reader, i) => {
    known(READERS, reader, 'reader', ['readers', i]);
  });
  given.threads.forEach((thread, i) => {
    if (thread.program !== undefined) known(PROGRAMS, thread.program, 'program', ['threads', i, 'program']);
    if (thread.reader !== undefined) known(READERS, thread.reader, 'reader', ['threads', i, 'reader']);
    if (thread.steps === undefined) {
      for (const key of ['name', 'process', 'hardware'] as const)
        if (thread[key] !== undefined) fail(['threads', i, key], `${key} is for a thread of steps`);
    }
  });
}

function entriesOf(given: Given, tables: number, fail: Fail): EntrySpec[] {
  return Object.entries(given.entries ?? {}).map(([name, { table, process = 'A', set = true }]) => {
    const number = Number(table.slice(1));
    if (number >= tables) fail(['entries', name, 'table'], `there is no table ${table}: tables: ${tables}`);
    if (/^T\d$/.test(name)) fail(['entries', name], `${name} is the entry of process A for that table`);
    const mm = mmOf(process);
    return { name, table: number, mm, set, sameAddress: mm !== 1 };
  });
}

function threadOf(thread: GivenThread, at: number, fail: Fail): WrittenThread {
  const steps = (thread.steps ?? []).map((text, i): WrittenStep => {
    const step = readStep(text);
    return step ?? fail(['threads', at, 'steps', i], 'unless RULE or only RULE comes last, with one rule');
  });
  return {
    name: thread.name ?? `thread ${at}`,
    mm: mmOf(thread.process ?? 'A'),
    walker: thread.hardware === true,
    steps,
  };
}

const mmOf = (process: string): number => (MM_NAMES as readonly string[]).indexOf(process);

const placed = (
  path: string,
  { line, column }: { readonly line: number; readonly column: number },
): string => (line > 0 ? `${path}:${line}:${column}` : path);

/** The error that lies deepest says most. */
function deepest(errors: readonly ErrorObject[]): ErrorObject {
  const depth = (e: ErrorObject): number => e.instancePath.split('/').length;
  const rank = (e: ErrorObject): number => (e.keyword === 'additionalProperties' ? 0 : 1);
  return [...errors].sort((a, b) => rank(a) - rank(b) || depth(b) - depth(a))[0]!;
}

function keysOf(error: ErrorObject): string[] {
  const keys = error.instancePath.split('/').slice(1);
  const { additionalProperty, propertyName } = error.params as {
    additionalProperty?: string;
    propertyName?: string;
  };
  const unknown = additionalProperty ?? propertyName;
  return unknown === undefined ? keys : [...keys, unknown];
}

function wordsOf(error: ErrorObject): string {
  const where = error.instancePath.slice(1).replaceAll('/', '.');
  const params = error.params as { additionalProperty?: string; allowedValues?: readonly string[] };
  if (params.additionalProperty !== undefined)
    return `${where === '' ? '' : `${where}: `}unknown key ${params.additionalProperty}`;
  if (error.instancePath.startsWith('/threads/') && ['oneOf', 'required'].includes(error.keyword))
    return `${where}: one of program, reader and steps`;
  const list = params.allowedValues ? `: ${params.allowedValues.join(', ')}` : '';
  return `${where === '' ? 'the program' : where} ${error.message}${list}`;
}
