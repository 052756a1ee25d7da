/** What a launch would meet: policy's cuts, when it would start, whether its image is there. Nothing begins. */
import type { Forecast, ImageView, LaunchGranted, LaunchWanted, Offers, User } from '../../core/endpoint.ts';
import { repositoryKey } from '../policy/index.ts';
import type { Deps } from './deps.ts';

/** Throws what policy refuses; a scheduler or a store that does not answer only leaves its part out. */
export async function forecast(
  deps: Deps,
  user: User,
  wanted: LaunchWanted,
  commit: string | undefined,
  signal: AbortSignal,
): Promise<Forecast> {
  const granted = await deps.judge.foresee(user, wanted, signal);
  const [start, image] = await Promise.all([
    deps.services.outlook.start(user, granted, signal).catch(() => undefined),
    commit === undefined ? undefined : imageOf(deps, user, granted, commit, signal).catch(() => undefined),
  ]);
  return { notes: granted.notes, ...(start ? { start } : {}), ...(image ? { image } : {}) };
}

/** The key depends on what the repository holds, so it is known of commits that were launched before (DESIGN 4.3). */
async function imageOf(
  { kept, services }: Deps,
  user: User,
  granted: LaunchGranted,
  commit: string,
  signal: AbortSignal,
): Promise<ImageView> {
  const { cluster } = granted;
  const seconds = kept.images.usualSeconds(cluster);
  const usual = seconds === undefined ? {} : { buildSeconds: seconds };
  const platform = await services
    .offers(user, cluster, signal)
    .then((offers) => platformOf(offers, granted.partition))
    .catch(() => undefined);
  const known = kept.images
    .of({ account: user.account, cluster }, repositoryKey(granted.repo))
    .filter((one) => platform === undefined || one.platform === platform);
  const found = known.find((one) => one.commit === commit) ?? known[0];
  // what was there once may have been cleared away
  if (!found || !(await services.outlook.holds(user, cluster, found.key, signal))) return { state: 'none', ...usual };
  const { builtAt, bytes } = found;
  return { state: found.commit === commit ? 'ready' : 'earlier', builtAt, bytes, ...usual };
}

function platformOf({ partitions }: Offers, name: string | undefined): string | undefined {
  const machine = partitions.find((one) => (name === undefined ? one.isDefault : one.name === name))?.architectures[0];
  if (machine === undefined) return undefined;
  return /^(?:aarch64|arm64)$/.test(machine) ? 'linux/arm64' : 'linux/amd64';
}
