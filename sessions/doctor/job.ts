/** A one-minute job that looks at its compute node, and how the login node meets it. It leaves nothing on the cluster. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../core/cluster.ts';
import { orThrow, succeeded, textOf } from '../../core/command.ts';
import { newSessionId } from '../../core/ids.ts';
import type { JobEvent } from '../../core/jobs.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import { harmless, lastLines } from '../../core/text.ts';
import { ask, type Transport } from '../../core/transport.ts';
import { jobRunner } from '../../jobs/run.ts';
import { createSession, sessionsDirectory } from '../remote.ts';
import { TINY_IMAGES } from './images.ts';
import { LOOK, understand } from './look.ts';
import type { NodeSeen } from './node.ts';

export type JobLook = Pick<NodeSeen, 'node' | 'markers' | 'reached' | 'port' | 'clocks'> & {
  /** lines of the job's log */
  said: readonly string[];
};

export type JobLookHow = {
  request: ResourceRequest;
  /** further paths to look for */
  binds: readonly string[];
  product: string;
  on: (event: JobEvent) => void;
  signal: AbortSignal;
};

const LOG = 'job.log';
const LOOK_EVERY_MS = 700;
const file = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

/**
 * A file in each directory, or in the nearest one above it that is there: a line each. Those of a run that was killed are
 * swept away; its job's directory is one of a session for `images gc` and `uninstall`. First: is the state directory new?
 */
const MARK = `state=$1 name=$2; shift 2
if [ -d "$state" ]; then echo old; else echo new; fi
umask 077
for at; do
  while [ -n "$at" ] && [ ! -d "$at" ]; do at=\${at%/*}; done
  find "$at/" -maxdepth 1 -type f -name '.hpcbinder-doctor-hb-*' -user "$(id -u)" -mtime +0 -exec rm -f -- {} + 2>/dev/null
  if (: > "$at/$name") 2>/dev/null; then echo "$at/$name"; else echo; fi
done`;
/** A directory that is listed is believed anew (NFS). */
const READY = 'cd "$1" && ls >/dev/null && cat ready && echo && date +%s';
const REACH = `
import socket, sys
try:
    sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), 8)
    sock.settimeout(8)
    print(sock.recv(64).decode("ascii", "replace").strip())
except Exception as error:
    print("failed: %s" % error)
`;

/** E-CANCELLED where the signal fires: the job is ended then. */
export async function lookAtNode(cluster: Cluster, how: JobLookHow): Promise<JobLook> {
  const { profile, transport, scheduler } = cluster;
  const { signal } = how;
  const tag = newSessionId();
  const directory = `${sessionsDirectory(profile)}/${tag}`;
  const nonce = randomBytes(16).toString('hex');
  const markers = new Map<string, string>();
  let meeting: Promise<Meeting> | undefined;
  let made = false;
  const over = new AbortController();
  try {
    const places = [profile.imageStore, profile.stateDir, profile.workDir];
    const argv = ['/bin/sh', '-c', MARK, 'sh', profile.stateDir, `.hpcbinder-doctor-${tag}`, ...places];
    const marked = textOf((await transport.run({ argv, timeoutMs: 20_000 }, signal)).stdout).split('\n');
    made = marked.shift() === 'new';
    for (const [at, place] of places.entries()) if (marked[at]) markers.set(marked[at], place);
    orThrow(
      await ask(
        transport,
        createSession(profile, tag, filesOf(profile, nonce, [...markers.keys()], how.binds)),
        signal,
      ),
    );
    const run = jobRunner(transport, scheduler, { owner: profile.uid, script: 'job.sh' });
    const job = { tag, directory, request: how.request, comment: `${how.product} doctor`, log: LOG };
    const on = (event: JobEvent) => {
      if (event.type === 'submitted') meeting ??= meet(cluster, directory, nonce, over.signal);
      how.on(event);
    };
    await run(job, on, signal).finally(() => over.abort());
    const met = await meeting;
    return {
      node: understand(await text(transport, `${directory}/answer`)),
      said: lastLines(await text(transport, `${directory}/${LOG}`), 5),
      markers,
      ...met,
    };
  } finally {
    over.abort();
    await meeting?.catch(() => undefined);
    const argv = ['rm', '-rf', '--', directory, ...markers.keys()];
    await transport.run({ argv, timeoutMs: 30_000 }).catch(() => undefined);
    // where nothing else lies in them
    const empty = ['rmdir', '--', sessionsDirectory(profile), profile.stateDir];
    if (made) await transport.run({ argv: empty, timeoutMs: 10_000 }).catch(() => undefined);
  }
}

function filesOf(profile: Cluster['profile'], nonce: string, markers: readonly string[], binds: readonly string[]) {
  const lines = (paths: readonly string[]) => paths.map((path) => `${path}\n`).join('');
  const texts: [string, string][] = [
    ['job.sh', file('job.sh')],
    ['look.sh', LOOK],
    ['meet.py', file('meet.py')],
    ['prologue.sh', profile.prologue],
    ['container', `${profile.container.command}\n`],
    ['python', `${profile.python}\n`],
    ['ports', `${JSON.stringify(profile.ports)}\n`],
    ['paths', lines([...markers, ...binds])],
    ['markers', lines(markers)],
    ['nonce', `${nonce}\n`],
    ...[...TINY_IMAGES].map(([how, base64]): [string, string] => [`${how}.b64`, `${base64}\n`]),
  ];
  return texts.map(([name, content]) => ({ name, mode: name === 'job.sh' ? 0o700 : 0o600, text: content }));
}

type Meeting = Pick<NodeSeen, 'reached' | 'port' | 'clocks'>;

/** Until the node has been met, or the job is over. */
async function meet(
  { profile, transport }: Cluster,
  directory: string,
  nonce: string,
  signal: AbortSignal,
): Promise<Meeting> {
  const argv = ['/bin/sh', '-c', READY, 'sh', directory];
  while (!signal.aborted) {
    const look = await transport.run({ argv, timeoutMs: 15_000, maxBytes: 4096 }).catch(() => undefined);
    const ready = look && succeeded(look) ? readyOf(textOf(look.stdout)) : undefined;
    if (ready === undefined) {
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const { host, port, clocks } = ready;
    await touch(transport, directory, 'seen');
    let met: Meeting = { clocks };
    if (port > 0) {
      const words = [profile.python, '-I', '-c', REACH, host, String(port)];
      const { stdout } = await transport.run({ argv: words, timeoutMs: 20_000, maxBytes: 4096 });
      const said = harmless(textOf(stdout).trim()).slice(0, 200);
      const why = said.startsWith('failed: ') ? said.slice('failed: '.length) : 'something else answers there';
      met = { clocks, port, reached: said === nonce ? 'yes' : { said: why } };
    }
    await touch(transport, directory, 'done');
    return met;
  }
  return {};
}

async function touch(transport: Pick<Transport, 'run'>, directory: string, name: string): Promise<void> {
  await transport.run({ argv: ['/bin/sh', '-c', ': > "$1"', 'sh', `${directory}/${name}`], timeoutMs: 10_000 });
}

/** What the node wrote, and the login node's clock a moment later; undefined: half a file, or none of ours. */
export function readyOf(
  text: string,
): { host: string; port: number; clocks: NonNullable<Meeting['clocks']> } | undefined {
  const [line = '', seconds = ''] = text.trim().split('\n');
  try {
    const { host, port, at } = JSON.parse(line) as Record<string, unknown>;
    const fits = typeof host === 'string' && /^[A-Za-z0-9][A-Za-z0-9.-]{0,254}$/.test(host);
    if (!fits || !Number.isInteger(port) || !Number.isFinite(at) || !/^[0-9]+$/.test(seconds)) return undefined;
    return { host, port: Number(port), clocks: { node: Math.floor(Number(at)), login: Number(seconds) } };
  } catch {
    return undefined;
  }
}

/** By a command, for a site's own limits on channels do not hold for it; '' where there is none. */
async function text(transport: Pick<Transport, 'run'>, path: string): Promise<string> {
  const argv = ['head', '-c', '262144', '--', path];
  return textOf((await transport.run({ argv, timeoutMs: 20_000, maxBytes: 1 << 19 })).stdout);
}
