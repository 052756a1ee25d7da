/**
 * site.yaml: what a cluster's admins publish for all who use it, at SITE_FILE on the login node. Read strictly, as the config
 * is, and only where nobody but root can have written it; a user's own entry wins. What cannot be read is ignored, and said.
 */
import { BUILD_MODES } from './artifacts.ts';
import { NAME, siteCluster } from './config.ts';
import { asHpcbinderError, HpcbinderError } from './errors.ts';
import { boolean, integer, mapOf, object, oneOf, parsed, readYaml, string } from './schema.ts';
import { parseDuration } from './units.ts';

export const SITE_FILE = '/etc/hpcbinder/site.yaml';
const MOST_BYTES = 65_536;

const site = object({
  schema: integer(1, 1),
  cluster: siteCluster,
  /** partition → how its nodes let a user build, and whether files can be given to other ids there */
  builds: mapOf(NAME, 'name of a partition', object({ mode: oneOf(BUILD_MODES), ids: boolean })),
  /** directory → after how long without use the site removes files; without `purge` it keeps them */
  storage: mapOf(/^\/[^\0\n]*$/, 'path that begins with /', object({ purge: parsed(parseDuration) })),
  /** read on its own, before all else (sessions/probe.sh): how long a login may outlive its commands */
  ssh_keep: string,
});

export type SiteFile = ReturnType<typeof site>;
export type StorageRule = { path: string; purgeSeconds?: number };

/** Throws E-CONFIG with line and column. */
export function parseSite(text: string): SiteFile {
  if (Buffer.byteLength(text) > MOST_BYTES)
    throw new HpcbinderError('E-CONFIG', { message: `${SITE_FILE} is longer than ${MOST_BYTES} bytes` });
  return readYaml(text, SITE_FILE, 'E-CONFIG', site);
}

/** Of what the login node said; `text` undefined: somebody else could have written it. */
export function readSite(said: { text: string | undefined } | undefined): { site?: SiteFile; ignored?: string } {
  if (said === undefined) return {};
  if (said.text === undefined) return { ignored: `${SITE_FILE} or its directory is not root's alone` };
  try {
    return { site: parseSite(said.text) };
  } catch (error) {
    return { ignored: asHpcbinderError(error).message };
  }
}

export function storageRules({ storage }: SiteFile): StorageRule[] {
  return [...(storage ?? [])].map(([path, { purge }]) => ({
    path,
    ...(purge === undefined ? {} : { purgeSeconds: purge }),
  }));
}
