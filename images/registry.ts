/**
 * A tag's digest, asked of its registry without an engine: HEAD of the manifest, with the anonymous token that the
 * registry's own challenge names (OCI distribution specification, "Pulling manifests"; its token authentication).
 */

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const DEADLINE_MS = 20_000;
/** https://docs.docker.com/reference/cli/docker/login: the hub's API is not at its own name */
const HUB = { name: 'docker.io', api: 'registry-1.docker.io' };

export type ImageName = { registry: string; repository: string; tag: string };

/** `docker.io/library/python:3.13-slim`, `quay.io/org/image`; undefined for what is no such name. */
export function parseImageName(name: string): ImageName | undefined {
  const match =
    /^((?:[a-z0-9-]+\.)+[a-z0-9-]+(?::[0-9]{1,5})?|localhost(?::[0-9]{1,5})?)\/([a-z0-9][a-z0-9._/-]{0,254})(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?$/.exec(
      name,
    );
  const [, registry, repository, tag] = match ?? [];
  if (registry === undefined || repository === undefined) return undefined;
  return { registry, repository, tag: tag ?? 'latest' };
}

/** `sha256:…` of what the tag names now; undefined where the registry does not answer, or has no such tag. */
export async function registryDigest(
  name: string,
  how: { signal?: AbortSignal; origin?: (registry: string) => string } = {},
): Promise<string | undefined> {
  const image = parseImageName(name);
  if (image === undefined) return undefined;
  const origin = (how.origin ?? ((registry) => `https://${registry}`))(
    image.registry === HUB.name ? HUB.api : image.registry,
  );
  const url = `${origin}/v2/${image.repository}/manifests/${image.tag}`;
  const ask = (headers: Record<string, string>) =>
    fetch(url, {
      method: 'HEAD',
      headers: { accept: MANIFESTS, ...headers },
      signal: AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(how.signal ? [how.signal] : [])]),
    });
  try {
    const first = await ask({});
    const token = first.status === 401 ? await tokenFor(first.headers.get('www-authenticate') ?? '', image) : undefined;
    const answer = token === undefined ? first : await ask({ authorization: `Bearer ${token}` });
    const digest = answer.headers.get('docker-content-digest') ?? '';
    return answer.ok && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
  } catch {
    how.signal?.throwIfAborted();
    return undefined;
  }
}

/** Of `Bearer realm="…",service="…"`: a realm over TLS, or on this machine for tests. */
async function tokenFor(challenge: string, image: ImageName): Promise<string | undefined> {
  const field = (key: string) => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1];
  const realm = field('realm') ?? '';
  if (!/^Bearer /i.test(challenge) || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== 'https:' && url.hostname !== '127.0.0.1') return undefined;
  const service = field('service');
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', `repository:${image.repository}:pull`);
  const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  const { token, access_token } = (await answer.json()) as { token?: unknown; access_token?: unknown };
  const found = token ?? access_token;
  return typeof found === 'string' && found.length < 16_384 ? found : undefined;
}
