/** `devcluster up|down|status|shell`: a cluster in containers on this machine. */
import { type Command, Option } from 'commander';

export function register(program: Command): void {
  const devcluster = program
    .command('devcluster')
    .description('a real Slurm cluster in containers on this machine, to try things on')
    .addHelpText(
      'after',
      `
Examples:
  hpcbinder devcluster up                 login, c1 and c2 (two stand-in GPUs), users alice and bob
  hpcbinder launch ./analysis --cluster devcluster --partition gpu
  hpcbinder devcluster up --name pbs --scheduler pbs    with commands of PBS, which are a FAKE
  hpcbinder devcluster shell c2           look around as alice
  hpcbinder devcluster down               everything goes but the images`,
    );
  const command = (name: string, description: string) =>
    devcluster
      .command(name)
      .description(description)
      .option('--name <name>', 'of the cluster and its config entry; another name is another cluster', 'devcluster');

  command('up', 'bring it up, or repair it; some minutes at first, then 40 seconds')
    .option('-y, --yes', 'do not ask before installing a container engine')
    .addOption(new Option('--scheduler <name>', 'slurm, or a FAKE of PBS (default: slurm)').choices(['slurm', 'pbs']))
    .action(async (flags: { name: string; yes?: boolean; scheduler?: 'slurm' | 'pbs' }) => {
      process.exitCode = await (await import('../devcluster.ts')).up(flags);
    });
  command('down', 'remove containers, network, data and the config entry')
    .option('--purge', 'also the images, and the packages that `up` installed')
    .action(async (flags: { name: string; purge?: boolean }) => {
      process.exitCode = await (await import('../devcluster.ts')).down(flags);
    });
  command('status', 'what runs, and what the scheduler says of its nodes; exit 1 unless it is up')
    .option('--json', 'as JSON')
    .action(async (flags: { name: string; json?: boolean }) => {
      process.exitCode = await (await import('../devcluster.ts')).status(flags);
    });
  command('shell', 'a shell on one of its hosts')
    .argument('[host]', 'login, c1 or c2', 'login')
    .option('--user <user>', 'alice, bob or root', 'alice')
    .action(async (host: string, flags: { name: string; user: string }) => {
      process.exitCode = await (await import('../devcluster.ts')).shell(host, flags);
    });
}
