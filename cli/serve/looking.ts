/** What a session has written, by its files. */
import type { Cluster } from '../../core/cluster.ts';
import { textOf } from '../../core/command.ts';
import type { KeptSession } from '../../core/endpoint.ts';
import { plainText } from '../../core/text.ts';
import { readAll } from '../../core/transport.ts';

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
