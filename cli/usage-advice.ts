import { readFileSync } from 'node:fs';
import { nearest } from '../src/litmus/nearest.js';

interface Manifest {
  readonly commands: Readonly<Record<string, { readonly flags?: Readonly<Record<string, unknown>> }>>;
}

/**
 * What oclif says about wrong usage, in one sentence that names what was probably meant, and where to read on.
 * `manifest` is the URL of oclif.manifest.json; `argv` the arguments after `pttrace`.
 */
export function usageAdvice(message: string, argv: readonly string[], manifest: URL): string {
  const { commands } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
  const names = Object.keys(commands).sort();
  const [first = ''] = argv;
  if (/^command .* not found$/s.test(message)) {
    const near = nearest(first, names);
    return `there is no command "${first}"${near ? `; did you mean ${near}?` : ''}\n  Commands: ${names.join(', ')}.`;
  }
  const facts = message
    .replace(/\n?See more help with --help\s*$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Missing required flag (\w)/, 'Missing required flag --$1')
    .replaceAll(/(--[\w-]+)=true\b/g, '$1')
    .replace(/^Parsing (--[\w-]+)\s+Expected (.*) but received: (.*)$/s, '$1 wants $2, not "$3"')
    .trim();
  const unknown = /^Nonexistent flags?: ((?:--?[\w-]+(?:, )?)+)/.exec(facts);
  const flags = Object.keys(commands[first]?.flags ?? {});
  const meant = (unknown?.[1]?.split(', ') ?? []).flatMap((flag) => {
    const name = flag.replace(/^-+/, '');
    // Of one letter anything is near.
    const near = name.length > 1 ? nearest(name, flags) : null;
    return near ? [`--${near}`] : [];
  });
  const suggestion = meant.length > 0 ? `; did you mean ${meant.join(', ')}?` : '';
  const help = commands[first] ? `pttrace ${first} --help` : 'pttrace --help';
  return `${facts}${suggestion}\n  See \`${help}\`.`;
}
