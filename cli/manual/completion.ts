import { commandsOf, flagsOf, type Manifest, type ManifestFlag, plainText, spellings } from './manifest.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Words that an argument can be, where they are known: `explain` has topics. */
export type ArgumentWords = Readonly<Record<string, readonly string[]>>;

/** The script that teaches a shell what `pttrace` takes. Other arguments are files. */
export function completionScript(shell: Shell, manifest: Manifest, words: ArgumentWords): string {
  return { bash, zsh, fish }[shell](manifest, words);
}

const HELP = ['--help', '-h'];
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const brief = (text: string | undefined): string => plainText(text ?? '').split('\n')[0]!;
const choices = (flag: ManifestFlag): readonly string[] => flag.options ?? [];

function bash(manifest: Manifest, words: ArgumentWords): string {
  const commands = commandsOf(manifest);
  const flags = commands.map(
    ([name, c]) => `    ${name}) flags=${quoted([...flagsOf(c).flatMap(spellings), ...HELP].join(' '))} ;;`,
  );
  const values = commands.flatMap(([name, c]) =>
    flagsOf(c)
      .filter((f) => choices(f).length > 0)
      .map((f) => `    '${name} --${f.name}') words=${quoted(choices(f).join(' '))} ;;`),
  );
  const args = Object.entries(words).map(([name, list]) => `    ${name}) words=${quoted(list.join(' '))} ;;`);
  return `# pttrace completion bash > ~/.local/share/bash-completion/completions/pttrace
_pttrace() {
  local cur prev command flags words
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD - 1]}
  command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(([name]) => name), 'help', '--help', '--version'].join(' '))} -- "$cur"))
    return
  fi
  # The words of a flag may be split at its "=".
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD - 2]}
  [[ $cur == = ]] && cur=
  words=
  case "$command $prev" in
${values.join('\n')}
  esac
  if [[ -z $words && $cur == -* ]]; then
    case $command in
${flags.join('\n')}
    esac
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  if [[ -z $words ]]; then
    case $command in
${args.join('\n')}
    esac
  fi
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
}
complete -o bashdefault -o default -F _pttrace pttrace
`;
}

/** In a specification of _arguments brackets and colons have a meaning. */
const spec = (text: string): string => text.replaceAll(/[[\]:\\]/g, (c) => `\\${c}`);

function zsh(manifest: Manifest, words: ArgumentWords): string {
  const commands = commandsOf(manifest);
  const list = commands.map(([name, c]) => `    ${quoted(`${name}:${brief(c.summary)}`)}`);
  const cases = commands.map(([name, c]) => {
    const flags = flagsOf(c).flatMap((f) => {
      const value =
        f.type === 'boolean'
          ? ''
          : choices(f).length > 0
            ? `:${f.name}:(${choices(f).join(' ')})`
            : `:${(f.helpValue ?? 'value').toLowerCase()}:_files`;
      return spellings(f).map((s) => quoted(`${s}[${spec(brief(f.description))}]${value}`));
    });
    const known = words[name];
    const rest = known ? quoted(`*:topic:(${known.join(' ')})`) : quoted('*:file:_files');
    return `    ${name})\n      _arguments -s ${[...flags, quoted('--help[how it is used]'), rest].join(' \\\n        ')}\n      ;;`;
  });
  return `#compdef pttrace
# pttrace completion zsh > a folder of $fpath, as _pttrace
_pttrace() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _pttrace ]]; then _pttrace "$@"; else compdef _pttrace pttrace; fi
`;
}

function fish(manifest: Manifest, words: ArgumentWords): string {
  const commands = commandsOf(manifest);
  const out = [
    '# pttrace completion fish > ~/.config/fish/completions/pttrace.fish',
    'complete -c pttrace -n __fish_use_subcommand -f',
  ];
  for (const [name, c] of commands) {
    out.push(`complete -c pttrace -n __fish_use_subcommand -a ${name} -d ${fishQuoted(brief(c.summary))}`);
  }
  for (const [name, c] of commands) {
    const here = `complete -c pttrace -n '__fish_seen_subcommand_from ${name}'`;
    for (const f of flagsOf(c)) {
      const short = f.char === undefined ? '' : ` -s ${f.char}`;
      const value =
        f.type === 'boolean' ? '' : choices(f).length > 0 ? ` -x -a '${choices(f).join(' ')}'` : ' -r';
      out.push(`${here} -l ${f.name}${short}${value} -d ${fishQuoted(brief(f.description))}`);
      if (f.allowNo === true) out.push(`${here} -l no-${f.name}`);
    }
    const known = words[name];
    if (known) out.push(`${here} -f -a '${known.join(' ')}'`);
  }
  return `${out.join('\n')}\n`;
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
