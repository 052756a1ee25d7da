/** `admin …`: for who runs the campus endpoint. */
import type { Command } from 'commander';
import { registerState } from './admin-state.ts';

const many = (value: string, before: readonly string[]) => [...before, value];

export function register(program: Command): void {
  const admin = program.command('admin').description('for who runs the campus endpoint (hpcbinder serve)');
  admin
    .command('sudoers')
    .description('the sudo rule by which the endpoint acts as its users; installs the program behind it')
    .option('--service <account>', 'the account that hpcbinder serve runs as', 'hpcbinder')
    .option('--group <group>', 'whose members it may act as', 'hpcbinder-users')
    .option('--program <path>', 'where the program is, or is to be; /usr/local/libexec/hpcbinder/as-user unless said')
    .option('--install', 'as root: write the program, and beside it programs.json, which lists what it may run')
    .option(
      '--folder <path>',
      'a folder of each user, besides the usual ones, that it may write to: ~/x, /data/$USER/x',
      many,
      [],
    )
    .option('--command <path>', 'with --install: a command that is not on PATH here', many, [])
    .option('--environment <name=value>', 'with --install: a variable of all that is run, PATH or SLURM_CONF', many, [])
    .option('--python <path>', 'with --install: the `python` of the cluster’s entry, if it names one')
    .action(async (flags: Record<string, unknown>) => {
      process.exitCode = await (await import('../as-user.ts')).sudoers(flags);
    });
  registerState(admin);
}
