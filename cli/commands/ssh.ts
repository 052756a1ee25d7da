/** `login` at an endpoint; `logout`: of what a command left logged in. */
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('login')
    .description('keep an API token of a campus endpoint, for launch --via; it is asked for, or read from stdin')
    .argument('<url>', 'the address of the endpoint')
    .option('--forget', 'forget the token that is kept')
    .action(async (url: string, flags: { forget?: boolean }) => {
      process.exitCode = await (await import('../login.ts')).login(url, flags);
    });
  program
    .command('logout')
    .description('end the login that is kept for the next command (ssh: keep in the config); sessions go on')
    .argument('[cluster]', 'all where none is named')
    .option('--json', 'as JSON')
    .action(async (cluster: string | undefined, flags: { json?: boolean }) => {
      process.exitCode = await (await import('../logout.ts')).logout(cluster, flags);
    });
}
