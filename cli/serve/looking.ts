/** What a session has written and what it uses, by its files and its agent. */
import type { Cluster } from '../../core/cluster.ts';
import { textOf } from '../../core/command.ts';
import type { Figures, KeptSession } from '../../core/endpoint.ts';
import { plainText } from '../../core/text.ts';
import { readAll } from '../../core/transport.ts';
import { controlRequest } from '../../sessions/control.ts';
import { toAgent } from '../world.ts';
import { figuresOf, type Sample, sampleOf } from './figures.ts';

const MOST_LOG = 1 << 20;

/** Of the job, the agent and the app, one after the other. */
export async function logOf({ transport }: Cluster, { directory }: KeptSession): Promise<string> {
  const parts = await Promise.all(
    ['job.log', 'agent.log', 'app.log'].map(async (name) => {
      const bytes = await readAll(transport, `${directory}/${name}`, MOST_LOG);
      return bytes && bytes.length > 0 ? `== ${name}\n${plainText(textOf(bytes))}` : '';
    }),
  );
  return parts.filter((part) => part !== '').join('\n');
}

/** `samples`: of each session the last; a use of cores is a difference of two. */
export async function usedBy(
  cluster: Cluster,
  record: KeptSession,
  samples: Map<string, Sample>,
): Promise<Figures | undefined> {
  const { figures } = await controlRequest(toAgent(cluster, record), record.id, record.secrets, { verb: 'status' });
  const now = sampleOf(figures);
  const before = samples.get(record.id);
  if (now) samples.set(record.id, now);
  return now && figuresOf(now, before, record.request);
}
