/** `list`, `status`, `open`, `logs`, `audit`, `stop`: what one does with a session. */
import type { Command } from 'commander';

type Flags = Record<string, unknown>;

export function register(program: Command): void {
  const add = (
    name: string,
    text: string,
    option: (command: Command) => Command,
    run: (room: typeof import('../manage.ts'), id: string, flags: Flags) => Promise<number>,
  ) => {
    option(program.command(name).description(text).argument('<id>', 'as `list` prints it; can be abbreviated')).action(
      async (id: string, flags: Flags) => {
        process.exitCode = await run(await import('../manage.ts'), id, flags);
      },
    );
  };

  program
    .command('list')
    .alias('ls')
    .description('your sessions: state, where, until when')
    .option('--refresh', 'ask the clusters first')
    .option('--all', 'ended ones too')
    .option('--json', 'as JSON')
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../manage.ts')).list(flags);
    });
  const json = (command: Command) => command.option('--json', 'as JSON');
  add(
    'status',
    'all about one session',
    (command) => json(command).option('--position', 'of a waiting job: how many are ahead; lists the whole queue'),
    (room, id, flags) => room.status(id, flags),
  );
  add(
    'open',
    'back to a session in the browser',
    (command) =>
      json(command)
        .option('--no-browser', 'print the URL, open nothing')
        .option('--port <n>', 'port of this machine')
        .option('--url-base <url>', 'where an editor or another proxy forwards to that port'),
    async (_room, id, flags) => (await import('../open.ts')).open(id, flags),
  );
  program
    .command('logs')
    .description('what a launch, its job and its app said')
    .argument('[id]', 'without one: the newest launch, or what failed after it')
    .option('-f, --follow', 'go on until the session ends')
    .option('--build', 'of the build')
    .option('--app', 'of the app only')
    .option('--job', 'of the job only')
    .action(async (id: string | undefined, flags: Flags) => {
      process.exitCode = await (await import('../logs.ts')).logs(id, flags);
    });
  program
    .command('extend')
    .description('ask the scheduler for more walltime')
    .argument('<id>', 'as `list` prints it; can be abbreviated')
    .argument('<time>', 'what is added, for example 2h or +30m')
    .option('--dry-run', 'print the command, change nothing')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Slurm lets only its operators extend a job, owners may shorten it: then the answer names the command that goes on in a
new job, with the same work directory and at the same address.`,
    )
    .action(async (id: string, time: string, flags: Flags) => {
      process.exitCode = await (await import('../extend.ts')).extend(id, time, flags);
    });
  add(
    'audit',
    'try to get into a session as another user would, and tell what was tried; exit 1 where something opened',
    json,
    async (_room, id, flags) => (await import('../audit.ts')).audit(id, flags),
  );
  add(
    'stop',
    'end a session; its work directory is kept',
    (command) => json(command).option('--now', 'do not have open pages save first'),
    async (_room, id, flags) => (await import('../stop.ts')).stop(id, flags),
  );
}
