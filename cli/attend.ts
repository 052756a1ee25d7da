/**
 * While a session is open here: the proxy, the browser, warnings before the end, ctrl-C. Closing it ends nothing: the job
 * and its own agent's limits go on (DESIGN 7).
 */
import { join } from 'node:path';
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import type { RouteState } from '../server/routes.ts';
import { endInWords } from '../sessions/advance.ts';
import { missingInWords } from '../sessions/await.ts';
import { openApp } from '../sessions/control.ts';
import type { SessionRecord, WorkReport } from '../sessions/records.ts';
import { openStream } from '../sessions/streams.ts';
import { AGAIN } from './aftermath.ts';
import { openBrowser, ring } from './browser.ts';
import { Ending } from './ending.ts';
import { follow } from './follow.ts';
import { stateDir } from './paths.ts';
import { showReady } from './ready.ts';
import { plain } from './terminal.ts';
import { relaunchOf, savedAtEnd, shortId, whereOf } from './words.ts';
import { localRecords, toAgent, type World } from './world.ts';

export type AttendOptions = {
  browser: boolean;
  json: boolean;
  port?: number;
  path?: string;
  /** where an editor or another proxy forwards to the port */
  urlBase?: string;
  /** the launch took long: call the person back */
  call: boolean;
};

/** On a login node, which others use too, no TCP port is opened: a 0600 socket, and the line that brings it to the laptop. */
function doorOf(
  cluster: Cluster,
  record: SessionRecord,
  options: AttendOptions,
): { socketPath?: string; urlBase?: string } {
  if (options.urlBase) return { urlBase: options.urlBase };
  return cluster.transport.name === 'local' ? { socketPath: join(stateDir(), `${record.id}.sock`) } : {};
}

/** Who answers is not suspended, whatever the scheduler said last. */
function stateOf(record: SessionRecord, reachable: boolean): RouteState {
  if (record.phase === 'ended') return 'ended';
  if (reachable) return 'ready';
  return record.job?.state === 'suspended' ? 'suspended' : 'lost';
}

/** Serves until the session ends (0, or 1 where it failed) or ctrl-C (0: the job lives). */
export async function attend(
  cluster: Cluster,
  first: SessionRecord,
  work: WorkReport | undefined,
  world: World,
  options: AttendOptions,
  signal: AbortSignal,
): Promise<number> {
  const { serveSession } = await import('../server/local.ts');
  let record = first;
  let reachable = true;
  const route = {
    sessionId: record.id,
    connectApp: () => openApp(toAgent(cluster, record), record.id, record.secrets),
    // the address may change under a stream: the agent was started again
    openStream: () => openStream(() => toAgent(cluster, record)(), record.id, record.secrets),
    appToken: record.secrets.appToken,
    cookieKey: record.secrets.cookieKey,
    ...(record.originId ? { originId: record.originId } : {}),
    state: () => stateOf(record, reachable),
    words: () => ({
      repo: record.repo.shown,
      work: whereOf(cluster.profile.host, record.workDirectory),
      relaunch: relaunchOf(record),
      ...(record.ended ? { ended: endInWords(record.ended.why) } : {}),
    }),
  };
  const port = options.port ?? record.localPort;
  const door = doorOf(cluster, record, options);
  const served = await serveSession({ route, ...(port ? { port } : {}), ...door });
  record = { ...record, localPort: served.port };
  world.keep(record);
  world.interest = 'live';
  const url = served.url(options.path ?? '/');
  showReady({ cluster, record, work, url, browser: options.browser, json: options.json, ...door });
  if (options.call) ring(`${record.repo.shown} is ready`);
  if (options.browser && !door.socketPath) openBrowser(url);

  const { id } = record;
  const ending = new Ending(cluster, record, served.pages, {
    later: relaunchOf(record),
    note: (text) => localRecords().tell(id, text),
    say(text, event) {
      localRecords().tell(id, text);
      if (options.json) process.stdout.write(`${JSON.stringify({ type: 'warning', id, ...event, text })}\n`);
      else process.stderr.write(plain(`${text}\n`));
    },
  });
  let told: string | undefined;
  try {
    await follow(
      cluster,
      record,
      ending,
      {
        watchJob: world.watchJob,
        everyMs: 5_000,
        there: () => stillThere(cluster),
        on(newer, answers) {
          [record, reachable] = [newer, answers];
          // a silent agent may be a dead one: the scheduler is then asked as often as without a tunnel
          world.interest = reachable ? 'live' : 'usual';
          told = sayMissing(record, reachable, told);
        },
      },
      signal,
    );
  } finally {
    world.keep(record);
    await served.close();
  }
  if (record.phase === 'ended') return showEnd(cluster, record, options.json);
  process.stderr.write(
    plain(
      `\nThe tunnel is closed; the job lives on.\nBack: hpcbinder open ${shortId(record.id)} · stop: hpcbinder stop ${shortId(record.id)}${AGAIN}\n`,
    ),
  );
  return 0;
}

/** A line that is down for good (nobody is there to log in, the host key is another) is said; false: its person left it. */
async function stillThere({ transport }: Cluster): Promise<boolean> {
  if (transport.link.value !== 'down') return true;
  const { ended } = await transport.run({ argv: ['true'] });
  if (ended.kind !== 'lost') return true;
  if (ended.cause instanceof HpcbinderError && ended.cause.code === 'E-CANCELLED') return false;
  throw ended.cause;
}

/** Once: a job that is unknown and whose agent is silent is most likely gone, and five minutes of silence say nothing. */
function sayMissing(record: SessionRecord, reachable: boolean, told: string | undefined): string | undefined {
  const words = reachable ? undefined : missingInWords(record, new Date());
  if (words !== undefined && words !== told) process.stderr.write(plain(`${shortId(record.id)}: ${words}\n`));
  return words ?? told;
}

function showEnd(cluster: Cluster, record: SessionRecord, json: boolean): number {
  const why = record.ended?.why ?? 'lost';
  if (json)
    process.stdout.write(
      `${JSON.stringify({ type: 'ended', id: record.id, why, detail: record.ended?.detail, saved: record.saved })}\n`,
    );
  else {
    const detail = record.ended?.detail ? ` (${harmless(record.ended.detail)})` : '';
    process.stderr.write(
      plain(
        `\n${shortId(record.id)} ${endInWords(why)}${detail}. Your work is kept: ${whereOf(cluster.profile.host, record.workDirectory)}\n${savedAtEnd(record)}Go on with: ${relaunchOf(record)}\n`,
      ),
    );
  }
  return ['app-failed', 'out-of-memory', 'node-failed', 'failed', 'lost'].includes(why) ? 1 : 0;
}
