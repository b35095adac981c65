import { builtCommand } from './built.js';

/** Tests see src/ and cli/ as built: vitest.config.ts. */
export function setup(): void {
  builtCommand();
}
