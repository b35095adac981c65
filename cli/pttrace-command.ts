import { Command, type Interfaces } from '@oclif/core';
import { lookFlags } from './look.js';

type Out = Interfaces.OutputFlags<Interfaces.FlagInput>;
type OutArgs = Interfaces.OutputArgs<Interfaces.ArgInput>;

/** What all commands are: an oclif command with the flags that every command has. */
export abstract class PttraceCommand extends Command {
  static override baseFlags = lookFlags;

  /** Standard input is a trace where `-` names it, never the name of one: oclif would take an argument from it. */
  protected override parse<F extends Out, B extends Out, A extends OutArgs>(
    options?: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    for (const arg of Object.values(options?.args ?? {})) arg.ignoreStdin = true;
    return super.parse(options, argv);
  }
}
