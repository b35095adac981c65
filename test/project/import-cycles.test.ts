import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.js';

type Graph = Map<string, string[]>;
interface Script {
  importGraph(root: string): Graph;
  cycles(graph: Graph): string[][];
  wrongWay(graph: Graph): string[];
}
const { importGraph, cycles, wrongWay } = (await import(join(ROOT, 'scripts/import-cycles.mjs'))) as Script;

const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});
function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'pttrace-imports-'));
  dirs.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

describe('import circles', () => {
  it('are found through any kind of import', () => {
    const graph = importGraph(
      tree({
        'src/timeline/a.ts': "import { b } from './b.js';\n",
        'src/timeline/b.ts': "export type { C } from './c.js';\n",
        'src/timeline/c.ts': "const a = await import('./a.js');\n",
        'src/timeline/d.ts': "import './a.js';\n",
      }),
    );
    expect(cycles(graph)).toEqual([['src/timeline/a.ts', 'src/timeline/b.ts', 'src/timeline/c.ts']]);
  });

  it('a long import list is one import', () => {
    const graph = importGraph(
      tree({ 'src/timeline/a.ts': "import {\n  one,\n  two,\n} from './b.js';\n", 'src/timeline/b.ts': '' }),
    );
    expect(graph.get('src/timeline/a.ts')).toEqual(['src/timeline/b.ts']);
    expect(cycles(graph)).toEqual([]);
  });

  it('imports against the dataflow are named', () => {
    const graph = importGraph(
      tree({
        'src/timeline/a.ts': "import { x } from '../replay/x.js';\n",
        'src/replay/x.ts': "import { c } from '../../cli/c.js';\n",
        'cli/c.ts': "import { a } from '../src/timeline/a.js';\n",
      }),
    );
    expect(wrongWay(graph)).toEqual(['src/replay/x.ts → cli/c.ts', 'src/timeline/a.ts → src/replay/x.ts']);
  });

  it('there is none in this project', () => {
    const graph = importGraph(ROOT);
    expect(graph.size).toBeGreaterThan(100);
    expect(cycles(graph)).toEqual([]);
    expect(wrongWay(graph)).toEqual([]);
  });
});
