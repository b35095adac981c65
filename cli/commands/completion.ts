import { Args } from '@oclif/core';
import { topics } from '../../src/explain/explain.js';
import { completionScript, SHELLS, type Shell } from '../manual/completion.js';
import { readManifest } from '../manual/manifest.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';

export default class Completion extends PttraceCommand {
  static override summary = 'the script that completes commands, flags and their values in a shell';
  static override description =
    prose(`Prints it; where it is to be put stands in its first lines. It is made from the commands as they are, so print it anew after an
update. Manual pages come with an installation by npm (man pttrace, man pttrace-replay).`);
  static override usage = 'completion bash|zsh|fish';
  static override examples = [
    {
      description: 'for bash, of the user',
      command: '<%= config.bin %> completion bash > ~/.local/share/bash-completion/completions/pttrace',
    },
    {
      description: 'for fish',
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/pttrace.fish',
    },
  ];
  static override args = {
    shell: Args.string({ description: 'bash, zsh or fish', required: true, options: [...SHELLS] }),
  };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const manifest = readManifest(`${this.config.root}/oclif.manifest.json`);
    await writeOut(
      completionScript(args.shell as Shell, manifest, { explain: topics(), completion: SHELLS }),
    );
  }
}
