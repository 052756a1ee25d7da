/**
 * For a git that runs at an endpoint on behalf of others (SECURITY GIT-08): a host is resolved here, each address is judged, and
 * git connects to these addresses and no others, so that a second answer of the name server changes nothing. No redirects.
 */
import { lookup } from 'node:dns/promises';
import { isPublicAddress } from '../core/addresses.ts';
import { checkHost, refusedHost } from '../core/hosts.ts';

/** The addresses that may be connected to for this host. Throws E-POLICY-REPOSITORY, always in the same words (GIT-09). */
export type Guard = (host: string) => Promise<readonly string[]>;

/** One launch asks several times, and within it the answer stays the same. */
const KEPT_MS = 60_000;
const RESOLVE_MS = 10_000;
const MOST_KEPT = 500;

type Resolve = (host: string) => Promise<readonly string[]>;
const resolveHost: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** `listed`: hosts whose addresses may be private, by the admins' word. */
export function guardOf(listed: () => readonly string[], resolve: Resolve = resolveHost): Guard {
  const kept = new Map<string, { at: number; addresses: readonly string[] }>();
  return async (host) => {
    const name = host.replace(/^\[|\]$/g, '');
    checkHost(name, listed());
    const known = kept.get(name);
    if (known !== undefined && Date.now() - known.at < KEPT_MS) return judged(known.addresses, name, listed());
    const addresses = await withDeadline(resolve(name));
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(name, { at: Date.now(), addresses });
    return judged(addresses, name, listed());
  };
}

/** All of them: one private address among public ones is what a rebinding name has. */
function judged(addresses: readonly string[], host: string, listed: readonly string[]): readonly string[] {
  if (addresses.length === 0 || !(listed.includes(host) || addresses.every(isPublicAddress))) throw refusedHost();
  return addresses;
}

async function withDeadline(coming: Promise<readonly string[]>): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(resolve, RESOLVE_MS, []);
  });
  return Promise.race([coming.catch(() => []), late]).finally(() => clearTimeout(timer));
}

/** Words of git that hold it to these addresses (git 2.37 and newer; older ones are held by the look before alone). */
export async function guardedWords(guard: Guard, url: string): Promise<string[]> {
  const { hostname, port, protocol } = new URL(url);
  const addresses = await guard(hostname);
  const at = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  const bracketed = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  const name = hostname.replace(/^\[|\]$/g, '');
  // an address in the URL needs no name, and curl reads its colons as ours
  const pin = name.includes(':') ? [] : ['-c', `http.curloptResolve=${name}:${at}:${bracketed.join(',')}`];
  return ['-c', 'http.followRedirects=false', ...pin];
}
