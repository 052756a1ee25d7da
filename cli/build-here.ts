/** Where an image is built, and by whom: hpcbinder's own builders, or repo2docker where the user said so. */
import { needsEngine } from '../converters/build-faults.ts';
import type { BuildPlace, Planned } from '../core/arrows.ts';
import type { Checkout, ImageRef } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Options } from './flags.ts';
import type { Tools } from './tools.ts';

export async function placeOf(
  planned: Planned,
  cluster: Cluster,
  buildOn: Options['buildOn'],
  tools: Tools,
): Promise<BuildPlace> {
  if (planned.plan.builder === 'repo2docker') return await placeOfUpstream(planned, buildOn, tools);
  const place = await placeOfOurs(planned, buildOn, tools);
  if (place.where === 'cluster' && planned.plan.base === undefined)
    throw needsEngine(planned.plan, place.why ?? 'a build on the cluster has none');
  const how = place.why && `${place.why}: a batch job on ${cluster.profile.host} builds the image`;
  return { where: place.where, ...(how ? { why: `${how} (--build-on here insists)` } : {}) };
}

async function placeOfOurs({ plan }: Planned, buildOn: Options['buildOn'], tools: Tools): Promise<BuildPlace> {
  if (buildOn !== 'auto') return { where: buildOn };
  const engine = await tools.engine();
  if (engine instanceof HpcbinderError) return { where: 'cluster', why: engine.message };
  if (engine.platform === plan.platform) return { where: 'here' };
  return { where: 'cluster', why: `the engine here builds for ${engine.platform}, the partition is ${plan.platform}` };
}

/** repo2docker needs an engine, and one of the partition's architecture, for the build of a foreign one is emulated at best. */
async function placeOfUpstream(planned: Planned, buildOn: Options['buildOn'], tools: Tools): Promise<BuildPlace> {
  if (buildOn === 'cluster') {
    throw new HpcbinderError('E-USAGE', {
      message: '--builder repo2docker builds with a container engine, and so not on the cluster',
      hint: 'Leave --build-on cluster out, or --builder repo2docker.',
    });
  }
  const engine = await tools.engine();
  if (engine instanceof HpcbinderError) {
    throw new HpcbinderError('E-TOOL-NONE', {
      message: `--builder repo2docker needs a container engine: ${engine.message}`,
      hint: 'Install Docker (https://docs.docker.com/engine/install/) or Podman here, or launch from a machine that has one.',
      evidence: engine.evidence,
      cause: engine,
    });
  }
  if (engine.platform === planned.plan.platform) return { where: 'here' };
  throw new HpcbinderError('E-TOOL-NONE', {
    message: `--builder repo2docker builds with the engine here, which is for ${engine.platform}; the partition is ${planned.plan.platform}`,
    hint: `Launch with --builder repo2docker from a machine of that architecture, or choose another partition (--partition).`,
  });
}

/** The engine's own image of that key, where it has one, else built. */
export async function buildHere(
  planned: Planned,
  checkout: Checkout,
  tools: Tools,
  how: { on: (line: string) => void; signal: AbortSignal },
): Promise<ImageRef> {
  const { plan, key } = planned;
  const engine = await tools.needEngine();
  if (plan.builder === 'repo2docker') {
    const { buildByRepo2docker } = await import('../images/repo2docker-build.ts');
    const tool = await tools.repo2docker(how.signal);
    return buildByRepo2docker(engine, plan, checkout, tool, { key, env: process.env, ...how });
  }
  const { buildImage } = await import('../images/build.ts');
  return buildImage(engine, plan, checkout, await tools.settings(), { key, ...how });
}
