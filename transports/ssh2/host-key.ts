/** Is it the host that we mean? Decided by us, before anything of ours is sent. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import type { Prompter } from '../../core/transport.ts';
import type { Hop } from './hop.ts';
import { checkHostKey, fingerprint, keyType, knownName, knownTypes, readKnownHosts, remember } from './known-hosts.ts';

const GLOBAL = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];

/** rsa keys sign under three names; only the SHA-2 ones are asked for first */
const ALGORITHMS = new Map<string, readonly string[]>([
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']],
]);

export function knownHostsFiles(hop: Hop): readonly string[] {
  const own = hop.knownHosts ?? [join(homedir(), '.ssh', 'known_hosts'), join(homedir(), '.ssh', 'known_hosts2')];
  return [...own, ...GLOBAL];
}

export function namesOf(hop: Hop): string[] {
  const name = knownName(hop.host, hop.port, hop.hostKeyAlias);
  return hop.port === 22 || hop.hostKeyAlias !== undefined ? [name] : [name, hop.host.toLowerCase()];
}

/** Undefined: no key is known, all are welcome. */
export function hostKeyAlgorithms(hop: Hop): string[] | undefined {
  const wanted = algorithmsFor(knownTypes(readKnownHosts(knownHostsFiles(hop)), namesOf(hop)));
  return wanted.length > 0 ? wanted : undefined;
}

/** Names under which keys of these types sign. */
export function algorithmsFor(types: readonly string[]): string[] {
  return types.flatMap((type) => ALGORITHMS.get(type) ?? []);
}

/** Returns when the key is known or was accepted; throws E-SSH-HOSTKEY otherwise. */
export async function verifyHostKey(hop: Hop, key: Buffer, prompter: Prompter | undefined): Promise<void> {
  const files = knownHostsFiles(hop);
  const check = checkHostKey(readKnownHosts(files), namesOf(hop), key);
  const shown = `${keyType(key)
    .replace(/^ssh-|-nistp\d+$/g, '')
    .toUpperCase()} ${fingerprint(key)}`;
  switch (check.kind) {
    case 'known':
      return;
    case 'revoked':
      throw new HpcbinderError('E-SSH-HOSTKEY', {
        message: `the key of ${hop.label} is revoked: ${check.line.file} line ${check.line.line}`,
        hint: 'Do not connect; ask the site.',
        evidence: [shown],
      });
    case 'changed': {
      const where = check.lines.map((line) => `${line.file} line ${line.line}`).join(', ');
      throw new HpcbinderError('E-SSH-HOSTKEY', {
        message: `the host key of ${hop.label} has changed: it is not the one in ${where}`,
        hint:
          'Someone may be listening in between, or the site has new keys. Compare the fingerprint with what\n' +
          `the site publishes; only then remove the old one:\nssh-keygen -R '${namesOf(hop)[0]}' -f ${check.lines[0]?.file}\n` +
          'Where the name stands for several login nodes, keep the old one and add this line to the same file:\n' +
          `${namesOf(hop)[0]} ${keyType(key)} ${key.toString('base64')}`,
        evidence: [`now: ${shown}`],
      });
    }
    case 'unknown':
      return firstContact(hop, key, shown, check.authority, files[0], prompter);
  }
}

async function firstContact(
  hop: Hop,
  key: Buffer,
  shown: string,
  authority: boolean,
  file: string | undefined,
  prompter: Prompter | undefined,
): Promise<void> {
  const unknown = (hint: string) =>
    new HpcbinderError('E-SSH-HOSTKEY', {
      message: `the host key of ${hop.label} is not known here`,
      hint,
      evidence: [shown],
    });
  if (prompter === undefined) {
    throw unknown(
      `Connect once by hand and compare the fingerprint with what the site publishes:\nssh${hop.port === 22 ? '' : ` -p ${hop.port}`} ${hop.label}`,
    );
  }
  if (authority)
    prompter.say('known_hosts has a certificate authority for it, which hpcbinder cannot use; it asks instead.');
  prompter.say(`${hop.label} is contacted for the first time. Its host key is`);
  prompter.say(`  ${shown}`);
  if (!(await prompter.confirm('Is this what the site publishes? Connect and remember it?', false))) {
    throw unknown('You did not accept it. Nothing was sent.');
  }
  if (file !== undefined) remember(file, knownName(hop.host, hop.port, hop.hostKeyAlias), key);
}
