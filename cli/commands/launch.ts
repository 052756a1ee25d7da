/** `launch` and `build`: the flags. */
import { type Command, Option } from 'commander';
import { BUILDERS, CONVERTERS } from '../../core/config.ts';

const many = (value: string, before: string[]) => [...before, value];

export function register(program: Command): void {
  resources(
    where(
      program
        .command('launch')
        .description('build a repository, run it as a job, open it in the browser')
        .argument('[repo]', 'git URL, org/repo on GitHub, or a directory (./ ../ / ~/)'),
    ),
  )
    .option('--app <name>', 'lab, notebook, rstudio or shiny (default: lab)')
    .option('--idle <time>', 'end it after so long without use (default: 1h)')
    .option('--max-age <time>', 'end it after so long in any case')
    .option('--bind <src[:dst[:ro]]>', 'show a directory of the cluster inside; can be repeated', many, [])
    .option(
      '-e, --env <name[=value]>',
      'a variable inside; NAME alone takes its value from here; can be repeated',
      many,
      [],
    )
    .option('--allow-env <name>', 'also a variable whose value is run as code, such as PYTHONPATH', many, [])
    .option('--fresh', 'start with a new work directory; the old one is set aside with its date')
    .option('--continue <id>', 'go on from a session: its work, its address, its options; REPO is then absent')
    .option('--sif <path>', 'an image that lies on the cluster already; REPO may then be absent')
    .option('--port <n>', 'port of this machine for the browser (default: any free one)')
    .option(
      '--url-base <url>',
      'where an editor or another proxy forwards to that port, for example https://name.example.org',
    )
    .option('--no-browser', 'print the URL, open nothing')
    .option('--max-wait <time>', 'cancel the job if it has not begun by then (default: it may wait for ever)')
    .option('--detach', 'return when the job is submitted')
    .option('--via <url>', 'a campus endpoint launches it instead of SSH (see: hpcbinder login)')
    .option('--when', 'ask when it would start, and what would start sooner; submit nothing; REPO may be absent')
    .addHelpText(
      'after',
      `
Examples:
  hpcbinder launch https://github.com/org/repo --partition gpu
  hpcbinder launch org/repo --ref v1.2 --time 4h --mem 32G
  hpcbinder launch ./analysis --bind /data/era5:/data:ro
  hpcbinder launch --continue k3f9 --time 4h
  hpcbinder launch --when --partition gpu --time 8h
  hpcbinder launch org/repo --env API_TOKEN --env MODE=fast
  hpcbinder launch org/dashboard --app shiny
  hpcbinder launch org/conda-repo --builder repo2docker
  hpcbinder launch org/repo --sbatch "--exclude=n07" --dry-run
  hpcbinder launch org/repo --via https://binder.hpc.example.edu --gpus 1`,
    )
    .action(async (repo: string | undefined, flags: Record<string, unknown>, command: Command) => {
      if (flags.via !== undefined) {
        const names = command.options.map((option) => option.attributeName());
        const typed = names.filter((name) => command.getOptionValueSource(name) === 'cli');
        const { launchVia } = await import('../via.ts');
        process.exitCode = await launchVia(repo, flags, typed);
        return;
      }
      const { launchCommand } = await import('../launch.ts');
      process.exitCode = await launchCommand(repo, flags);
    });

  where(
    program
      .command('build')
      .description('make the image and store it on the cluster; submit nothing')
      .argument('<repo>'),
  )
    .option('--partition <name>', 'whose architecture to build for')
    .action(async (repo: string, flags: Record<string, unknown>) => {
      const { buildCommand } = await import('../launch.ts');
      process.exitCode = await buildCommand(repo, flags);
    });
}

function where(command: Command): Command {
  return command
    .option('--ref <ref>', 'branch, tag or commit')
    .option('--local', 'REPO is a directory, whatever it looks like')
    .option('--cluster <name|user@host>', 'where to run (default: the one of your config)')
    .addOption(
      new Option('--build-on <place>', 'where the image is built').choices(['auto', 'here', 'cluster']).default('auto'),
    )
    .option('--build-partition <name>', 'for a build on the cluster')
    .addOption(
      new Option(
        '--builder <name>',
        'who builds it (default: hpcbinder); repo2docker also knows conda, R, Julia, Nix',
      ).choices(BUILDERS),
    )
    .addOption(new Option('--converter <name>', 'who makes the SIF (default: hpcbinder)').choices(CONVERTERS))
    .option('--rebuild', 'build even if there is an image')
    .option('-y, --yes', 'say yes to what would be asked')
    .option('--dry-run', 'show the plan, the options and the script; do nothing')
    .option('--json', 'one event a line on stdout')
    .option('-q, --quiet', 'only errors and the last lines')
    .option('-v, --verbose', 'the whole output of the build');
}

function resources(command: Command): Command {
  return command
    .option('-p, --partition <name>', 'partition (PBS: queue)')
    .addOption(new Option('--queue <name>', 'the same, in the words of PBS').hideHelp())
    .option('-G, --gpus <[type:]n>', 'GPUs, for example 1 or a100:2')
    .option('-c, --cpus <n>', 'cores (default: 2)')
    .option('--mem <size>', 'memory, for example 16G (default: 4 GB a core)')
    .option('-t, --time <time>', 'walltime, for example 4h or 1-00:00:00 (default: 2h)')
    .option('-A, --account <name>', 'account to charge')
    .option('--qos <name>', 'quality of service')
    .option('--reservation <name>', 'reservation')
    .option('-C, --constraint <expr>', 'features that the node must have')
    .option('--sbatch <--name=value>', 'any other option of sbatch; can be repeated', many, [])
    .option('--qsub <-x value>', 'the same of qsub, where the cluster runs PBS', many, []);
}
