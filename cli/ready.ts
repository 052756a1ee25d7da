/** The lines to keep: URL, when it ends, where the work lies, what is visible, how to come back, how to stop. */
import { hostname } from 'node:os';
import type { Cluster } from '../core/cluster.ts';
import type { Bind } from '../core/config.ts';
import { duration } from '../core/units.ts';
import { hereAt } from '../sessions/clocks.ts';
import type { SessionRecord, WorkReport } from '../sessions/records.ts';
import { clock } from '../sessions/words.ts';
import { plain } from './terminal.ts';
import { shortId, whereOf, workLines } from './words.ts';

export type Ready = {
  cluster: Cluster;
  record: SessionRecord;
  work: WorkReport | undefined;
  url: string;
  browser: boolean;
  json: boolean;
  /** served on this socket of a login node, not on a port */
  socketPath?: string;
};

const OFFLINE = '  offline   the node has no way to the internet: no downloads, no pip install in the session';

/** The URL on stdout, the story on stderr; with `--json` one event. */
export function showReady(ready: Ready): void {
  const { cluster, record, work, url } = ready;
  const directory = work?.directory ?? record.workDirectory;
  if (ready.json) {
    const { id, jobId, address, endsAt, internet } = record;
    const event = {
      type: 'ready',
      id,
      jobId,
      node: address?.host,
      url,
      endsAt,
      workDirectory: directory,
      work,
      internet,
    };
    process.stdout.write(`${JSON.stringify(event)}\n`);
    return;
  }
  const until = record.endsAt
    ? `${clock(hereAt(record, record.endsAt), new Date())} (walltime ${duration(record.request.seconds)}), or `
    : '';
  const id = shortId(record.id);
  const lines = [
    ...how(ready),
    '',
    `  ends      ${until}after ${duration(record.limits.idleSeconds)} without use (--idle)`,
    `  work      ${whereOf(cluster.profile.host, directory)}`,
    ...workLines(work).map((line) => `            ${line}`),
    `  sees      ${visible(record.binds ?? [])}`,
    ...(record.internet === false ? [OFFLINE] : []),
    `  back      hpcbinder open ${id}      stop   hpcbinder stop ${id}`,
    '',
  ];
  process.stderr.write('\n');
  process.stdout.write(`${url}\n`);
  process.stderr.write(plain(`${lines.join('\n')}\n`));
}

function how({ browser, socketPath, record, cluster }: Ready): string[] {
  const keep = 'the link works once, ctrl-C closes the tunnel and leaves the job running';
  if (socketPath === undefined) return [`  ${browser ? 'opened in your browser; ' : ''}${keep}`];
  const login = `${cluster.profile.user}@${hostname()}`;
  return [
    `  first, on your own machine:  ssh -N -L ${record.localPort}:${socketPath} ${login}`,
    `  then open it there; ${keep}`,
  ];
}

function visible(binds: readonly Bind[]): string {
  const shown = binds.map(
    ({ from, to, readOnly }) => `${from}${to === from ? '' : ` at ${to}`}${readOnly ? ' (read-only)' : ''}`,
  );
  return ['the repository', ...shown, 'nothing else of $HOME (--bind /path adds data)'].join(', ');
}
