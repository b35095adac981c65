// Composite actions of a workspace (`uses: ./FOLDER`), as far as action.yml needs them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const KNOWN = {
  action: ['name', 'description', 'author', 'branding', 'inputs', 'outputs', 'runs'],
  input: ['description', 'required', 'default'],
  runs: ['using', 'steps'],
  step: ['name', 'id', 'if', 'uses', 'with', 'run', 'env', 'shell'],
};

function onlyKnown(what, object, place) {
  for (const key of Object.keys(object ?? {}))
    if (!KNOWN[what].includes(key)) throw new Error(`${place}: "${key}" is not known to this runner`);
}

export const isLocal = (uses) => /^\.\.?\//.test(uses);

/** Reads `FOLDER/action.yml`. Throws an Error naming what this runner cannot run, or what GitHub would refuse. */
export function readAction(folder) {
  const file = join(folder, 'action.yml');
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  const action = parse(readFileSync(file, 'utf8'));
  onlyKnown('action', action, 'action.yml');
  for (const [name, input] of Object.entries(action.inputs ?? {})) onlyKnown('input', input, `input ${name}`);
  onlyKnown('runs', action.runs, 'action.yml, runs');
  if (action.runs.using !== 'composite') throw new Error(`action.yml: runs.using "${action.runs.using}"`);
  action.runs.steps.forEach((step, i) => {
    const place = `action.yml, step ${i + 1}`;
    onlyKnown('step', step, place);
    if ((step.run === undefined) === (step.uses === undefined)) throw new Error(`${place}: run or uses`);
    if (step.run !== undefined && step.shell !== 'bash')
      throw new Error(`${place}: a step of an action names its shell, and this runner has bash only`);
  });
  return action;
}

/** Values of all inputs. Throws where a required one is missing, or one is given that there is not. */
export function inputsOf({ inputs = {} }, given) {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(inputs, name)) throw new Error(`there is no input "${name}"`);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { required, default: standard }]) => {
      if (required && !Object.hasOwn(given, name)) throw new Error(`input "${name}" is required`);
      return [name, given[name] ?? String(standard ?? '')];
    }),
  );
}
