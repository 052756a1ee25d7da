/** `shell` and `cp`: into a running session, through the agent's connection. */
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('shell')
    .description('a shell inside a running session')
    .argument('<id>')
    .argument('[command...]', 'instead of a login shell')
    .action(async (id: string, command: string[]) => {
      process.exitCode = await (await import('../inside.ts')).shell(id, command);
    });
  program
    .command('cp')
    .description('copy a file between this machine and a session, for example: hpcbinder cp k3f:results.csv .')
    .argument('<from>', 'PATH, or ID:PATH relative to the repository')
    .argument('<to>', 'PATH, or ID:PATH')
    .action(async (from: string, to: string) => {
      process.exitCode = await (await import('../inside.ts')).copy(from, to);
    });
}
