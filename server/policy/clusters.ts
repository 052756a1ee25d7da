/** What a cluster's entry must say before an endpoint serves it. Pure. */
import type { ServedCluster } from './schema.ts';

type Parts = {
  clusters: ReadonlyMap<string, ServedCluster>;
  actAs: 'sudo' | 'self';
  data: ReadonlyMap<string, { cluster?: string }>;
};

/** `wrong` throws, with the line of the key. */
export function checkClusters(
  { clusters, actAs, data }: Parts,
  wrong: (key: string, message: string, hint?: string) => never,
): void {
  for (const [name, entry] of clusters) {
    const key = `clusters.${name}`;
    const bad = (message: string, hint: string) => wrong(key, `${key}: ${message}`, hint);
    if (actAs === 'self') {
      if (entry.builds) bad('"builds" needs act_as: sudo', 'One account alone builds for itself.');
      continue;
    }
    if (entry.host !== undefined) checkFar(entry, bad);
    if (entry.image_store !== undefined && !isOwn(entry.image_store)) {
      bad(
        `image_store ${entry.image_store} is one for all users: what a job of one of them built would serve the others`,
        'Write it with $USER or ~, like /scratch/$USER/hpcbinder/images. For one that all share: builds: {as: ACCOUNT, store: DIRECTORY}',
      );
    }
    if (entry.builds && (entry.builds.as === undefined || entry.builds.store === undefined))
      bad('"builds" must have both as and store', 'Like builds: {as: hpcbuild, store: /shared/hpcbinder/images}');
  }
  for (const [name, { cluster }] of data) {
    if (cluster !== undefined && !clusters.has(cluster))
      wrong(`data.${name}.cluster`, `"data.${name}" is on "${cluster}", which is not under clusters`);
  }
}

function checkFar(entry: ServedCluster, bad: (message: string, hint: string) => never): void {
  if (entry.identity_file === undefined || entry.known_hosts === undefined) {
    bad(
      '"host" needs identity_file and known_hosts',
      'The service’s own key there, and a file with that host’s key: docs/endpoint.md, "Several clusters".',
    );
  }
  const other = (['jump', 'ssh'] as const).find((field) => entry[field] !== undefined);
  if (other) bad(`"${other}" is not for an endpoint`, 'It logs in with its own key and asks nobody.');
}

function isOwn(path: string): boolean {
  return /^(?:~|\$HOME)(?:\/|$)|\/\$USER(?:\/|$)/.test(path);
}
