/** `base ls|update`: base images, whose tag is looked up once and kept. */
import type { Command } from 'commander';

export function register(program: Command): void {
  const base = program.command('base').description('the base images of builds');
  base
    .command('ls')
    .description('which there are, and what they were resolved to')
    .option('--json', 'as JSON')
    .action(async (flags: Record<string, unknown>) => {
      process.exitCode = await (await import('../base.ts')).list(flags);
    });
  base
    .command('update')
    .description('look their tags up again; environments are then built anew when launched')
    .argument('[python]', 'only this Python version, for example 3.13')
    .action(async (python: string | undefined) => {
      process.exitCode = await (await import('../base.ts')).update(python);
    });
}
