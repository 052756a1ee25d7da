/** Debian trixie, from a registry or, where none answers, made from Debian's mirror by mmdebstrap. */
import type Docker from 'dockerode';
import { execa } from 'execa';
import { lastLines } from '../core/text.ts';
import { fault, messageOf } from './faults.ts';
import { canInstall, type Host, installPackages, isInstalled, rememberImage } from './install.ts';
import { PUBLIC_BASE, STAND_IN_BASE } from './layout.ts';
import { type Tell, talking } from './patience.ts';

const PULL_MS = 5 * 60_000;
const MIRROR = 'http://deb.debian.org/debian';

/** The name of a Debian image that is there: pulled or made when there was none. */
export async function baseImage(docker: Docker, host: Host): Promise<string> {
  const { tell } = host;
  for (const name of [PUBLIC_BASE, STAND_IN_BASE]) if (await hasImage(docker, name)) return name;
  tell(`Pulling ${PUBLIC_BASE}`);
  const refusal = await talking(tell, 'pulling', pull(docker, PUBLIC_BASE));
  if (refusal === undefined) {
    await rememberImage(host.stateDir, PUBLIC_BASE);
    return PUBLIC_BASE;
  }
  tell(`No registry answers (${refusal}); the Debian root is made from ${MIRROR} instead`);
  await needMmdebstrap(host);
  await makeDebianRoot(docker, STAND_IN_BASE, tell);
  return STAND_IN_BASE;
}

/** @returns why it could not be pulled, nothing when it was */
async function pull(docker: Docker, image: string): Promise<string | undefined> {
  try {
    const stream = await docker.pull(image, { abortSignal: AbortSignal.timeout(PULL_MS) });
    let failure: string | undefined;
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(
        stream,
        (error) => (error ? reject(error) : resolve()),
        (event: { error?: string }) => {
          failure ??= event.error;
        },
      );
    });
    return failure;
  } catch (error) {
    return messageOf(error).split('\n')[0]?.slice(0, 120) ?? 'no answer';
  }
}

async function needMmdebstrap(host: Host): Promise<void> {
  if ((await isInstalled('mmdebstrap')) || !(await canInstall())) return;
  const yes = await host.confirm(
    'No registry answers. Install mmdebstrap with apt-get and make the Debian base with it?',
  );
  if (yes) await installPackages(host.stateDir, ['mmdebstrap', 'debian-archive-keyring'], host.tell);
}

/** Imports a minimal trixie root under `tag` ("name:version"). E-DEVCLUSTER with the log where it can't be made. */
export async function makeDebianRoot(docker: Docker, tag: string, tell: Tell): Promise<void> {
  const [repo, version] = tag.split(':');
  const made = execa(
    'mmdebstrap',
    ['--variant=minbase', '--include=ca-certificates,python3,python3-venv', 'trixie', '-', MIRROR],
    { encoding: 'buffer', buffer: { stdout: false, stderr: true }, reject: false, timeout: 15 * 60_000 },
  );
  const imported = docker
    .importImage(made.stdout, { repo, tag: version })
    .then((stream) => new Promise<void>((resolve) => docker.modem.followProgress(stream, () => resolve())));
  const [result] = await talking(tell, 'making a Debian root', Promise.all([made, imported.catch(() => undefined)]));
  if (!result.failed && (await hasImage(docker, tag))) return;
  await docker
    .getImage(tag)
    .remove()
    .catch(() => undefined);
  throw fault({
    message: result.code === 'ENOENT' ? 'mmdebstrap is not installed' : 'a Debian root could not be made',
    evidence: lastLines(Buffer.from(result.stderr ?? []).toString(), 10),
    hint: `Either let the engine reach a registry for ${PUBLIC_BASE}, or: sudo apt-get install mmdebstrap`,
  });
}

export async function hasImage(docker: Docker, tag: string): Promise<boolean> {
  return docker
    .getImage(tag)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}
