/** Whether the devcluster is what it should be: every daemon alive, both nodes in Slurm's eyes ready, sshd answering. */
import type Docker from 'dockerode';
import { type ExecResult, runOn } from './exec.ts';
import type { Host, Layout } from './layout.ts';
import { answersSsh, rememberedPort } from './port.ts';

export type NodeState = { node: string; state: string; partitions: readonly string[]; gres: string };

/** What is missing on one host; empty when nothing is. */
export async function missingOn(docker: Docker, layout: Layout, host: Host): Promise<readonly string[]> {
  const result = await attempt(docker, layout, host, ['/usr/local/sbin/healthy.sh']);
  if (result === undefined) return ['the container'];
  return result.exitCode === 0 ? [] : result.stdout.split('\n').filter((line) => line !== '');
}

const LOOK = 'command -v sinfo >/dev/null && exec sinfo -h -N -o "%N|%T|%R|%G"; exec pbsnodes -a -F json';

/** The scheduler's view of c1 and c2; empty while it does not answer. */
export async function nodeStates(docker: Docker, layout: Layout): Promise<readonly NodeState[]> {
  const result = await attempt(docker, layout, 'login', ['sh', '-c', LOOK]);
  return result?.exitCode === 0 ? parseNodes(result.stdout) : [];
}

/** `sinfo -h -N -o %N|%T|%R|%G` (one line for a node and partition) → one record a node. */
export function parseNodes(text: string): NodeState[] {
  if (text.startsWith('{')) return pbsNodes(JSON.parse(text));
  const nodes = new Map<string, NodeState>();
  for (const line of text.split('\n')) {
    const [node, state, partition, gres] = line.split('|');
    if (!node || !state || !partition) continue;
    const before = nodes.get(node)?.partitions ?? [];
    nodes.set(node, { node, state, partitions: [...before, partition], gres: gres === '(null)' ? '' : (gres ?? '') });
  }
  return [...nodes.values()];
}

type PbsNode = { state: string; resources_available: { ngpus?: number } };

function pbsNodes({ nodes }: { nodes: Record<string, PbsNode> }): NodeState[] {
  return Object.entries(nodes).map(
    ([
      node,
      {
        state,
        resources_available: { ngpus },
      },
    ]) => ({
      node,
      state,
      partitions: ['workq', 'gpu'],
      gres: ngpus === undefined ? '' : `ngpus:${ngpus}`,
    }),
  );
}

/** States in which a node takes or runs jobs; a `*` behind it means that slurmctld does not hear from the node. */
export function isUsable(state: string): boolean {
  return ['idle', 'mixed', 'allocated', 'completing', 'planned', 'free', 'job-busy'].includes(state);
}

/** What keeps a job from being submitted this moment; empty when nothing does. */
export async function unready(docker: Docker, layout: Layout): Promise<readonly string[]> {
  const nodes = await nodeStates(docker, layout);
  const port = await rememberedPort(layout);
  const lacks = ['c1', 'c2'].flatMap((name) => {
    const state = nodes.find(({ node }) => node === name)?.state ?? 'unknown to the scheduler';
    return isUsable(state) ? [] : [`${name} is ${state}`];
  });
  return port !== undefined && (await answersSsh(port)) ? lacks : [...lacks, 'sshd does not answer'];
}

async function attempt(
  docker: Docker,
  layout: Layout,
  host: Host,
  argv: readonly string[],
): Promise<ExecResult | undefined> {
  return runOn(docker, layout, host, argv, { timeoutMs: 15_000 }).catch(() => undefined);
}
