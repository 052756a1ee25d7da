/** Plan → SIF on the cluster: found there, or made by one launch at a time; the others wait, see what it does, and find it done. */
import type { AppName } from '../core/apps.ts';
import type { BuildPlace, FailedBuild, ImageClaim, LaunchArrows, Planned, StoredSif } from '../core/arrows.ts';
import type { Checkout, SifFile, SifReceipt } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Converter } from '../core/config.ts';
import { asHpcbinderError, type ErrorCode } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { size } from '../core/units.ts';
import { during, phase } from './phase.ts';
import type { Preflight } from './preflight.ts';
import { ago } from './words.ts';

export type ImageWanted = {
  cluster: Cluster;
  planned: Planned;
  checkout: Checkout;
  input: { rebuild: boolean; product: string; converter?: Converter };
  arrows: LaunchArrows;
  preflight: Preflight;
  /** the job asks for GPUs: the image's glibc counts */
  gpus: boolean;
  app: AppName;
};

export async function* imageOn(wanted: ImageWanted, signal: AbortSignal): AsyncGenerator<Progress, StoredSif> {
  const { cluster, planned, input, arrows } = wanted;
  const stored = () => during((on) => arrows.stored(cluster, planned.key, on, signal));
  yield { type: 'start', phase: 'build', text: 'looking for the image' };
  const before = yield* stored();
  if (before && !input.rebuild) {
    const { platform, glibc } = before.receipt;
    await wanted.preflight({ make: false, imagePlatform: platform, ...(glibc && wanted.gpus ? { glibc } : {}) });
    return yield* reused(before, wanted);
  }
  await wanted.preflight({ make: true });
  const place = await arrows.buildPlace(planned, cluster);
  if (place.why) yield { type: 'note', text: place.why };
  for (;;) {
    const claim = yield* during((on) => arrows.claim(cluster, planned.key, on, signal));
    try {
      const found = yield* stored();
      if (found && (!input.rebuild || found.receipt.builtAt !== before?.receipt.builtAt))
        return yield* reused(found, wanted);
      if (claim.failed && isOursToo(claim.failed, place.where)) throw claim.failed.error;
      const either = AbortSignal.any([signal, claim.lost]);
      return yield* telling(made(wanted, place.where, claim, either), claim);
    } catch (error) {
      if (signal.aborted) throw error;
      if (!claim.lost.aborted) {
        const failed = { where: place.where, error: asHpcbinderError(error) };
        // what was told to us is told to the others already; a failure to tell must not hide what failed
        if (error !== claim.failed?.error) await claim.fail(failed).catch(() => undefined);
        throw error;
      }
      yield {
        type: 'warning',
        text: 'nothing was heard of this launch for so long that another one makes the image now',
      };
    } finally {
      await claim[Symbol.asyncDispose]();
    }
  }
}

/** Faults of the environment itself, and of the nodes: not of one's own machine, line or options. */
const OF_ALL: readonly ErrorCode[] = ['E-BUILD', 'E-BUILD-PIP', 'E-BUILD-APT', 'E-IMAGE-APP'];
const OF_NODES: readonly ErrorCode[] = ['E-BUILD-CLUSTER', 'E-JOB-MEMORY', 'E-DISK-FULL'];

/** Would this launch meet the same? At another kind of place it may not. */
export function isOursToo({ where, error }: FailedBuild, ours: BuildPlace['where']): boolean {
  if (where !== ours || error.transient) return false;
  return OF_ALL.includes(error.code) || (where === 'cluster' && OF_NODES.includes(error.code));
}

function* reused(found: StoredSif, { cluster, input }: ImageWanted): Generator<Progress, StoredSif> {
  const { receipt } = found;
  const text = `reused, built ${ago(new Date(receipt.builtAt), new Date())} · ${size(receipt.bytes)} on ${cluster.profile.host}`;
  yield { type: 'done', phase: 'build', text, seconds: 0, skipped: true };
  const other = otherConverter(receipt, input.converter);
  if (other) yield { type: 'note', text: other };
  return found;
}

/** What is shown here is said to those who wait, too. */
async function* telling<T>(run: AsyncGenerator<Progress, T>, claim: ImageClaim): AsyncGenerator<Progress, T> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    const words = spoken(step.value);
    if (words !== undefined) claim.say(words);
    yield step.value;
  }
}

export function spoken(event: Progress): string | undefined {
  if (event.type === 'log') return `${event.phase} · ${event.line}`;
  if (event.type === 'start') return `${event.phase} · ${event.text}`;
  if (event.type !== 'update') return undefined;
  const moved = event.done === undefined ? '' : `${size(event.done)}${event.total ? ` of ${size(event.total)}` : ''}`;
  return [event.phase, event.text ?? moved].join(' · ');
}

async function* made(
  { cluster, planned, checkout, input, arrows, preflight, gpus, app }: ImageWanted,
  where: 'here' | 'cluster',
  claim: ImageClaim,
  signal: AbortSignal,
): AsyncGenerator<Progress, StoredSif> {
  const receipt = receiptOf(planned, checkout, input.product);
  if (where === 'cluster') {
    return yield* phase(
      'build',
      'a batch job builds the image',
      (on) => arrows.buildOnCluster(cluster, planned, checkout, receipt, claim, on, signal),
      ({ receipt: { bytes, mode, node } }) =>
        `image built by a job on ${cluster.profile.host} · ${size(bytes)}${mode ? ` · mode ${mode} on ${node}` : ''}`,
    );
  }
  const image = yield* phase(
    'build',
    `image for ${planned.plan.platform}`,
    (on) => arrows.build(planned, checkout, on, signal),
    (built) => `image for ${built.platform.replace('linux/', '')} · ${size(built.size)}`,
  );
  yield* phase(
    'check',
    'starting the image once',
    () => arrows.check(image, planned, app, signal),
    (words) => words,
  );
  const glibc = gpus ? await arrows.glibc(image, signal) : undefined;
  if (glibc !== undefined) await preflight({ make: true, glibc });
  const sif = yield* phase(
    'convert',
    `${size(image.size)} image → SIF`,
    (on) => arrows.convert(cluster, image, planned, on, signal),
    ({ bytes, converter }) => `${size(image.size)} image → ${size(bytes)} SIF${converter ? ` by ${converter}` : ''}`,
  );
  return yield* phase(
    'upload',
    `${size(sif.bytes)} to ${cluster.profile.host}`,
    (on) => arrows.upload(cluster, sif, { ...converted(receipt, sif), ...(glibc ? { glibc } : {}) }, claim, on, signal),
    () => `${size(sif.bytes)} to ${cluster.profile.imageStore}`,
  );
}

function receiptOf(planned: Planned, checkout: Checkout, tool: string): Omit<SifReceipt, 'bytes' | 'sha256'> {
  const { repo } = checkout;
  return {
    schema: 1,
    key: planned.key,
    platform: planned.plan.platform,
    builtAt: new Date().toISOString(),
    repo: repo.kind === 'git' ? repo.url : 'local',
    ...(repo.commit ? { commit: repo.commit } : {}),
    tool,
    ...(planned.plan.base ? { base: planned.plan.base } : {}),
    contentInImage: planned.plan.contentInImage,
    ...(planned.plan.repo2docker ? { builder: `repo2docker ${planned.plan.repo2docker.version}` } : {}),
  };
}

function converted(receipt: Omit<SifReceipt, 'bytes' | 'sha256'>, sif: SifFile): SifReceipt {
  const { bytes, sha256, converter } = sif;
  return { ...receipt, bytes, sha256, ...(converter ? { converter } : {}) };
}

/** The key names an environment and not its bytes: what another converter made is used, and that is said. */
function otherConverter(receipt: SifReceipt, wanted: Converter | undefined): string | undefined {
  const by = receipt.converter ?? 'hpcbinder';
  if (wanted === undefined || by.split(' ', 1)[0] === wanted) return undefined;
  return `--converter ${wanted}: the image there was made by ${by}; --rebuild makes it anew`;
}
