/**
 * Hosts that an endpoint may be sent to by a link (SECURITY GIT-08): names of the public internet. One sentence for all that is
 * refused, before anything is connected, so that nobody learns from it what there is (GIT-09). A name's addresses are judged
 * when it is resolved, by `isPublicAddress`.
 */
import { isAddress, isPublicAddress } from './addresses.ts';
import { HpcbinderError } from './errors.ts';

/** Names that are never the public internet's (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and what routers use). */
const LOCAL =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|home\.arpa|alt|test|invalid|onion)$/;

/**
 * `host` in any spelling of it: `0x7f000001`, `2130706433` and `127.1` are one address, `[::ffff:10.0.0.1]` is 10.0.0.1.
 * `listed`: hosts that the admins allow by name.
 */
export function isAllowedHost(host: string, listed: readonly string[] = []): boolean {
  const canonical = canonicalHost(host);
  if (canonical === undefined) return false;
  if (listed.includes(canonical)) return true;
  if (isAddress(canonical)) return isPublicAddress(canonical);
  return canonical.includes('.') && !LOCAL.test(canonical);
}

/** Throws E-POLICY-REPOSITORY, the same for whatever the reason is. */
export function checkHost(host: string, listed: readonly string[] = []): void {
  if (!isAllowedHost(host, listed)) throw refusedHost();
}

export function refusedHost(): HpcbinderError {
  return new HpcbinderError('E-POLICY-REPOSITORY', {
    message: 'repositories at this address are not launched here',
    hint: 'Only those of hosts with a name and an address in the public internet are, and of those that the admins list (repositories.private_hosts).',
  });
}

/** As a URL's parser writes it, without brackets and the dot at its end; undefined: no host. */
function canonicalHost(host: string): string | undefined {
  const bare = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  if (/[/\\?#@\s]/.test(bare) || !URL.canParse(`http://${bare}/`)) return undefined;
  const { hostname, port } = new URL(`http://${bare}/`);
  if (port !== '') return undefined;
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '') || undefined;
}
