// JSON Schemas are published beside the compiled code (`pttrace/schema/*`); tsc copies no JSON.
import { cpSync, existsSync, readdirSync } from 'node:fs';

const from = new URL('../src/schema/', import.meta.url);
if (existsSync(from)) {
  for (const file of readdirSync(from)) {
    if (file.endsWith('.json'))
      cpSync(new URL(file, from), new URL(`../dist/src/schema/${file}`, import.meta.url));
  }
}
