import { readFileSync } from 'node:fs';

/** Of oclif.manifest.json, what manual pages and completions are made from. */
export interface ManifestFlag {
  readonly name: string;
  readonly char?: string;
  readonly type: 'boolean' | 'option';
  readonly description?: string;
  readonly helpValue?: string;
  readonly helpGroup?: string;
  readonly options?: readonly string[];
  readonly default?: unknown;
  readonly allowNo?: boolean;
  readonly hidden?: boolean;
}

export interface ManifestCommand {
  readonly summary?: string;
  readonly description?: string;
  readonly usage?: string | readonly string[];
  readonly args?: Readonly<Record<string, { readonly name: string; readonly description?: string }>>;
  readonly flags?: Readonly<Record<string, ManifestFlag>>;
  readonly examples?: readonly (string | { readonly description: string; readonly command: string })[];
}

export interface Manifest {
  readonly version: string;
  readonly commands: Readonly<Record<string, ManifestCommand>>;
}

export const readManifest = (path: string | URL): Manifest =>
  JSON.parse(readFileSync(path, 'utf8')) as Manifest;

/** Commands by name. */
export const commandsOf = ({ commands }: Manifest): [string, ManifestCommand][] =>
  Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1));

/** Flags that help shows, by name. */
export const flagsOf = ({ flags = {} }: ManifestCommand): ManifestFlag[] =>
  Object.values(flags)
    .filter((f) => f.hidden !== true)
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** `--all`, `-o`, `--no-annotations`. */
export const spellings = (flag: ManifestFlag): string[] => [
  `--${flag.name}`,
  ...(flag.char === undefined ? [] : [`-${flag.char}`]),
  ...(flag.allowNo === true ? [`--no-${flag.name}`] : []),
];

/** Text of the manifest as it is printed. */
export const plainText = (text: string): string => text.replaceAll('<%= config.bin %>', 'pttrace');
