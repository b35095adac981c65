import type { Readable } from 'node:stream';

export interface RunOptions {
  /** Standard input; nothing by default. */
  readonly input?: string | Uint8Array | Readable;
  /** Variables to set, or to remove where undefined. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Both outputs are a terminal of this width. */
  readonly terminal?: { readonly columns: number };
}

export function runCommand(
  root: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<{ readonly status: number; readonly stdout: Buffer; readonly stderr: Buffer }>;
