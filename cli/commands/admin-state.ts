/** `admin …` over the endpoint's state: what it knows, and what its admins set. */
import type { Command } from 'commander';

type Flags = Record<string, unknown>;

export function registerState(admin: Command): void {
  const add = (name: string, text: string): Command =>
    admin
      .command(name)
      .description(text)
      .option('--config <file>', 'serve.yaml, whose state_dir is taken; /etc/hpcbinder/serve.yaml unless said')
      .option('--state <directory>', 'the state itself')
      .option('--json', 'as JSON');
  const lists = () => import('../admin/lists.ts');
  const changes = () => import('../admin/changes.ts');
  const user = ['--user <account>', 'of one account'] as const;
  const limit = ['--limit <n>', 'so many, newest first'] as const;
  const yes = ['--yes', 'do not ask'] as const;

  add('sessions', 'everybody’s sessions')
    .option(...user)
    .option('--all', 'ended ones too')
    .action(async (flags: Flags) => {
      process.exitCode = await (await lists()).sessions(flags);
    });
  add('users', 'who has signed in').action(async (flags: Flags) => {
    process.exitCode = await (await lists()).users(flags);
  });
  add('launches', 'everybody’s launches')
    .option(...user)
    .option('--running', 'only those on their way')
    .option(...limit)
    .action(async (flags: Flags) => {
      process.exitCode = await (await lists()).launches(flags);
    });
  add('builds', 'images that are being made, or wait for their turn, and the last that were')
    .option('--running', 'only those on their way')
    .option(...limit)
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../admin/images.ts')).builds(flags);
    });
  add('images', 'images of all users by size and last use, as launches last met them')
    .option(...user)
    .option('--limit <n>', 'so many, the largest first')
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../admin/images.ts')).images(flags);
    });
  add('audit', 'who launched, opened and stopped what')
    .option(...user)
    .option('--session <id>', 'on one session')
    .option('--since <time>', 'from then on: 7d, or a date')
    .option(...limit)
    .action(async (flags: Flags) => {
      process.exitCode = await (await lists()).audit(flags);
    });
  add('tokens', 'API tokens: whose, what they may do, until when')
    .option(...user)
    .action(async (flags: Flags) => {
      process.exitCode = await (await lists()).tokens(flags);
    });
  add('revoke', 'end an API token, or all tokens and logins of an account')
    .argument('[token]', 'its id, as `admin tokens` prints it')
    .option(...user)
    .action(async (token: string | undefined, flags: Flags) => {
      process.exitCode = await (await changes()).revoke(token, flags);
    });
  add('drain', 'accept no new launches, before a maintenance; what runs goes on')
    .argument('[on|off]', 'without it: how it is')
    .option('--words <text>', 'why, for the users')
    .action(async (word: string | undefined, flags: Flags) => {
      process.exitCode = await (await changes()).drain(word, flags);
    });
  add('announce', 'a line on top of every page')
    .argument('[text]', 'without it: what is announced')
    .option('--clear', 'take it away')
    .action(async (text: string | undefined, flags: Flags) => {
      process.exitCode = await (await changes()).announce(text, flags);
    });
  add('backup', 'a whole copy of the state, while the endpoint runs or not')
    .argument('<path>', 'a new file; it is as secret as the state')
    .action(async (path: string, flags: Flags) => {
      process.exitCode = await (await changes()).backup(path, flags);
    });
  add('repair', 'set a damaged state aside and keep what can be read of it; the service must be stopped')
    .option(...yes)
    .action(async (flags: Flags) => {
      process.exitCode = await (await changes()).repair(flags);
    });
  add('prune', 'remove what is older than the retention; the endpoint does so each day')
    .option('--days <n>', 'instead of what serve.yaml says, or 180')
    .option('--dry-run', 'count, remove nothing')
    .option(...yes)
    .action(async (flags: Flags) => {
      process.exitCode = await (await changes()).prune(flags);
    });
  add('export', 'all that is kept of a person, as JSON; no key is in it')
    .argument('<account>', 'whose')
    .action(async (account: string, flags: Flags) => {
      process.exitCode = await (await changes()).exported(account, flags);
    });
  add('forget', 'remove what is kept of a person, who has no live session; the audit log stays')
    .argument('<account>', 'whose')
    .option(...yes)
    .action(async (account: string, flags: Flags) => {
      process.exitCode = await (await changes()).forget(account, flags);
    });
}
