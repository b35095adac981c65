import { createRequire } from 'node:module';
import type { Node } from 'yaml';

/** Larger, deeper or more folded than any file of ours: refused before it costs anything. */
const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 50;
const MAX_ALIASES = 100;

/** A place in the text, 1-based; 0 unknown. */
export interface YamlPlace {
  readonly line: number;
  readonly column: number;
}

/** What is no YAML or JSON that a person would write. */
export class YamlFault extends Error implements YamlPlace {
  readonly line: number;
  readonly column: number;

  constructor({ line, column }: YamlPlace, message: string) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

export interface YamlText {
  readonly value: unknown;
  /** Where the value at `keys` stands, or the deepest one on the way to it; keys of maps stand for their pair. */
  placeOf(keys: readonly (string | number)[]): YamlPlace;
}

const NOWHERE: YamlPlace = { line: 0, column: 0 };

/** YAML or JSON of a file that a person wrote. `what` names it in messages: `policy`. Throws YamlFault. */
export function readYaml(text: string, what: string): YamlText {
  if (text.length > MAX_BYTES) throw new YamlFault(NOWHERE, `is larger than 1 MiB: no ${what}`);
  if (deeperThan(text, MAX_DEPTH)) throw new YamlFault(NOWHERE, `is nested deeper than ${MAX_DEPTH} levels`);
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const place = (offset: number): YamlPlace => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const fault = doc.errors[0];
  if (fault) throw new YamlFault(place(fault.pos[0]), fault.message);
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // The parser's guards: aliases of nothing, aliases of aliases, a depth that it cannot follow.
    const unresolved = error instanceof ReferenceError && error.message.startsWith('Unresolved alias');
    const why = unresolved ? 'has an alias of nothing' : `its aliases stand for more than a ${what} can hold`;
    throw new YamlFault(NOWHERE, why);
  }
  return {
    value,
    placeOf(keys) {
      const node = nodeAt(doc.contents, keys);
      return node?.range ? place(node.range[0]) : { line: 1, column: 1 };
    },
  };
}

/** Loaded by the commands that read such a file, not by all. */
const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** Depth costs the parser stack and time before it can tell of it. Brackets in strings count: no file has so many. */
function deeperThan(text: string, levels: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 91 || c === 123) depth++;
    else if (c === 93 || c === 125) depth--;
    if (depth > levels) return true;
  }
  return false;
}

function nodeAt(root: Node | null, keys: readonly (string | number)[]): Node | null {
  let node: Node | null = root;
  for (const key of keys) {
    if (yaml().isMap(node)) {
      const pair = node.items.find(
        (item) => String((item.key as Node & { value?: unknown })?.value) === String(key),
      );
      if (!pair) return node;
      if (key === keys[keys.length - 1]) return pair.key as Node;
      node = pair.value as Node | null;
    } else {
      const next = (node as { get?: (k: number, keep: true) => unknown } | null)?.get?.(Number(key), true);
      if (!next) return node;
      node = next as Node;
    }
  }
  return node;
}
