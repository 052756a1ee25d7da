/** The commander program: commands and flags only; each command's code is loaded when it runs. */
import { Command } from 'commander';
import { register as admin } from './commands/admin.ts';
import { register as base } from './commands/base.ts';
import { register as cluster } from './commands/cluster.ts';
import { register as config } from './commands/config.ts';
import { register as devcluster } from './commands/devcluster.ts';
import { register as images } from './commands/images.ts';
import { register as launch } from './commands/launch.ts';
import { register as report } from './commands/report.ts';
import { register as serve } from './commands/serve.ts';
import { register as sessions } from './commands/sessions.ts';
import { register as ssh } from './commands/ssh.ts';
import { register as tools } from './commands/tools.ts';
import { register as work } from './commands/work.ts';
import { addExamples } from './examples.ts';
import { VERSION } from './version.ts';

export function buildProgram(): Command {
  const program = new Command('hpcbinder')
    .description('Binder for HPC clusters: a repository opens in Jupyter on a compute node.')
    .version(VERSION)
    .showHelpAfterError('(hpcbinder --help lists the commands)')
    .showSuggestionAfterError(true)
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      `
Examples:
  hpcbinder launch https://github.com/org/repo --partition gpu
  hpcbinder launch org/repo --cluster alice@login.hpc.example.edu --time 4h --gpus a100:1
  hpcbinder launch ./analysis --dry-run
  hpcbinder list            what runs, and until when
  hpcbinder open k3f        back to a session
  hpcbinder stop k3f        end it; your work is kept

Nothing is installed on the cluster, and nothing is reported to anybody.`,
    );

  for (const register of [
    launch,
    sessions,
    work,
    images,
    tools,
    cluster,
    ssh,
    config,
    base,
    devcluster,
    serve,
    admin,
    report,
  ])
    register(program);
  addExamples(program);
  return program;
}
