import { Flags } from '@oclif/core';

/** Flags that every command has: how its output looks, not what it says. */
export const lookFlags = {
  color: Flags.string({
    description: 'colours: on a terminal (auto), always, never; NO_COLOR and TERM=dumb switch them off',
    options: ['auto', 'always', 'never'],
    default: 'auto',
    helpGroup: 'GLOBAL',
  }),
  'no-pager': Flags.boolean({
    description:
      'write to the terminal, however long it is; PTTRACE_PAGER names another pager than PAGER or less',
    helpGroup: 'GLOBAL',
  }),
};

export interface Look {
  readonly color: 'auto' | 'always' | 'never';
  readonly pager: boolean;
}

const AUTO: Look = { color: 'auto', pager: true };
let current: Look = AUTO;

/** How this run shall look. Commands check the flags; what draws asks here. */
export const look = (): Look => current;

/** Takes the look from the arguments of a run, up to `--`. Wrong values are told by the command. */
export function setLook(argv: readonly string[]): void {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  let { color, pager } = AUTO;
  own.forEach((arg, i) => {
    const value = arg === '--color' ? own[i + 1] : /^--color=(.*)$/.exec(arg)?.[1];
    if (value === 'always' || value === 'never' || value === 'auto') color = value;
    if (arg === '--no-pager') pager = false;
  });
  current = { color, pager };
}
