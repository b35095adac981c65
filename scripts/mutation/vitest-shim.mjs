/**
 * The part of Vitest's interface that the tests of the mutation run use, so that they run in a warm process: tests
 * register here; `runTests()` runs them and stops at the first that fails. `expect` is Vitest's own.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.PTTRACE_MUTATION_ROOT}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const chai = await load('chai');
const { GLOBAL_EXPECT, JestAsymmetricMatchers, JestChaiExpect, JestExtend, getState, setState } =
  await load('@vitest/expect');
chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect);
globalThis[GLOBAL_EXPECT] = expect;
expect.getState = () => getState(expect);
expect.setState = (state) => setState(state, expect);
setState({ assertionCalls: 0, testPath: '' }, expect);

let tests = [];
let before = [];
let path = [];

const format = (name, row, index) => {
  let i = 0;
  return `${name.replace(/\$(\w+)/g, (_, key) => row?.[key] ?? '').replace(/%s/g, () => (Array.isArray(row) ? row[i++] : i++ ? '' : row))}#${index}`;
};

function eachOf(register) {
  return (rows) => (name, body) => {
    rows.forEach((row, index) => {
      const args = Array.isArray(row) ? row : [row];
      register(format(name, row, index), () => body(...args));
    });
  };
}

export function describe(name, body) {
  path.push(name);
  body();
  path.pop();
}
describe.each = eachOf((name, body) => describe(name, body));
describe.skipIf = (skip) => (skip ? Object.assign(() => {}, { each: () => () => {} }) : describe);
describe.skip = () => {};

export function it(name, body) {
  tests.push({ name: [...path, name].join(' > '), body });
}
it.each = eachOf((name, body) => it(name, body));
it.skipIf = (skip) => (skip ? Object.assign(() => {}, { each: () => () => {} }) : it);
it.skip = () => {};
export const test = it;
export const beforeAll = (body) => before.push(body);
export const afterAll = () => {};

/** Runs what was registered since the last call. `null` or the name of the first test that fails, with its message. */
export async function runTests() {
  const [mine, first] = [tests, before];
  tests = [];
  before = [];
  path = [];
  try {
    for (const body of first) await body();
  } catch (error) {
    return { test: 'beforeAll', message: String(error?.message ?? error).slice(0, 300) };
  }
  for (const { name, body } of mine) {
    try {
      await body();
    } catch (error) {
      return { test: name, message: String(error?.message ?? error).slice(0, 300) };
    }
  }
  return null;
}

/** How many tests wait to be run. */
export const waiting = () => tests.length;
