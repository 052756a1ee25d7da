/** `work ls|rm|mv`. */
import { orThrow } from '../core/command.ts';
import { ask } from '../core/transport.ts';
import { size } from '../core/units.ts';
import { ago } from '../sessions/words.ts';
import { listWork, moveWork, removeWork } from '../sessions/work/manage.ts';
import type { Flags } from './flags.ts';
import { confirm, plain, table } from './terminal.ts';
import { withCluster } from './with-cluster.ts';

export function list(flags: Flags): Promise<number> {
  return withCluster(flags, 'work ls --cluster USER@HOST', async ({ transport, profile }) => {
    const found = orThrow(await ask(transport, listWork(profile.python, profile.workDir)));
    if (flags.json) process.stdout.write(`${JSON.stringify(found)}\n`);
    else if (found.length === 0)
      process.stderr.write(plain(`no work directories under ${profile.host}:${profile.workDir}\n`));
    else {
      const rows = found.map((entry) => [
        entry.name,
        entry.bytes === undefined ? '?' : size(entry.bytes),
        ago(new Date(entry.usedAt * 1000), new Date()),
        entry.session ?? '',
      ]);
      process.stdout.write(`${table(['DIRECTORY', 'SIZE', 'LAST USED', 'IN USE BY'], rows)}\n`);
      process.stderr.write(plain(`under ${profile.host}:${profile.workDir}\n`));
    }
    return 0;
  });
}

export function remove(directory: string, flags: Flags): Promise<number> {
  return withCluster(flags, 'work rm --cluster USER@HOST', async ({ transport, profile }) => {
    await confirm(`Delete ${directory} on ${profile.host} with everything in it?`, {
      yes: flags.yes === true,
      flag: '--yes',
    });
    const gone = orThrow(await ask(transport, removeWork(profile.python, profile.workDir, directory)));
    process.stderr.write(plain(`deleted ${profile.host}:${gone}\n`));
    return 0;
  });
}

export function move(from: string, to: string, flags: Flags): Promise<number> {
  return withCluster(flags, 'work mv --cluster USER@HOST', async ({ transport, profile }) => {
    const now = orThrow(await ask(transport, moveWork(profile.python, profile.workDir, from, to)));
    process.stderr.write(plain(`moved to ${profile.host}:${now}\n`));
    return 0;
  });
}
