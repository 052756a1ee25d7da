/** What lies beside keys and known hosts that ssh2 can't use: certificates of users and of hosts, FIDO keys. */
import { existsSync, readFileSync } from 'node:fs';
import type { Hop } from './hop.ts';
import { knownHostsFiles, namesOf } from './host-key.ts';
import { lineMatches, readKnownHosts } from './known-hosts.ts';
import { OnlyOpenssh } from './only-openssh.ts';

/** Why only OpenSSH can be taken for this hop; undefined: nothing is in the way. */
export function beyondSsh2(hop: Hop): OnlyOpenssh | undefined {
  const authority = readKnownHosts(knownHostsFiles(hop)).find(
    (line) => line.marker === 'cert-authority' && namesOf(hop).some((name) => lineMatches(line, name)),
  );
  if (authority) return beyond(`${authority.file} line ${authority.line} has a certificate authority for ${hop.label}`);
  for (const file of hop.identityFiles) {
    if (existsSync(`${file}-cert.pub`)) return beyond(`${file}-cert.pub is a certificate`);
    if (isFido(`${file}.pub`)) return beyond(`${file} is a key on a security token`);
  }
  return undefined;
}

function isFido(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').startsWith('sk-');
  } catch {
    return false;
  }
}

function beyond(what: string): OnlyOpenssh {
  return new OnlyOpenssh('E-CONFIG', {
    message: `${what}, which only OpenSSH's own client can use`,
    hint: 'Leave ssh: {transport: auto} in the config and install ssh.',
  });
}
