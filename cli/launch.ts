/** `launch`, `build` and `open`: flags → the path of sessions/, shown, attended. */
import type { Cluster } from '../core/cluster.ts';
import { newSessionId } from '../core/ids.ts';
import type { Progress } from '../core/progress.ts';
import type { Arrived } from '../sessions/await.ts';
import { environmentOn } from '../sessions/environment.ts';
import { arriving, connected, launch } from '../sessions/launch.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { afterFailure, leftRunning, stoppedBySecond } from './aftermath.ts';
import { makeArrows } from './arrows.ts';
import { type AttendOptions, attend } from './attend.ts';
import { wantedCluster } from './clusters.ts';
import { loadConfig } from './config-file.ts';
import { Display, type Style } from './display.ts';
import { dryRun } from './dry-run.ts';
import { showFailure } from './failure.ts';
import { clusterOf, freshRecord } from './find.ts';
import { type Flags, launchInput, type Options } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { canMove, plain } from './terminal.ts';
import { shortId } from './words.ts';
import { localRecords, World } from './world.ts';

/** A launch that takes longer calls the person back. */
const CALL_AFTER_MS = 60_000;

export async function launchCommand(repo: string | undefined, flags: Flags): Promise<number> {
  const started = Date.now();
  const config = loadConfig();
  const id = newSessionId();
  const options = launchInput(repo, flags, config, id);
  const choice = await wantedCluster(options.cluster, repo === undefined ? 'launch --sif PATH' : 'launch REPO');
  const arrows = makeArrows(choice, options, config);
  if (options.dryRun) return dryRun(choice, options, arrows);

  const world = new World();
  const display = new Display(styleOf(options), { verbose: options.verbose });
  const interrupts = new Interrupts();
  try {
    const input = options.input(choice);
    const run = launch(input, { ...bound(world), arrows: watching(arrows, world) }, interrupts.signal);
    const arrived = await shown(run, display, id);
    display.stop();
    if (options.detach) return detached(arrived.session, options);
    interrupts.reset();
    return await attended(arrived, world, interrupts, {
      browser: options.browser,
      json: options.json,
      call: Date.now() - started > CALL_AFTER_MS,
      ...(options.port ? { port: options.port } : {}),
    });
  } catch (error) {
    display.fail(interrupts.aborted ? 'interrupted' : 'failed');
    return await afterFailure(error, id, world, interrupts, options);
  } finally {
    interrupts.dispose();
    await world[Symbol.asyncDispose]();
  }
}

export async function buildCommand(repo: string, flags: Flags): Promise<number> {
  const config = loadConfig();
  const id = newSessionId();
  const options = launchInput(repo, flags, config, id);
  const choice = await wantedCluster(options.cluster, 'build REPO');
  const arrows = makeArrows(choice, options, config);
  if (options.dryRun) return dryRun(choice, options, arrows);
  await using world = new World();
  const display = new Display(styleOf(options), { verbose: options.verbose });
  const interrupts = new Interrupts();
  try {
    const watched = watching(arrows, world);
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
    display.fail(interrupts.aborted ? 'interrupted' : 'failed');
    return showFailure(error, { json: options.json });
  } finally {
    interrupts.dispose();
  }
}

/** `open`: the same wait and the same attendance, from the record. */
export async function reopen(found: SessionRecord, flags: Flags): Promise<number> {
  const json = flags.json === true;
  const display = new Display(json ? 'json' : canMove ? 'moving' : 'lines');
  const interrupts = new Interrupts();
  const world = new World();
  try {
    const cluster = await clusterOf(found);
    world.use(cluster);
    const record = await freshRecord(cluster, found);
    world.keep(record);
    const arrived = await shown(arriving(cluster, record, bound(world), interrupts.signal), display, record.id);
    display.stop();
    interrupts.reset();
    return await attended({ ...arrived, cluster }, world, interrupts, {
      browser: flags.browser !== false,
      json,
      call: false,
      ...(flags.port ? { port: Number(flags.port) } : {}),
    });
  } catch (error) {
    display.fail(interrupts.aborted ? 'interrupted' : 'failed');
    if (interrupts.aborted) {
      const code = leftRunning(found);
      return (await stoppedBySecond(world, interrupts)) ?? code;
    }
    return showFailure(error, { json });
  } finally {
    interrupts.dispose();
    await world[Symbol.asyncDispose]();
  }
}

function styleOf(options: Options): Style {
  if (options.json) return 'json';
  if (options.quiet) return 'quiet';
  return canMove ? 'moving' : 'lines';
}

function bound(world: World) {
  const { watchJob, agent, reason, keep, now, sleep, submit } = world;
  return { watchJob, agent, reason, keep, now, sleep, submit };
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

/** The world learns of the cluster as soon as there is one. */
function watching(arrows: ReturnType<typeof makeArrows>, world: World): ReturnType<typeof makeArrows> {
  return {
    ...arrows,
    async connect(on, signal) {
      const cluster = await unlessAborted(arrows.connect(on, signal), signal);
      world.use(cluster);
      return cluster;
    },
  };
}

/** Shows each event, writes the story down, and gives what the generator returns. */
async function shown<T>(run: AsyncGenerator<Progress, T>, display: Display, id: string): Promise<T> {
  const records = localRecords();
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    display.on(step.value);
    const line = storyLine(step.value);
    if (line !== undefined) records.tell(id, line);
  }
}

function storyLine(event: Progress): string | undefined {
  switch (event.type) {
    case 'log':
      return event.line;
    case 'done':
      return `[${event.phase}] ${event.text} (${event.seconds.toFixed(1)} s)`;
    case 'start':
      return `[${event.phase}] ${event.text}`;
    case 'note':
    case 'warning':
      return `${event.type}: ${event.text}`;
    case 'update':
      return undefined;
  }
}

async function attended(
  arrived: Arrived & { cluster: Cluster },
  world: World,
  interrupts: Interrupts,
  options: AttendOptions,
): Promise<number> {
  const code = await attend(arrived.cluster, arrived.session, arrived.work, world, options, interrupts.signal);
  if (!interrupts.aborted) return code;
  return (await stoppedBySecond(world, interrupts)) ?? code;
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
