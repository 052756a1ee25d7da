/** Base images as archives on the cluster's scratch: what a build there starts from when it reaches no registry. */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { runOn } from './exec.ts';
import { fault } from './faults.ts';
import type { Layout } from './layout.ts';
import { type Tell, talking } from './patience.ts';

/** `image`: how the engine knows it; name and digest are those that the keys of environments are made of */
export type BaseWanted = { python: string; image: string; name: string; digest: string; standIn?: boolean };
/** `archive`: a docker-archive, readable by all */
export type BaseArchive = { archive: string; name: string; digest: string; stand_in?: boolean };

/** Saves each image that the engine has to /scratch/bases, once per image id; those it has not are left out. */
export async function exportBases(
  docker: Docker,
  layout: Layout,
  wanted: readonly BaseWanted[],
  tell: Tell,
): Promise<Map<string, BaseArchive>> {
  const bases = new Map<string, BaseArchive>();
  for (const { python, image, name, digest, standIn } of wanted) {
    const found = await docker
      .getImage(image)
      .inspect()
      .catch(() => undefined);
    if (!found) continue;
    const archive = archivePath(name, found.Id);
    const there = await runOn(docker, layout, 'login', ['test', '-s', archive]);
    if (there.exitCode !== 0) await save(docker, layout, { image, name, archive }, tell);
    bases.set(python, { archive, name, digest, ...(standIn ? { stand_in: true } : {}) });
  }
  return bases;
}

/** The id is in the name: an image that moved gets an archive of its own, and builds that run keep theirs. */
export function archivePath(name: string, id: string): string {
  const word = name.replace(/[^A-Za-z0-9.-]+/g, '_').slice(-80);
  return `/scratch/bases/${word}-${id.replace('sha256:', '').slice(0, 12)}.tar`;
}

async function save(
  docker: Docker,
  layout: Layout,
  how: { image: string; name: string; archive: string },
  tell: Tell,
): Promise<void> {
  tell(`Copying ${how.name} to the cluster's scratch`);
  const stdin = Readable.from(await docker.getImage(how.image).get());
  const script = 'umask 022; cat > "$1.partial" && mv "$1.partial" "$1"';
  const copy = runOn(docker, layout, 'login', ['sh', '-c', script, 'sh', how.archive], { stdin, timeoutMs: 600_000 });
  const result = await talking(tell, 'copying', copy);
  if (result.exitCode !== 0) {
    throw fault({ message: `${how.name} could not be copied to ${how.archive}`, evidence: [result.stderr.trim()] });
  }
}
