// The cluster of the bench: how to reach it without us, and a moment when nothing of ours runs on it.
import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { loadConfig } from '../../dist/cli/config-file.js';

export function clusterEntry(name) {
  const entry = loadConfig().clusters?.get(name);
  if (entry?.identity_file && entry.known_hosts) return entry;
  throw new Error(`${name} is no devcluster: its entry names no key and no known_hosts`);
}

export function sshWords({ host, port, user, identity_file, known_hosts }) {
  const files = ['-i', identity_file, '-o', 'IdentitiesOnly=yes', '-o', `UserKnownHostsFile=${known_hosts}`];
  return ['ssh', '-q', '-p', String(port), ...files, `${user}@${host}`];
}

/** Waits until the user has no job: both sides then meet an empty node. */
export async function quietOn(entry) {
  const [ssh, ...args] = sshWords(entry);
  for (const until = Date.now() + 120_000; Date.now() < until; await wait(300)) {
    const left = execFileSync(ssh, [...args, 'squeue -h -u "$(id -un)"'], { encoding: 'utf8' });
    if (left.trim() === '') return;
  }
  throw new Error('jobs of the user are still on the cluster');
}
