/** `work ls|rm|mv`: work directories on a cluster. Only `rm` deletes. */
import type { Command } from 'commander';

type Flags = Record<string, unknown>;

export function register(program: Command): void {
  const work = program.command('work').description('your work directories on a cluster');
  const on = (command: Command) => command.option('--cluster <name|user@host>', 'which one');
  on(work.command('ls').description('list them with size and last use').option('--json', 'as JSON')).action(
    async (flags: Flags) => {
      process.exitCode = await (await import('../work.ts')).list(flags);
    },
  );
  on(
    work
      .command('rm')
      .description('delete one, after asking')
      .argument('<directory>')
      .option('-y, --yes', 'do not ask'),
  ).action(async (directory: string, flags: Flags) => {
    process.exitCode = await (await import('../work.ts')).remove(directory, flags);
  });
  on(work.command('mv').description('move one').argument('<from>').argument('<to>')).action(
    async (from: string, to: string, flags: Flags) => {
      process.exitCode = await (await import('../work.ts')).move(from, to, flags);
    },
  );
}
