/** Where hpcbinder keeps its things on this machine (XDG base directories). Each folder is made 0700. */
import { mkdirSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

function base(own: string, xdg: string, fallback: string): string {
  const dir = process.env[own] ?? join(process.env[xdg] ?? join(homedir(), fallback), 'hpcbinder');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** `HPCBINDER_CONFIG`, else `$XDG_CONFIG_HOME/hpcbinder`: holds config.yaml. */
export function configDir(): string {
  return base('HPCBINDER_CONFIG', 'XDG_CONFIG_HOME', '.config');
}

/** `HPCBINDER_STATE`, else `$XDG_STATE_HOME/hpcbinder`: copies of records, logs, keys, looked-up digests. */
export function stateDir(): string {
  return base('HPCBINDER_STATE', 'XDG_STATE_HOME', '.local/state');
}

/** `HPCBINDER_CACHE`, else `$XDG_CACHE_HOME/hpcbinder`: checkouts and SIFs; can be deleted at any time. */
export function cacheDir(): string {
  return base('HPCBINDER_CACHE', 'XDG_CACHE_HOME', '.cache');
}

/** A path of the config that is meant on this machine, with what core/config.ts allows in it filled in. */
export function ownPath(path: string): string {
  return path
    .replace(/^(?:~|\$HOME)(?=\/|$)/, () => homedir())
    .replaceAll(/\/\$USER(?=\/|$)/g, () => `/${userInfo().username}`);
}
