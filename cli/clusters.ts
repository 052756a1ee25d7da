/** `cluster add|ls|rm|default`, and the same dialogue where a launch finds no cluster. */

import { HpcbinderError } from '../core/errors.ts';
import { quoteWords } from '../core/shell.ts';
import type { Prompter } from '../core/transport.ts';
import { size } from '../core/units.ts';
import { type Probe, probeInWords } from '../sessions/probe.ts';
import { configPath, loadConfig, removeClusterEntry, setDefault, writeClusterEntry } from './config-file.ts';
import { type Choice, chooseCluster, lookAtCluster, openLink } from './connect.ts';
import { plain, prompter, table } from './terminal.ts';

type Flags = Record<string, unknown>;

/** The cluster that a command means; where there is none, a person is asked and the entry is kept. `command`: how one is named. */
export async function wantedCluster(wanted: string | undefined, command: string): Promise<Choice> {
  const chosen = chooseCluster(loadConfig(), wanted);
  if (chosen) return chosen;
  const person = prompter();
  if (person === undefined) {
    throw new HpcbinderError('E-CLUSTER-NONE', {
      message: 'no cluster is set up yet',
      hint: `Name the host that you log in to: hpcbinder ${command}, or once: hpcbinder cluster add USER@HOST\nTo try it on this machine: hpcbinder devcluster up`,
    });
  }
  person.say('No cluster is set up yet. Which host do you log in to?');
  return addCluster(await askHost(person), undefined, person);
}

async function askHost(person: Prompter): Promise<string> {
  const { sshConfigHosts } = await import('../transports/index.ts');
  const hosts = sshConfigHosts().slice(0, 9);
  for (const [index, host] of hosts.entries()) person.say(`  ${index + 1}  ${host}   (from ~/.ssh/config)`);
  if (hosts.length > 0) person.say(`  ${hosts.length + 1}  another`);
  const answer = (await person.ask(hosts.length > 0 ? 'Host [1]: ' : 'USER@HOST: ', { secret: false })).trim();
  const picked = hosts.length > 0 ? hosts[Number(answer === '' ? '1' : answer) - 1] : undefined;
  if (picked !== undefined) return picked;
  if (answer === '' || answer === String(hosts.length + 1))
    return (await person.ask('USER@HOST: ', { secret: false })).trim();
  return answer;
}

/** Connects, looks, shows, writes. The name is the host's most telling part where none is given. */
export async function addCluster(
  text: string,
  name: string | undefined,
  person: Prompter | undefined,
  how: { confirm?: boolean } = {},
): Promise<Choice> {
  const { parseSshTarget } = await import('../transports/index.ts');
  const target = parseSshTarget(text);
  const chosen: Choice = {
    name: name ?? nameOf(target.host),
    entry: {
      host: target.host,
      ...(target.user ? { user: target.user } : {}),
      ...(target.port ? { port: target.port } : {}),
    },
    saved: false,
  };
  const transport = await openLink(chosen, person);
  try {
    const { found, profile, site } = await lookAtCluster(chosen, transport, { figures: true });
    process.stderr.write(plain(`found     ${probeInWords(found, size)}\n`));
    const seen = {
      ...chosen.entry,
      scheduler: found.scheduler?.name,
      ...(found.scheduler && !found.scheduler.onPath ? { path: [found.scheduler.directory] } : {}),
      ...(found.container?.module ? { modules: [found.container.module] } : {}),
      [profile.container.flavor]: profile.container.command,
      python: profile.python,
      image_store: profile.imageStore,
      work_dir: profile.workDir,
    };
    // what the site publishes stays its own, so that its changes reach this user too
    const ofSite = new Set(Object.keys(site?.cluster ?? {}));
    const entry = Object.fromEntries(Object.entries(seen).filter(([key]) => !ofSite.has(key)));
    if (how.confirm && person && !(await person.confirm(`Keep this as cluster "${chosen.name}"?`, true))) {
      throw new HpcbinderError('E-CANCELLED', { message: 'not kept' });
    }
    await writeClusterEntry(chosen.name, entry);
    process.stderr.write(plain(`saved     cluster "${chosen.name}" in ${configPath()}\n`));
    for (const line of roomNotes(found)) process.stderr.write(plain(`          ${line}\n`));
    const saved = loadConfig().clusters?.get(chosen.name);
    return { name: chosen.name, entry: saved ?? chosen.entry, saved: true };
  } finally {
    await transport[Symbol.asyncDispose]();
  }
}

function roomNotes(found: Probe): string[] {
  const least = 5e9;
  if (!found.scratch && (found.homeFree ?? least) < least) {
    return [
      `images need room: only ${size(found.homeFree ?? 0)} are free in the home directory; set image_store to a larger disk`,
    ];
  }
  return [];
}

/** `login1.hpc.example.edu` → `hpc`; `127.0.0.1` → itself. */
export function nameOf(host: string): string {
  if (/^[0-9.:]+$/.test(host)) return host.replaceAll(':', '-');
  const parts = host.split('.');
  const first = parts[0] ?? host;
  return (/^(?:login|head|submit|hpc-login|ssh)[0-9-]*$/.test(first) && parts[1] ? parts[1] : first).replaceAll(
    /[^A-Za-z0-9_.-]/g,
    '-',
  );
}

export async function add(host: string | undefined, flags: Flags): Promise<number> {
  const person = prompter();
  if (host === undefined && person === undefined) {
    throw new HpcbinderError('E-USAGE', {
      message: 'name the host that you log in to',
      hint: 'hpcbinder cluster add USER@HOST',
    });
  }
  const text = host ?? (await askHost(person as Prompter));
  const choice = await addCluster(text, flags.name as string | undefined, person, { confirm: flags.yes !== true });
  if (flags.json) process.stdout.write(`${JSON.stringify({ name: choice.name, ...choice.entry })}\n`);
  else process.stderr.write(plain(`next      hpcbinder launch ORG/REPO --cluster ${quoteWords([choice.name])}\n`));
  return 0;
}

export async function list(flags: Flags): Promise<number> {
  const config = loadConfig();
  const entries = [...(config.clusters ?? new Map())];
  const chosen = entries.length === 1 ? entries[0]?.[0] : config.default;
  if (flags.json) {
    const rows = entries.map(([name, entry]) => ({ name, default: name === chosen, ...entry, bases: undefined }));
    process.stdout.write(`${JSON.stringify(rows)}\n`);
  } else if (entries.length === 0) {
    process.stderr.write('no cluster is set up yet: hpcbinder cluster add USER@HOST\n');
  } else {
    const rows = entries.map(([name, e]) => [
      name === chosen ? `${name} (default)` : name,
      `${e.user ? `${e.user}@` : ''}${e.host ?? 'this machine'}`,
      e.scheduler ?? '?',
      e.image_store ?? '',
    ]);
    process.stdout.write(`${table(['NAME', 'HOST', 'SCHEDULER', 'IMAGES'], rows)}\n`);
  }
  return 0;
}

export async function remove(name: string): Promise<number> {
  if (!(await removeClusterEntry(name))) chooseCluster(loadConfig(), name);
  process.stderr.write(`cluster ${name} is forgotten here; nothing on it was touched\n`);
  return 0;
}

export async function makeDefault(name: string): Promise<number> {
  if (!loadConfig().clusters?.has(name)) chooseCluster(loadConfig(), name);
  await setDefault(name);
  process.stderr.write(`${name} is used where no --cluster is given\n`);
  return 0;
}
