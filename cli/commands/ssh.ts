/** `logout`: of what a command left logged in. */
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('logout')
    .description('end the login that is kept for the next command (ssh: keep in the config); sessions go on')
    .argument('[cluster]', 'all where none is named')
    .option('--json', 'as JSON')
    .action(async (cluster: string | undefined, flags: { json?: boolean }) => {
      process.exitCode = await (await import('../logout.ts')).logout(cluster, flags);
    });
}
