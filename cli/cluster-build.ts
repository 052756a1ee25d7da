/** The thin build: the same plan as a definition, run by a batch job of the user's, never on the login node (DESIGN 5). */
import {
  BUILD_RESULT,
  BUILD_SCRIPT,
  CONTEXT_FILE,
  clusterBuildFiles,
  lastStep,
  parseBuildResult,
} from '../converters/cluster-build.ts';
import { type DefinitionBase, needsOtherIds } from '../converters/definition.ts';
import type { Planned, StoredSif } from '../core/arrows.ts';
import type { BuildSettings, Checkout, SifReceipt } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import { orThrow, textOf } from '../core/command.ts';
import type { ClusterEntry } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import { newSessionId } from '../core/ids.ts';
import type { OnProgress } from '../core/progress.ts';
import { ask, readAll } from '../core/transport.ts';
import { buildContext } from '../images/context.ts';
import { buildFailure } from '../images/failure.ts';
import { jobRunner } from '../jobs/run.ts';
import { createDirectory } from '../sessions/remote.ts';
import { decideRequest, requestInWords } from '../sessions/request.ts';
import type { Options } from './flags.ts';
import { imageStoreOf } from './store.ts';
import { PRODUCT } from './version.ts';

const BUILD_REQUEST = { seconds: 3600, cpus: 4, memoryMb: 8192, gpus: 0 };

export type ClusterBuildInput = {
  cluster: Cluster;
  planned: Planned;
  checkout: Checkout;
  receipt: Omit<SifReceipt, 'bytes' | 'sha256'>;
  settings: BuildSettings;
  options: Pick<Options, 'buildPartition'>;
  entry: ClusterEntry;
};

export async function buildOnCluster(
  input: ClusterBuildInput,
  on: OnProgress,
  signal: AbortSignal,
): Promise<StoredSif> {
  const { cluster, planned, receipt } = input;
  const { profile, transport } = cluster;
  const why = needsOtherIds(planned.plan);
  if (why) {
    throw new HpcbinderError('E-BUILD-CLUSTER', {
      message: why,
      hint: 'Build where there is a container engine (--build-on here), or drop the package.',
    });
  }
  const store = imageStoreOf(cluster);
  const id = newSessionId();
  const directory = `${profile.imageStore}/builds/${id}`;
  const files = await clusterBuildFiles(planned.plan, {
    base: baseOf(planned, cluster),
    container: profile.container.command,
    scratch: `${profile.imageStore}/tmp`,
    output: store.path(planned.key),
    prologue: profile.prologue,
  });
  orThrow(await ask(transport, createDirectory(profile, `${profile.imageStore}/builds`, id, files), signal));
  try {
    const result = await built(input, id, directory, on, signal);
    return await store.adopt({ ...receipt, ...result }, signal);
  } finally {
    // its context holds the settings of this machine, a password of an index among them; the log was streamed
    await transport.run({ argv: ['rm', '-rf', '--', directory] }).catch(() => undefined);
  }
}

/** From the directory to the job's result: bytes and sha256 of the SIF. */
async function built(
  { cluster, planned, checkout, settings, options, entry }: ClusterBuildInput,
  id: string,
  directory: string,
  on: OnProgress,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const { profile, transport, scheduler } = cluster;
  await transport.write(`${directory}/${CONTEXT_FILE}`, buildContext(planned.plan, checkout, settings), {
    mode: 0o600,
    signal,
  });

  const request = buildRequest({ cluster, options, entry });
  on({ type: 'update', phase: 'build', text: `a job builds the image · ${requestInWords(request)}` });
  const log: string[] = [];
  const run = jobRunner(transport, scheduler, { owner: profile.uid, script: BUILD_SCRIPT });
  const outcome = await run(
    { tag: id, directory, request, comment: `${PRODUCT} build`, log: 'job.log' },
    (event) => {
      if (event.type === 'log') {
        log.push(event.line);
        on({ type: 'log', phase: 'build', line: event.line });
      } else if (event.type === 'submitted')
        on({ type: 'update', phase: 'build', text: `job ${event.id} builds the image · ${requestInWords(request)}` });
    },
    signal,
  );
  const result = parseBuildResult(
    textOf((await readAll(transport, `${directory}/${BUILD_RESULT}`)) ?? new Uint8Array()),
  );
  if (!result) {
    const { step, what, lines } = lastStep(planned.plan, log);
    const { end, exitCode } = outcome.status;
    if (end === 'timeout' || end === 'out-of-memory') {
      throw new HpcbinderError(end === 'timeout' ? 'E-BUILD' : 'E-JOB-MEMORY', {
        message: `the build job was ended by the scheduler (${end})`,
        evidence: lines.slice(-10),
        hint: 'Build where there is a container engine (--build-on here), or ask the site for a larger build partition (--build-partition).',
      });
    }
    throw buildFailure({
      step,
      what,
      lines,
      textOf: (path) => checkout.files.text(path),
      ...(exitCode === undefined ? {} : { exitCode }),
    });
  }
  return result;
}

/** The site's own base, else the registry's by digest: the compute node pulls it. */
function baseOf(planned: Planned, cluster: Cluster): DefinitionBase {
  const { base } = planned.plan;
  if (!base)
    throw new HpcbinderError('E-BUILD-CLUSTER', {
      message: 'a Dockerfile is built by a container engine, and there is none here',
      hint: 'Launch from a machine with Docker or Podman.',
    });
  const site = cluster.profile.bases.get(base.python);
  if (site?.archive) return { bootstrap: 'docker-archive', from: site.archive };
  return { bootstrap: 'docker', from: base.digest ? `${base.name.replace(/:[^:/]*$/, '')}@${base.digest}` : base.name };
}

function buildRequest({ cluster, options, entry }: Pick<ClusterBuildInput, 'cluster' | 'options' | 'entry'>) {
  const partition = options.buildPartition ?? entry.build_partition;
  const { request } = decideRequest({
    flags: partition ? { partition } : {},
    repository: {},
    site: BUILD_REQUEST,
    partitions: cluster.partitions,
  });
  const { account, qos } = entry.defaults ?? {};
  return { ...request, ...(account ? { account } : {}), ...(qos ? { qos } : {}) };
}
