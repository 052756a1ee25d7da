/** The thin build: the same plan as a definition, run by a batch job of the user's, never on the login node (DESIGN 5). */
import { clusterFault, noInternet, refuseIds } from '../converters/build-faults.ts';
import { askModes, type Known, MODES_FILE, modesText, withSiteModes } from '../converters/build-modes.ts';
import {
  BUILD_LOG,
  BUILD_SCRIPT,
  type BuildResult,
  CONTEXT_FILE,
  clusterBuildFiles,
  findBuild,
  lastStep,
} from '../converters/cluster-build.ts';
import { needsOtherIds } from '../converters/id-packages.ts';
import type { ImageClaim, Planned, StoredSif } from '../core/arrows.ts';
import type { BuildSettings, Checkout, EnvironmentKey, SifReceipt } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import type { ClusterEntry } from '../core/config.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import { newSessionId } from '../core/ids.ts';
import type { JobOutcome } from '../core/jobs.ts';
import type { OnProgress } from '../core/progress.ts';
import type { JobId, JobRef, ResourceRequest } from '../core/scheduler.ts';
import { ask, bytes } from '../core/transport.ts';
import { buildContext } from '../images/context.ts';
import { buildFailure } from '../images/failure.ts';
import type { Poller } from '../jobs/poller.ts';
import { followJob, withdrawJob } from '../jobs/run.ts';
import { findJob, submitOnce } from '../jobs/submit.ts';
import { createDirectory } from '../sessions/remote.ts';
import { requestInWords } from '../sessions/request.ts';
import { baseOf, buildRequest } from './build-request.ts';
import { BuildStory } from './build-story.ts';
import { fetchedFrom } from './fetched-from.ts';
import type { Options } from './flags.ts';
import { imageStoreOf } from './store.ts';
import { PRODUCT } from './version.ts';

export type ClusterBuildInput = {
  cluster: Cluster;
  planned: Planned;
  checkout: Checkout;
  receipt: Omit<SifReceipt, 'bytes' | 'sha256'>;
  /** the caller holds it, and gives it back */
  claim: ImageClaim;
  settings: BuildSettings;
  options: Pick<Options, 'buildPartition'>;
  entry: ClusterEntry;
  /** of an endpoint, which asks for the jobs of all users at once */
  poller?: Poller;
};

/** One directory a key: whoever holds the key's claim finds in it the job of a launch that is gone, and goes on with it. */
function directoryOf({ profile }: Cluster, key: EnvironmentKey): string {
  return `${profile.imageStore}/builds/${key}`;
}

export function buildLogOf(cluster: Cluster, key: EnvironmentKey): string {
  return `${directoryOf(cluster, key)}/${BUILD_LOG}`;
}

export async function buildOnCluster(
  input: ClusterBuildInput,
  on: OnProgress,
  signal: AbortSignal,
): Promise<StoredSif> {
  const { cluster, planned, receipt, claim } = input;
  const { profile, transport } = cluster;
  const store = imageStoreOf(cluster);
  const directory = directoryOf(cluster, planned.key);
  const request = buildRequest(input);
  const known = orThrow(await ask(transport, askModes(`${profile.imageStore}/${MODES_FILE}`), signal));
  const site = siteOf(cluster, request);
  const refusal = refuseIds(planned.plan, withSiteModes(known, cluster.site?.builds, site.container), site);
  if (refusal) throw refusal;
  const offline = profile.internet === false && fetchedFrom(planned.plan, input.settings, { own: false }).length > 0;
  if (offline) throw noInternet(siteOf(cluster, request), "the cluster's entry says so (internet: false)");

  const found = orThrow(await ask(transport, findBuild(directory, store.path(planned.key)), signal));
  const going = found && (await findJob(transport, cluster.scheduler, found.tag, profile.uid, signal));
  const tag = found && (going || found.result) ? found.tag : newSessionId();
  const story = new BuildStory(on);
  try {
    let result = going === undefined ? found?.result : undefined;
    if (!result) {
      const id = going ?? (await begun(input, request, directory, tag, on, signal));
      const whose = going
        ? `job ${id} of an earlier launch builds the image already: joined`
        : `job ${id} builds the image`;
      if (going) on({ type: 'note', text: whose });
      on({ type: 'update', phase: 'build', text: `${whose} · ${requestInWords(request)}` });
      result = await resultOf(input, request, { id, tag }, directory, story, signal);
    }
    await keepMode(input, request, known, story);
    const sif = await store.adopt({ ...receipt, ...result, ...story.place }, signal);
    await tidy(input, directory);
    return sif;
  } catch (error) {
    // whoever took over goes on with the job
    if (claim.lost.aborted) throw error;
    if (signal.aborted) throw await givenUp(input, tag, directory);
    // a line that broke breaks no job: the next launch joins it
    if (asHpcbinderError(error).transient) throw error;
    await keepMode(input, request, known, story);
    await tidy(input, directory);
    throw error;
  }
}

/** From an empty directory to a job. */
async function begun(
  { cluster, planned, checkout, settings }: ClusterBuildInput,
  request: ResourceRequest,
  directory: string,
  tag: string,
  on: OnProgress,
  signal: AbortSignal,
): Promise<JobId> {
  const { profile, transport, scheduler } = cluster;
  on({ type: 'update', phase: 'build', text: `a job builds the image · ${requestInWords(request)}` });
  const files = await clusterBuildFiles(planned.plan, {
    tag,
    key: planned.key,
    base: baseOf(planned, cluster),
    container: profile.container.command,
    scratch: `${profile.imageStore}/tmp`,
    output: imageStoreOf(cluster).path(planned.key),
    prologue: profile.prologue,
    epilogue: profile.epilogue,
    reach: profile.internet === undefined ? fetchedFrom(planned.plan, settings) : [],
  });
  await transport.run({ argv: ['rm', '-rf', '--', directory] }, signal);
  const parent = `${profile.imageStore}/builds`;
  orThrow(await ask(transport, createDirectory(profile, parent, planned.key, files), signal));
  const context = buildContext(planned.plan, checkout, settings);
  await transport.write(`${directory}/${CONTEXT_FILE}`, context, { mode: 0o600, signal });
  const job = { tag, directory, request, comment: `${PRODUCT} build`, log: BUILD_LOG };
  return await submitOnce(transport, scheduler, job, `${directory}/${BUILD_SCRIPT}`, {
    owner: profile.uid,
    user: profile.user,
    signal,
  });
}

/** To the job's end: bytes and sha256 of the SIF. */
async function resultOf(
  input: ClusterBuildInput,
  request: ResourceRequest,
  job: JobRef,
  directory: string,
  story: BuildStory,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { cluster, planned, poller } = input;
  const { transport, scheduler, profile } = cluster;
  const log = `${directory}/${BUILD_LOG}`;
  const { uid, user } = profile;
  const followed = { ...job, log, owner: { uid, user } };
  const how = { owner: uid, ...(poller ? { poller } : {}) };
  const outcome = await followJob(transport, scheduler, followed, story.on, signal, how);
  const output = imageStoreOf(cluster).path(planned.key);
  const found = orThrow(await ask(transport, findBuild(directory, output), signal));
  if (found?.result) return found.result;
  throw failureOf(input, request, outcome, story);
}

function failureOf(
  { cluster, planned, checkout, poller }: ClusterBuildInput,
  request: ResourceRequest,
  { status }: JobOutcome,
  { log, seen }: BuildStory,
): HpcbinderError {
  const { step, what, lines } = lastStep(planned.plan, log);
  const { end, exitCode } = status;
  if (end === 'timeout' || end === 'out-of-memory' || end === 'cancelled') {
    return new HpcbinderError(end === 'out-of-memory' ? 'E-JOB-MEMORY' : 'E-BUILD', {
      message: `the build job was ended by ${end === 'cancelled' ? 'somebody else' : `the scheduler (${end})`} at "${what}"`,
      evidence: lines.slice(-10),
      hint: poller
        ? 'Install less, or packages that need no compiling; or ask the admins of this endpoint for a larger build partition.'
        : 'Build where there is a container engine (--build-on here), or ask the site for a larger build partition (--build-partition).',
    });
  }
  return (
    clusterFault(planned.plan, { exitCode, seen, step: what, lines }, siteOf(cluster, request)) ??
    buildFailure({
      step,
      what,
      lines,
      textOf: (path) => checkout.files.text(path),
      ...(exitCode === undefined ? {} : { exitCode }),
    })
  );
}

/** ctrl-C: the job ends with the launch, unless another launch waits for its image. */
async function givenUp(
  { cluster, planned, claim }: ClusterBuildInput,
  tag: string,
  directory: string,
): Promise<HpcbinderError> {
  const { transport, scheduler, profile } = cluster;
  if (await claim.awaited().catch(() => false)) {
    return new HpcbinderError('E-CANCELLED', {
      message: 'cancelled: another launch waits for this image and goes on with the build job',
    });
  }
  await withdrawJob(transport, scheduler, tag, profile.uid);
  await tidy({ cluster, planned }, directory);
  return new HpcbinderError('E-CANCELLED', { message: 'cancelled: the build job was ended, nothing is left behind' });
}

/** Its context holds the settings of this machine, a password of an index among them; the log was streamed. */
async function tidy(
  { cluster, planned }: Pick<ClusterBuildInput, 'cluster' | 'planned'>,
  directory: string,
): Promise<void> {
  const building = `${imageStoreOf(cluster).path(planned.key)}.building`;
  await cluster.transport.run({ argv: ['rm', '-rf', '--', directory, building] }).catch(() => undefined);
}

function siteOf({ profile }: Cluster, request: ResourceRequest) {
  const { host, user, container } = profile;
  return { host, user, partition: request.partition ?? '', container: `${container.command} ${container.version}` };
}

/** For the next build on that partition. */
async function keepMode(
  { cluster, planned }: ClusterBuildInput,
  request: ResourceRequest,
  { evidence, modes }: Known,
  { seen }: BuildStory,
): Promise<void> {
  if (!seen) return;
  const { partition, container } = siteOf(cluster, request);
  const wanted = needsOtherIds(planned.plan).length > 0;
  const now = new Map(modes).set(partition, { ...seen, wanted, container, evidence, at: new Date().toISOString() });
  const path = `${cluster.profile.imageStore}/${MODES_FILE}`;
  await cluster.transport.write(path, bytes(modesText(now)), { mode: 0o600 }).catch(() => undefined);
}
