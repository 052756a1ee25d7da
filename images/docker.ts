/** Engine over dockerode: the few calls that hpcbinder makes of Docker or Podman. */
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import type { Platform } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { LineCutter } from '../core/line-cutter.ts';
import { buildStream, Collected, pullStream } from './docker-streams.ts';
import { sweepLeftovers, TEMPORARY } from './leftovers.ts';

const FIRST_ANSWER_MS = 5000;
/** not a stand-in's base, which is pinned by its id */
const BUILT = /^hpcbinder\/[0-9a-f]{32}:/;

type Version = Awaited<ReturnType<Docker['version']>> & { Components?: { Name: string }[] };

/** Throws what the socket says where nobody answers. */
export async function openEngine(docker: Docker, address: string): Promise<Engine> {
  const version = await within(FIRST_ANSWER_MS, docker.version() as Promise<Version>);
  const podman = (version.Components ?? []).some((part) => part.Name.toLowerCase().includes('podman'));
  return new DockerEngine(docker, {
    kind: podman ? 'podman' : 'docker',
    version: version.Version,
    platform: platformOf(version.Arch),
    address,
  });
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms).unref();
  });
  return await Promise.race([answer, late]);
}

export function platformOf(architecture: string): Platform {
  return architecture === 'arm64' || architecture === 'aarch64' ? 'linux/arm64' : 'linux/amd64';
}

type Created = { image: string; options: Docker.ContainerCreateOptions };

class DockerEngine implements Engine {
  readonly kind: 'docker' | 'podman';
  readonly version: string;
  readonly platform: Platform;
  readonly address: string;
  readonly #docker: Docker;
  constructor(docker: Docker, found: Pick<Engine, 'kind' | 'version' | 'platform' | 'address'>) {
    this.#docker = docker;
    this.kind = found.kind;
    this.version = found.version;
    this.platform = found.platform;
    this.address = found.address;
  }

  async inspect(image: string): ReturnType<Engine['inspect']> {
    try {
      const info = await this.#docker.getImage(image).inspect();
      const config = info.Config;
      return {
        ref: {
          id: info.Id,
          tag: image,
          platform: platformOf(info.Architecture),
          created: info.Created,
          size: info.Size,
        },
        config: {
          env: config.Env ?? [],
          entrypoint: words(config.Entrypoint),
          cmd: words(config.Cmd),
          workingDir: config.WorkingDir ?? '',
          user: config.User ?? '',
          labels: config.Labels ?? {},
          architecture: info.Architecture,
        },
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async exportRoot(image: string, signal?: AbortSignal): Promise<Readable> {
    await sweepLeftovers(this.#docker);
    const container = await this.#create({ image, options: { Cmd: ['/'] } });
    const root = (async function* () {
      try {
        const stream = await container.export(signal === undefined ? {} : { abortSignal: signal });
        yield* stream as AsyncIterable<Uint8Array>;
      } finally {
        await container.remove({ force: true });
      }
    })();
    return Readable.from(root, { objectMode: false, highWaterMark: 1 << 20 });
  }

  async run(image: string, how: Parameters<Engine['run']>[1]): ReturnType<Engine['run']> {
    const container = await this.#create({
      image,
      options: {
        Cmd: [...how.command],
        ...(how.entrypoint === undefined ? {} : { Entrypoint: [...how.entrypoint] }),
        ...(how.user === undefined ? {} : { User: how.user }),
        HostConfig: { NetworkMode: how.network ?? 'default', CapDrop: ['ALL'] },
      },
    });
    try {
      const stream = await container.attach({ stream: true, stdout: true, stderr: true });
      const [stdout, stderr] = [new Collected(), new Collected()];
      container.modem.demuxStream(stream, stdout.into, stderr.into);
      await container.start();
      const exitCode = await this.#wait(container, how.timeoutMs ?? 60_000, how.signal);
      return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
    } finally {
      await container.remove({ force: true });
    }
  }

  async filter(image: string, how: Parameters<Engine['filter']>[1]): ReturnType<Engine['filter']> {
    const container = await this.#create({
      image,
      options: {
        Cmd: [...how.command],
        Entrypoint: [],
        OpenStdin: true,
        StdinOnce: true,
        AttachStdin: true,
        HostConfig: { NetworkMode: 'none', Binds: [`${how.mount.from}:${how.mount.to}`] },
      },
    });
    try {
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      const stderr = new Collected();
      container.modem.demuxStream(stream, stderr.into, stderr.into);
      await container.start();
      const waited = this.#wait(container, 6 * 3600_000, how.signal);
      await Promise.all([waited, pipeline(how.stdin, stream, { signal: how.signal }).catch(ignoreEarlyEnd)]);
      return { exitCode: await waited, stderr: stderr.text() };
    } finally {
      await container.remove({ force: true });
    }
  }

  async tool(image: string, how: Parameters<Engine['tool']>[1]): ReturnType<Engine['tool']> {
    const binds = how.mounts.map(({ from, to, readOnly }) => `${from}:${to}${readOnly ? ':ro' : ''}`);
    const container = await this.#create({
      image,
      options: {
        Cmd: [...how.command],
        ...(how.entrypoint === undefined ? {} : { Entrypoint: [...how.entrypoint] }),
        WorkingDir: '/',
        Env: Object.entries(how.env ?? {}).map(([name, value]) => `${name}=${value}`),
        HostConfig: {
          Binds: [...binds, `${socketOf(this.address)}:/var/run/docker.sock`],
          Privileged: how.privileged ?? false,
        },
      },
    });
    try {
      const stream = await container.attach({ stream: true, stdout: true, stderr: true });
      const lines = new LineCutter(how.on);
      const into = new PassThrough().on('data', (bytes: Buffer) => lines.take(bytes));
      container.modem.demuxStream(stream, into, into);
      await container.start();
      const exitCode = await this.#wait(container, how.timeoutMs, how.signal);
      lines.end();
      return { exitCode };
    } finally {
      await container.remove({ force: true });
    }
  }

  async untag(tag: string): Promise<void> {
    await this.#docker.getImage(tag).remove({ noprune: true });
  }

  async save(image: string, signal?: AbortSignal): Promise<Readable> {
    const stream = await this.#docker.getImage(image).get();
    signal?.addEventListener('abort', () => (stream as Readable).destroy(), { once: true });
    return stream as Readable;
  }

  build(context: Readable, how: Parameters<Engine['build']>[1]): ReturnType<Engine['build']> {
    return buildStream(this.#docker, context, how);
  }

  async pull(name: string, platform: Platform, signal?: AbortSignal): Promise<string | undefined> {
    if (!(await pullStream(this.#docker, name, platform, signal))) return undefined;
    const info = await this.#docker.getImage(name).inspect();
    return info.RepoDigests[0]?.split('@')[1] ?? info.Id;
  }

  async built(): ReturnType<Engine['built']> {
    const found = await this.#docker.listImages({ filters: { reference: ['hpcbinder/*'] } });
    const named = found.flatMap((one) => (one.RepoTags ?? []).map((tag) => ({ ...one, tag })));
    const ours = named.filter(({ tag }) => BUILT.test(tag));
    return ours.map(({ tag, Created, Size }) => ({ tag, created: new Date(Created * 1000), bytes: Size }));
  }

  async importRoot(tag: string, root: Readable, labels: Readonly<Record<string, string>>): Promise<void> {
    const changes = Object.entries(labels).map(([name, value]) => `LABEL ${name}=${JSON.stringify(value)}`);
    const colon = tag.lastIndexOf(':');
    const answer = await this.#docker.importImage(root as never, {
      repo: tag.slice(0, colon),
      tag: tag.slice(colon + 1),
      changes,
    });
    for await (const chunk of answer as Readable) if (String(chunk).includes('"error"')) throw importFailed(chunk);
  }

  async #create({ image, options }: Created): Promise<Docker.Container> {
    return await this.#docker.createContainer({ Image: image, Labels: TEMPORARY, ...options });
  }

  async #wait(container: Docker.Container, timeoutMs: number, signal?: AbortSignal): Promise<number> {
    const limits = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
    const abortSignal = AbortSignal.any(limits);
    const { StatusCode } = (await container.wait({ abortSignal })) as { StatusCode: number };
    return StatusCode;
  }
}

/** The socket on the engine's machine: Docker's own place where the engine is in a virtual machine of its own. */
function socketOf(address: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (path === undefined || process.platform === 'darwin') return '/var/run/docker.sock';
  return path;
}

/** The filter's own exit status says more than the pipe that it closed. */
function ignoreEarlyEnd(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error;
}

function words(value: string | readonly string[] | null | undefined): string[] {
  if (value === null || value === undefined) return [];
  return typeof value === 'string' ? [value] : [...value];
}

function statusOf(error: unknown): unknown {
  return error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
}

function importFailed(answer: unknown): HpcbinderError {
  return new HpcbinderError('E-BASE', { message: `the engine did not take the root file system: ${String(answer)}` });
}
