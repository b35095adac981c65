// The project with what it depends on, as guest files.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files of a guest under `pttrace/`: `home` is a built checkout or an installed package. */
export function payload(home) {
  const root = realpathSync(home);
  const tree = {};
  for (const part of ['bin', 'dist', 'package.json', 'oclif.manifest.json']) {
    if (existsSync(join(root, part))) tree[part] = join(root, part);
  }
  // Beside it where it was installed together with others, below it else.
  const places = [join(root, 'node_modules'), dirname(root)];
  const seen = new Set();
  const add = (folder) => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    for (const name of Object.keys(dependencies)) {
      const own = join(folder, 'node_modules', name);
      // One of its own travels with its folder.
      const found =
        folder !== root && existsSync(own) ? own : places.map((p) => join(p, name)).find(existsSync);
      if (!found || seen.has(found)) continue;
      seen.add(found);
      if (found !== own || folder === root) tree[`node_modules/${name}`] = found;
      add(found);
    }
  };
  add(root);
  return tree;
}
