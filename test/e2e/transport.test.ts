/** The same suite, by ssh2 and by the system's OpenSSH, against a real sshd: the devcluster's, or a host that HPCBINDER_TEST_HOST names (`user@host[:port]`). */
import { up } from '../../devcluster/index.ts';
import { openTransport, parseSshTarget, type SshTarget } from '../../transports/index.ts';
import { transportConformance } from '../conformance/transport.ts';

const named = process.env.HPCBINDER_TEST_HOST;

/** Up already when `npm test` runs this; then it only tells where it is. */
async function devcluster(): Promise<SshTarget> {
  const { entry } = await up({
    stateDir: process.env.HPCBINDER_STATE ?? '',
    name: process.env.HPCBINDER_TEST_CLUSTER ?? 'devcluster',
    confirm: async () => true,
    tell: () => undefined,
    writeEntry: () => undefined,
  });
  const { host, port, user, identity_file, known_hosts } = entry;
  return { host, port, user, identityFile: identity_file, knownHosts: known_hosts };
}

for (const ssh of ['ssh2', 'openssh'] as const) {
  transportConformance(`${ssh}, with the sshd of ${named ?? 'the devcluster'}`, async () => {
    const target = named === undefined ? await devcluster() : parseSshTarget(named);
    const options = named === undefined ? { sshConfig: '', ssh } : { ssh };
    return { transport: await openTransport(target, undefined, options), pty: true };
  });
}
