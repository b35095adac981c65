import { Command } from '@oclif/core';
import { lookFlags } from './look.js';

/** What all commands are: an oclif command with the flags that every command has. */
export abstract class PttraceCommand extends Command {
  static override baseFlags = lookFlags;
}
