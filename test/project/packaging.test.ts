import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.js';

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: {
    readonly steps: readonly { readonly run?: string; readonly env?: Record<string, string> }[];
  };
}
interface Composite {
  readAction(folder: string): Action;
  inputsOf(action: Action, given: Record<string, string>): Record<string, string>;
}
const { readAction, inputsOf } = (await import(join(ROOT, 'scripts/workflow-composite.mjs'))) as Composite;
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describe('action.yml', () => {
  const action = readAction(ROOT);

  it('every input is told, and used', () => {
    const guide = text('docs/guides/gate-ci.md');
    const steps = JSON.stringify(action.runs.steps);
    for (const [name, { description }] of Object.entries(action.inputs)) {
      expect(description.length, name).toBeGreaterThan(10);
      expect(guide).toMatch(new RegExp(`^\\|.*\`${name}\`.*\\|.*\\|.*\\|$`, 'm'));
      expect(steps).toContain(`inputs.${name} }}`);
    }
  });

  it('no value of a workflow stands in the text of a script', () => {
    // Inputs may hold anything: a script that they are pasted into would run it.
    for (const { run } of action.runs.steps) expect(run ?? '').not.toContain('${{');
  });

  it('a missing or unknown input is refused', () => {
    expect(() => inputsOf(action, {})).toThrow('input "kernel" is required');
    expect(() => inputsOf(action, { kernel: 'x', kernal: 'y' })).toThrow('no input "kernal"');
    expect(inputsOf(action, { kernel: 'x' })).toMatchObject({ kernel: 'x', runs: '1', level: 'tables' });
  });
});

describe('the Dockerfile', () => {
  const file = text('Dockerfile');

  it('is of a Node that pttrace runs on, and the same in every stage', () => {
    const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };
    const images = [...file.matchAll(/^FROM (\S+?:(\d+)\S*)/gm)];
    expect(new Set(images.map((m) => m[1])).size).toBe(1);
    expect(Number(images[0]![2])).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)![0]));
  });

  it('takes no installed or built files of the checkout with it, and does not run as root', () => {
    const ignored = text('.dockerignore').split('\n');
    for (const name of ['node_modules', 'dist', '.git']) expect(ignored).toContain(name);
    expect(file.indexOf('USER node')).toBeGreaterThan(file.lastIndexOf('RUN '));
  });
});
