/** `partitions`, `doctor`, and `cluster add|ls|rm|default`: the clusters of the config. */
import type { Command } from 'commander';

type Flags = Record<string, unknown>;

export function register(program: Command): void {
  program
    .command('partitions')
    .description('what a cluster offers and what of it is free now; your accounts and QOS')
    .argument('[cluster]', 'name or user@host (default: the one of your config)')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await (await import('../partitions.ts')).partitions(name, flags);
    });
  program
    .command('doctor')
    .description('looks at this machine, a login node and a compute node, and says what is wrong')
    .argument('[cluster]', 'name or user@host (default: the one of your config)')
    .option('--no-job', 'leave the compute node out')
    .option('-y, --yes', 'submit the job of one minute that looks at a compute node without asking')
    .option('--partition <name>', 'where that job runs')
    .option('--max-wait <time>', 'how long it may wait in the queue (default: 10m)')
    .option('--publish', 'print what was found as site.yaml, by which an admin tells it to all users')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await (await import('../doctor.ts')).doctor(name, flags);
    });
  const cluster = program.command('cluster').description('the clusters you use');
  cluster
    .command('add')
    .description('look at a login node and remember what it has')
    .argument('[user@host]', 'as for ssh; a Host of ~/.ssh/config will do')
    .option('--name <name>', 'what to call it')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (host: string | undefined, flags: Flags) => {
      process.exitCode = await (await import('../clusters.ts')).add(host, flags);
    });
  cluster
    .command('ls')
    .description('list them')
    .option('--json', 'as JSON')
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../clusters.ts')).list(flags);
    });
  cluster
    .command('rm')
    .description('forget one; nothing on the cluster is touched')
    .argument('<name>')
    .action(async (name: string) => {
      process.exitCode = await (await import('../clusters.ts')).remove(name);
    });
  cluster
    .command('default')
    .description('which one is used where none is named')
    .argument('<name>')
    .action(async (name: string) => {
      process.exitCode = await (await import('../clusters.ts')).makeDefault(name);
    });
}
