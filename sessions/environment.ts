/** The first half of the path: repository → commit → checkout → request → plan → SIF on the cluster. `build` ends here. */
import { APP_WORDS, type AppName, shinyPlaces } from '../core/apps.ts';
import type { LaunchArrows, Planned, RepositoryWishes, StoredContent, StoredSif } from '../core/arrows.ts';
import type { Checkout, Platform, ResolvedRepo, SifReceipt } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Converter } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { size } from '../core/units.ts';
import { imageOn } from './image.ts';
import { phase } from './phase.ts';
import { preflightOf } from './preflight.ts';
import { type Decided, decideRequest, type Wishes } from './request.ts';

export type EnvironmentInput = {
  flags: Wishes;
  site: Wishes;
  product: string;
  rebuild: boolean;
  /** who shall make the SIF, where the user said it */
  converter?: Converter;
  app?: AppName;
  /** an image that lies on the cluster already */
  sif?: string;
  /** no repository was named: only with `sif` */
  noRepository: boolean;
};

export type Environment = {
  checkout: Checkout | undefined;
  platform: Platform;
  planned: Planned | undefined;
  sif: StoredSif;
  decided: Decided;
  app: AppName;
};

/** What is asked of this cluster's scheduler; a dry run shows the same. */
export function decidedFor(cluster: Cluster, input: EnvironmentInput, wishes: RepositoryWishes): Decided {
  const { flags, site } = input;
  const { partitions, allowance, scheduler } = cluster;
  const decided = decideRequest({ flags, site, repository: wishes, partitions, ...(allowance ? { allowance } : {}) });
  // before minutes of building, not at the submit
  scheduler.check(decided.request);
  return decided;
}

export async function* environmentOn(
  cluster: Cluster,
  input: EnvironmentInput,
  arrows: LaunchArrows,
  signal: AbortSignal,
): AsyncGenerator<Progress, Environment> {
  const checkout = input.noRepository ? undefined : yield* repository(arrows, signal);
  const wishes = checkout ? arrows.wishes(checkout) : {};
  const app = input.app ?? wishes.app ?? 'lab';
  // a refusal from here on belongs to a phase
  yield { type: 'start', phase: 'plan', text: 'what is asked for' };
  const decided = decidedFor(cluster, input, wishes);
  if (decided.beyond.length > 0)
    await arrows.confirm(`hpc.yml of the repository asks for ${decided.beyond.join(', ')}. Ask for that?`, '--yes');
  const platform = platformOf(decided, cluster);
  for (const note of decided.notes) yield { type: 'note', text: note };
  const gpus = decided.request.gpus > 0;
  const asked = { platform, gpus, content: contentBytes(checkout), ...(input.sif ? { sif: input.sif } : {}) };
  const preflight = preflightOf(cluster, asked, signal);

  if (input.sif !== undefined) {
    await preflight({ make: false });
    return {
      checkout,
      platform,
      planned: undefined,
      decided,
      app,
      sif: { path: input.sif, receipt: givenReceipt(input, platform) },
    };
  }
  if (!checkout)
    throw new HpcbinderError('E-USAGE', {
      message: 'name a repository, or an image on the cluster with --sif',
      hint: 'hpcbinder launch --help',
    });
  const planned = yield* phase(
    'plan',
    'reading the repository',
    (on) => arrows.plan(checkout, cluster, platform, on, signal),
    (made) => made.words,
  );
  for (const note of planned.notes) yield { type: 'note', text: note };
  if (app === 'shiny' && !planned.plan.contentInImage) oneShinyApp(checkout);
  const sif = yield* imageOn({ cluster, planned, checkout, input, arrows, preflight, gpus, app }, signal);
  return { checkout, platform, planned, sif, decided, app };
}

/** Before minutes of building: the job would find the same. */
function oneShinyApp({ files }: Checkout): void {
  const places = shinyPlaces(files);
  if (places.length === 1) return;
  const several = `it lies in ${places.length} folders (${places.slice(0, 5).join(', ')}), and in none at its top`;
  throw new HpcbinderError('E-IMAGE-APP', {
    message: `the repository lacks ${places.length === 0 ? `a ${APP_WORDS.shiny} app` : `one ${APP_WORDS.shiny} app to begin with: ${several}`}`,
    hint: 'app.R or server.R has to lie at the top of the repository, or in one folder of it.',
  });
}

function contentBytes(checkout: Checkout | undefined): number {
  return (checkout?.files?.list() ?? []).reduce((sum, { size: bytes }) => sum + bytes, 0);
}

async function* repository(arrows: LaunchArrows, signal: AbortSignal): AsyncGenerator<Progress, Checkout> {
  return yield* phase(
    'repo',
    'looking up the repository',
    async (on) => arrows.checkout(await arrows.resolve(on, signal), on, signal),
    ({ repo }) => repoInWords(repo),
  );
}

export function repoInWords(repo: ResolvedRepo): string {
  if (repo.kind === 'local')
    return `${repo.path} (${repo.commit ? `${repo.commit.slice(0, 7)}${repo.dirty ? ' and changes' : ''}` : `tree ${repo.tree.slice(0, 7)}`})`;
  return `${repo.host === 'github.com' ? repo.path : `${repo.host}/${repo.path}`} @ ${repo.commit.slice(0, 7)}${repo.ref ? `  ${repo.ref}` : ''}`;
}

export async function* contentOn(
  cluster: Cluster,
  checkout: Checkout,
  arrows: LaunchArrows,
  signal: AbortSignal,
): AsyncGenerator<Progress, StoredContent> {
  let content: StoredContent | undefined;
  yield* phase(
    'upload',
    'the repository to the cluster',
    async (on) => {
      content = await arrows.content(cluster, checkout, on, signal);
      return content;
    },
    (sent) =>
      sent.reused ? { text: `repository is there already`, skipped: true } : `repository, ${size(sent.bytes)}`,
  );
  return content as StoredContent;
}

/** The partition's where the scheduler names one, else the login node's. */
export function platformOf(decided: Decided, cluster: Cluster): Platform {
  const machine = decided.partition?.architectures[0];
  if (machine === undefined) return cluster.profile.platform;
  return /^(?:aarch64|arm64)$/.test(machine) ? 'linux/arm64' : 'linux/amd64';
}

/** Nothing is known of a given image but its path; the agent checks that it is one. */
function givenReceipt(input: EnvironmentInput, platform: Platform): SifReceipt {
  return {
    schema: 1,
    key: 'given',
    bytes: 0,
    sha256: '',
    platform,
    builtAt: new Date().toISOString(),
    repo: 'given',
    tool: input.product,
    contentInImage: true,
  };
}
