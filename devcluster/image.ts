/** The image of all three hosts: named by the hash of what goes into it, built only when that changed. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { sha256 } from '../core/canonical.ts';
import { lastLines, plainLine } from '../core/text.ts';
import { baseImage, hasImage } from './base.ts';
import { fault, messageOf } from './faults.ts';
import type { Host } from './install.ts';
import { IMAGE_REPOSITORY } from './layout.ts';
import { type Tell, talking } from './patience.ts';
import { type TarFile, tarOf } from './tar.ts';
import { siteCertificates } from './trust.ts';

const SOURCES = join(fileURLToPath(new URL('.', import.meta.url)), 'image');
const BUILD_MS = 30 * 60_000;

/** Finds or builds the image. @returns its tag */
export async function ensureImage(docker: Docker, host: Host): Promise<string> {
  const { tell } = host;
  const context = tarOf(await imageFiles());
  const tag = `${IMAGE_REPOSITORY}:${sha256(context).slice(0, 12)}`;
  if (await hasImage(docker, tag)) return tag;
  const base = await baseImage(docker, host);
  tell('Building the image of the devcluster (once; about two minutes)');
  await build(docker, context, { tag, base }, tell);
  return tag;
}

/** Dockerfile, configuration, and the certificates of this site; sorted, so that the hash is of the content. */
async function imageFiles(): Promise<TarFile[]> {
  const names = (await readdir(SOURCES, { recursive: true })).sort();
  const files: TarFile[] = [];
  for (const name of names) {
    const path = join(SOURCES, name);
    if (!(await stat(path)).isFile()) continue;
    files.push({ path: name, mode: name.endsWith('.sh') ? 0o755 : 0o644, data: await readFile(path) });
  }
  const certificates = await siteCertificates(process.env);
  certificates.forEach((pem, i) => {
    files.push({ path: `ca/site-${i}.crt`, mode: 0o644, data: Buffer.from(`${pem}\n`) });
  });
  // COPY wants the folder to be there on hosts without certificates of their own.
  files.push({ path: 'ca/README', mode: 0o644, data: Buffer.from('Certificates of this site, one a file.\n') });
  return files;
}

async function build(docker: Docker, context: Buffer, how: { tag: string; base: string }, tell: Tell): Promise<void> {
  const log: string[] = [];
  const stream = await docker
    .buildImage(Readable.from([context]), {
      t: how.tag,
      buildargs: { BASE: how.base },
      // The host's own network: its resolver and mirrors work there, also where the engine's bridge has none.
      networkmode: 'host',
      rm: true,
      forcerm: true,
    })
    .catch((cause: unknown) => {
      throw fault({ message: `the engine does not build: ${messageOf(cause)}`, cause });
    });
  const timer = setTimeout(() => {
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy(new Error('out of time'));
  }, BUILD_MS);
  // followProgress reports a failed build as done; the failure is an event among the others.
  let failure: string | undefined;
  const followed = new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event: { stream?: string; error?: string }) => {
        failure ??= event.error;
        for (const line of lastLines(event.stream ?? '', 50)) {
          log.push(line);
          if (/^Step \d+\/\d+/.test(line)) tell(plainLine(line).slice(0, 100));
        }
      },
    );
  });
  try {
    await talking(tell, 'building', followed, () => (log.at(-1) ?? '').slice(0, 80));
  } finally {
    clearTimeout(timer);
  }
  if (failure === undefined && (await hasImage(docker, how.tag))) return;
  throw fault({
    message: `the image of the devcluster could not be built: ${failure ?? 'the engine gave no reason'}`,
    evidence: log.slice(-15),
    hint: 'It needs a Debian mirror (deb.debian.org). Try again when it can be reached.',
    transient: true,
  });
}
