/** The image whose mksquashfs converts where this machine has none (a Mac with Docker): a Debian base and one package. */
import { Readable } from 'node:stream';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { TAR_END, tarFile } from '../core/tar.ts';

const TAG = 'hpcbinder/tools:1';
const INSTALL = [
  'export DEBIAN_FRONTEND=noninteractive',
  'apt-get -qq update',
  'apt-get -qq install --yes --no-install-recommends squashfs-tools',
  'rm -rf /var/lib/apt/lists/*',
].join(' && ');

/** Its tag; made once. `base`: a Debian image that the engine has. */
export async function toolsImage(engine: Engine, base: string | undefined, signal?: AbortSignal): Promise<string> {
  if ((await engine.inspect(TAG)) !== undefined) return TAG;
  if (base === undefined || !/^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/.test(base)) throw unavailable([]);
  const dockerfile = `FROM ${base}\nUSER root\nRUN ${JSON.stringify(['/bin/sh', '-c', INSTALL])}\n`;
  const lines: string[] = [];
  const { failed } = await engine.build(
    Readable.from([Buffer.concat([tarFile('Dockerfile', 0o644, dockerfile, 0), TAR_END])]),
    {
      dockerfile: 'Dockerfile',
      tag: TAG,
      platform: engine.platform,
      on: (line) => lines.push(line),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  if (failed !== undefined) throw unavailable([...lines.slice(-9), failed]);
  return TAG;
}

function unavailable(evidence: readonly string[]): HpcbinderError {
  return new HpcbinderError('E-CONVERT', {
    message: 'mksquashfs (4.5 or newer) is not on this machine, and a container of it could not be made',
    hint: 'Install it: apt-get install squashfs-tools   or   brew install squashfs   or build on the cluster: --build-on cluster',
    evidence,
  });
}
