/** What a look at a cluster found, as the file that an admin publishes for all of its users (core/site.ts). Pure. */
import { stringify } from 'yaml';
import type { BuildMode } from '../../core/artifacts.ts';
import type { ClusterProfile } from '../../core/cluster.ts';
import { COMPRESSIONS } from '../../core/config.ts';
import { SITE_FILE } from '../../core/site.ts';
import type { Machine } from './look.ts';

export type Published = {
  profile: ClusterProfile;
  /** without which the container command is not there */
  modules?: readonly string[];
  /** absent: no job looked at a node */
  node?: Machine;
  /** by partition, as builds found them */
  modes: ReadonlyMap<string, { mode: BuildMode; ids: boolean }>;
};

export function siteText({ profile, modules, node, modes }: Published, at: Date): string {
  const { container, python, ports, bases, scratch, user } = profile;
  const runs = COMPRESSIONS.find((how) => node?.images.get(how)?.runs);
  const said = node?.internet.get('pypi.org');
  const forAll = (path: string) =>
    path
      .split('/')
      .map((part) => (part === user ? '$USER' : part))
      .join('/');
  const first = ports[0];
  const file = {
    schema: 1,
    cluster: {
      [container.flavor]: container.command,
      python,
      ...(modules ? { modules } : {}),
      ...(scratch ? { image_store: forAll(`${scratch}/hpcbinder/images`) } : {}),
      ...(first === undefined ? {} : { ports: `${first}-${ports.at(-1)}` }),
      ...(bases.size > 0 ? { bases: Object.fromEntries(bases) } : {}),
      ...(runs ? { compression: runs } : {}),
      ...(said === undefined ? {} : { internet: said !== 'no' }),
    },
    ...(modes.size > 0
      ? { builds: Object.fromEntries([...modes].map(([name, { mode, ids }]) => [name, { mode, ids }])) }
      : {}),
  };
  return `# ${SITE_FILE} on the login nodes: what hpcbinder is to know of this cluster, for all who use it.
# Root's alone: chown root:root, chmod 0644. A user's own settings win. Found on ${at.toISOString().slice(0, 10)}${node ? `, on ${node.host}` : ''}.
${stringify(file)}# What no look can tell: where files are kept, and where they are removed after some time without use.
# storage:
#   /home: {}
#   /scratch: { purge: 30d }
`;
}
