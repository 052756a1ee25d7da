/** `launch`, `build` and `open`: flags → the path of sessions/, shown, attended. */
import type { Cluster } from '../core/cluster.ts';
import { newSessionId } from '../core/ids.ts';
import { environmentOn } from '../sessions/environment.ts';
import { connected, launch } from '../sessions/launch.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { afterFailure } from './aftermath.ts';
import { makeArrows } from './arrows.ts';
import { wantedCluster } from './clusters.ts';
import { loadConfig } from './config-file.ts';
import { loginWords } from './connect.ts';
import { continued } from './continue.ts';
import { Display, type Style } from './display.ts';
import { dryRun } from './dry-run.ts';
import { findLocal, freshRecord } from './find.ts';
import { type Flags, launchInput, type Options } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { refreshed } from './refresh.ts';
import { attended, bound, shown } from './story.ts';
import { canMove, plain } from './terminal.ts';
import { QueueKeys } from './waiting.ts';
import { shortId } from './words.ts';
import { localRecords, World } from './world.ts';

/** A launch that takes longer calls the person back. */
const CALL_AFTER_MS = 60_000;

export async function launchCommand(typed: string | undefined, typedFlags: Flags): Promise<number> {
  const started = Date.now();
  const config = loadConfig();
  const id = newSessionId();
  const former = typeof typedFlags.continue === 'string' ? findLocal(typedFlags.continue) : undefined;
  const { repo, flags } = former ? continued(former, typed, typedFlags) : { repo: typed, flags: typedFlags };
  const options = launchInput(repo, flags, config, id);
  const choice = await wantedCluster(
    options.cluster,
    repo === undefined ? 'launch --sif PATH --cluster USER@HOST' : 'launch REPO --cluster USER@HOST',
  );
  const arrows = makeArrows(choice, options, config);
  if (options.dryRun) return dryRun(choice, options, arrows);
  if (options.when) return (await import('./when.ts')).when(choice, options, arrows);

  const world = new World();
  const display = new Display(styleOf(options), { verbose: options.verbose });
  const interrupts = new Interrupts();
  const keys = styleOf(options) === 'moving' ? new QueueKeys(world, display, interrupts.signal) : undefined;
  try {
    const input = { ...options.input(choice), ...(former ? { continues: former } : {}) };
    const { maxWait } = options;
    const own = { refresh, arrows: watching(arrows, world, id), ...(maxWait ? { maxWaitSeconds: maxWait } : {}) };
    const run = launch(input, { ...bound(world), ...own }, interrupts.signal);
    const arrived = await shown(run, display, id, keys?.on);
    display.stop();
    if (options.detach) return detached(arrived.session, options);
    interrupts.reset();
    return await attended(arrived, world, interrupts, {
      browser: options.browser,
      json: options.json,
      call: Date.now() - started > CALL_AFTER_MS,
      ...(options.port ? { port: options.port } : {}),
      ...(options.urlBase ? { urlBase: options.urlBase } : {}),
    });
  } catch (error) {
    keys?.close();
    return await afterFailure(error, id, world, interrupts, display, { json: options.json, login: loginWords(choice) });
  } finally {
    interrupts.dispose();
    await world[Symbol.asyncDispose]();
  }
}

const refresh = async (cluster: Cluster, record: SessionRecord) =>
  refreshed(cluster, await freshRecord(cluster, record));

export async function buildCommand(repo: string, flags: Flags): Promise<number> {
  const config = loadConfig();
  const id = newSessionId();
  const options = launchInput(repo, flags, config, id);
  const choice = await wantedCluster(options.cluster, 'build REPO --cluster USER@HOST');
  const arrows = makeArrows(choice, options, config);
  if (options.dryRun) return dryRun(choice, options, arrows);
  await using world = new World();
  const display = new Display(styleOf(options), { verbose: options.verbose });
  const interrupts = new Interrupts();
  try {
    const watched = watching(arrows, world, id);
    const cluster = await shown(connected(watched, interrupts.signal), display, id);
    const made = await shown(environmentOn(cluster, options.input(choice), watched, interrupts.signal), display, id);
    display.stop();
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ type: 'built', sif: made.sif.path, key: made.planned?.key, receipt: made.sif.receipt })}\n`,
      );
    else process.stdout.write(`${made.sif.path}\n`);
    return 0;
  } catch (error) {
    return await afterFailure(error, id, world, interrupts, display, { json: options.json, login: loginWords(choice) });
  } finally {
    interrupts.dispose();
  }
}

function styleOf(options: Options): Style {
  if (options.json) return 'json';
  if (options.quiet) return 'quiet';
  return canMove ? 'moving' : 'lines';
}

/** Hosts that do not answer take long to say so: an interrupt does not wait for them. */
function unlessAborted(coming: Promise<Cluster>, signal: AbortSignal): Promise<Cluster> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason);
      coming.then(({ transport }) => transport[Symbol.asyncDispose]()).catch(() => {});
    };
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    coming.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** The world learns of the cluster as soon as there is one, and the story of the plan. */
function watching(arrows: ReturnType<typeof makeArrows>, world: World, id: string): ReturnType<typeof makeArrows> {
  return {
    ...arrows,
    async connect(on, signal) {
      const cluster = await unlessAborted(arrows.connect(on, signal), signal);
      world.use(cluster);
      return cluster;
    },
    async plan(...words) {
      const made = await arrows.plan(...words);
      // whoever looks for a fault of the build wants to know what was to be built
      localRecords().tell(id, `plan ${JSON.stringify(made.plan)}`);
      return made;
    },
  };
}

function detached(record: SessionRecord, options: Options): number {
  const id = shortId(record.id);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ type: 'submitted', id: record.id, jobId: record.jobId })}\n`);
  else {
    process.stdout.write(`${record.id}\n`);
    process.stderr.write(
      plain(`submitted as job ${record.jobId}. When it runs: hpcbinder open ${id} · stop: hpcbinder stop ${id}\n`),
    );
  }
  return 0;
}
