/** `logout`: ends the logins that outlive their commands, one cluster's or all. */
import { harmless } from '../core/text.ts';
import { loadConfig } from './config-file.ts';
import { chooseCluster } from './connect.ts';
import { sshSettings, sshTarget } from './ssh.ts';
import { plain } from './terminal.ts';

export async function logout(cluster: string | undefined, flags: { json?: boolean }): Promise<number> {
  const { endKept, keptLogins } = await import('../transports/openssh/kept.ts');
  const entry = cluster === undefined ? {} : (chooseCluster(loadConfig(), cluster)?.entry ?? {});
  const target = await sshTarget(entry);
  const { keeping = { keepS: 0 } } = sshSettings(entry);
  const only = cluster === undefined ? undefined : target && { target };
  const kept = cluster !== undefined && only === undefined ? [] : await keptLogins(keeping, only);
  for (const login of kept) await endKept(login);
  if (flags.json) process.stdout.write(`${JSON.stringify(kept.map(({ label }) => label))}\n`);
  else if (kept.length === 0) process.stderr.write('No login is kept.\n');
  else for (const { label } of kept) process.stderr.write(plain(`Logged out of ${harmless(label)}.\n`));
  return 0;
}
