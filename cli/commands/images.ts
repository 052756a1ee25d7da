/** `images ls|show|verify|gc`, and `uninstall`: what lies on a cluster. */
import type { Command } from 'commander';

type Flags = Record<string, unknown>;

export function register(program: Command): void {
  const images = program.command('images').description('the images on a cluster, and what else can be made again');
  const on = (command: Command) =>
    command.option('--cluster <name|user@host>', 'which one').option('--json', 'as JSON');
  on(images.command('ls').description('list them: made from what, how large, used when and by which sessions'))
    .option('--local', 'what lies on this machine instead')
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../images.ts')).list(flags);
    });
  on(images.command('show').description('all that is known of one').argument('<key>', 'or its beginning')).action(
    async (key: string, flags: Flags) => {
      process.exitCode = await (await import('../images.ts')).show(key, flags);
    },
  );
  on(
    images
      .command('verify')
      .description('read images again and compare; a damaged one is set aside, and the next launch makes it anew')
      .argument('[key...]', 'all where none is named'),
  ).action(async (keys: string[], flags: Flags) => {
    process.exitCode = await (await import('../images-verify.ts')).verify(keys, flags);
  });
  on(
    images
      .command('gc')
      .description('remove what nobody used for long: images, contents, directories of ended sessions'),
  )
    .option('--max-age <time>', 'what was not used for so long goes (default: 30d)')
    .option(
      '--max-size <size>',
      'the images used longest ago go until the rest fits, for example 50G (default: any size)',
    )
    .option('--shared', 'in a store that others may read: also images that they may be running from')
    .option('--local', 'on this machine instead')
    .option('--dry-run', 'show what would go and what stays, and why')
    .option('-y, --yes', 'do not ask')
    .action(async (flags: Flags) => {
      process.exitCode = await (await import('../images-gc.ts')).gc(flags);
    });

  program
    .command('uninstall')
    .description('remove all that hpcbinder left on a cluster; your work is kept')
    .argument('<cluster>')
    .option('--stop', 'end the sessions that live there first')
    .option('--with-work', 'the work directories too: they are not copies')
    .option('--dry-run', 'show what lies there, and what would go')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (cluster: string, flags: Flags) => {
      process.exitCode = await (await import('../uninstall.ts')).uninstall(cluster, flags);
    });
}
