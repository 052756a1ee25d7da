/** An example for every command that takes words; a test parses each one with the program itself. */
import type { Command } from 'commander';

const EXAMPLES: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'build',
    [
      'hpcbinder build org/repo --partition gpu',
      'hpcbinder build org/repo --builder repo2docker',
      'hpcbinder build ./analysis --build-on cluster',
    ],
  ],
  ['list', ['hpcbinder list', 'hpcbinder list --refresh --all', 'hpcbinder list --json']],
  ['status', ['hpcbinder status k3f9', 'hpcbinder status k3f9 --position']],
  ['open', ['hpcbinder open k3f9', 'hpcbinder open k3f9 --no-browser --port 8890']],
  ['audit', ['hpcbinder audit k3f9', 'hpcbinder audit k3f9 --json']],
  ['logs', ['hpcbinder logs', 'hpcbinder logs k3f9 --follow', 'hpcbinder logs k3f9 --build']],
  ['stop', ['hpcbinder stop k3f9', 'hpcbinder stop k3f9 --now']],
  ['extend', ['hpcbinder extend k3f9 2h', 'hpcbinder extend k3f9 +30m --dry-run']],
  [
    'bugreport',
    [
      'hpcbinder bugreport',
      'hpcbinder bugreport k3f9 --anonymous --output report.txt',
      'hpcbinder bugreport --dry-run',
    ],
  ],
  ['completion', ['hpcbinder completion bash']],
  ['work ls', ['hpcbinder work ls --cluster hpc']],
  ['work rm', ['hpcbinder work rm github.com/org/repo']],
  ['work mv', ['hpcbinder work mv github.com/org/repo github.com/org/repo-2025']],
  ['images ls', ['hpcbinder images ls --cluster hpc', 'hpcbinder images ls --local']],
  ['images show', ['hpcbinder images show 4f1c2ab']],
  ['images verify', ['hpcbinder images verify', 'hpcbinder images verify 4f1c2ab --json']],
  ['images gc', ['hpcbinder images gc --dry-run', 'hpcbinder images gc --max-age 14d --max-size 50G --yes']],
  ['uninstall', ['hpcbinder uninstall hpc --dry-run', 'hpcbinder uninstall hpc --stop --yes']],
  ['shell', ['hpcbinder shell k3f9', 'hpcbinder shell k3f9 -- nvidia-smi']],
  ['cp', ['hpcbinder cp k3f9:results.csv .', 'hpcbinder cp data.csv k3f9:data/']],
  [
    'cluster add',
    [
      'hpcbinder cluster add alice@login.hpc.example.edu',
      'hpcbinder cluster add login.hpc.example.edu --name hpc --yes',
    ],
  ],
  [
    'login',
    ['hpcbinder login https://binder.hpc.example.edu', 'hpcbinder login https://binder.hpc.example.edu --forget'],
  ],
  ['logout', ['hpcbinder logout', 'hpcbinder logout hpc']],
  ['cluster ls', ['hpcbinder cluster ls']],
  ['cluster rm', ['hpcbinder cluster rm hpc']],
  ['cluster default', ['hpcbinder cluster default hpc']],
  ['partitions', ['hpcbinder partitions', 'hpcbinder partitions hpc --json']],
  [
    'doctor',
    ['hpcbinder doctor', 'hpcbinder doctor hpc --partition gpu --yes', 'hpcbinder doctor hpc --no-job --json'],
  ],
  ['config', ['hpcbinder config show', 'hpcbinder config check']],
  ['admin sessions', ['hpcbinder admin sessions', 'hpcbinder admin sessions --all --user alice --json']],
  ['admin launches', ['hpcbinder admin launches --running']],
  ['admin builds', ['hpcbinder admin builds --running']],
  ['admin images', ['hpcbinder admin images --user alice', 'hpcbinder admin images --limit 20 --json']],
  ['admin audit', ['hpcbinder admin audit --since 7d', 'hpcbinder admin audit --user alice --json']],
  ['admin tokens', ['hpcbinder admin tokens --user alice']],
  ['admin revoke', ['hpcbinder admin revoke tk-3f9a1c07be', 'hpcbinder admin revoke --user alice']],
  ['admin drain', ['hpcbinder admin drain on --words maintenance', 'hpcbinder admin drain off']],
  ['admin announce', ['hpcbinder admin announce maintenance', 'hpcbinder admin announce --clear']],
  ['admin backup', ['hpcbinder admin backup /backup/hpcbinder.db']],
  ['admin repair', ['hpcbinder admin repair --yes']],
  ['admin prune', ['hpcbinder admin prune --dry-run', 'hpcbinder admin prune --days 90 --yes']],
  ['admin export', ['hpcbinder admin export alice']],
  ['admin forget', ['hpcbinder admin forget alice --yes']],
  ['admin sudoers', ['hpcbinder admin sudoers', 'hpcbinder admin sudoers --service binder --group binder-users']],
  ['base ls', ['hpcbinder base ls']],
  ['base update', ['hpcbinder base update 3.13']],
]);

export function addExamples(program: Command): void {
  const walk = (command: Command, path: string) => {
    const lines = EXAMPLES.get(path);
    if (lines) command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    for (const child of command.commands) walk(child, path === '' ? child.name() : `${path} ${child.name()}`);
  };
  walk(program, '');
}

/** Every example as it is typed. */
export function allExamples(): readonly string[] {
  return [...EXAMPLES.values()].flat();
}
