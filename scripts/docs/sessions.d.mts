export interface Block {
  readonly kind: string;
  readonly name: string;
  readonly text: string;
  readonly at: number;
}
export function blocksOf(page: string): Block[];
export function sessionsOf(text: string): { readonly command: string; readonly printed: string }[];
export function commandsOf(text: string): { readonly command: string; readonly comment: string }[];
export function needsMore(command: string): boolean;
export const MARK: RegExp;
export class Sandbox {
  constructor(root: string);
  readonly dir: string;
  simulated(options?: { readonly munmaps?: number; readonly sides?: readonly string[] }): Promise<Sandbox>;
  run(command: string): Promise<{ readonly status: number | null; readonly output: string }>;
  sh(command: string): { readonly status: number | null; readonly stdout: Buffer };
  remove(): void;
}
export function refreshed(page: string, sandbox: Sandbox): Promise<string>;
