/** `bugreport` and `completion`. */
import { Argument, type Command } from 'commander';

type Flags = Record<string, unknown>;

export function register(program: Command): void {
  program
    .command('bugreport')
    .description('what somebody else needs to understand a failure, in one file, without secrets; sends nothing')
    .argument('[id]', 'a launch or session (default: the newest)')
    .option('-o, --output <file>', 'where to write it, - for stdout (default: hpcbinder-report-ID.txt)')
    .option('--dry-run', 'show what would be in it; write nothing')
    .option('--offline', 'do not ask the cluster')
    .option('--anonymous', 'take out names of people, hosts and clusters, too')
    .option('--json', 'as JSON')
    .action(async (id: string | undefined, flags: Flags) => {
      process.exitCode = await (await import('../bugreport.ts')).bugreport(id, flags);
    });

  program
    .command('completion')
    .description('the script by which a shell completes commands, flags, sessions, clusters and partitions')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Put one line where your shell finds it:
  bash   eval "$(hpcbinder completion bash)"          in ~/.bashrc
  zsh    eval "$(hpcbinder completion zsh)"           in ~/.zshrc, after compinit
  fish   hpcbinder completion fish | source           in ~/.config/fish/config.fish

It asks no cluster: sessions, clusters and partitions are those that this machine has seen.`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('../completion.ts');
      process.stdout.write(completionScript(shell));
    });
}
