/** Commands inside the devcluster's containers, as any of its users. */
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { requireEngine } from './engine.ts';
import { fault } from './faults.ts';
import { type Host, type Layout, layoutOf, type User } from './layout.ts';

export type ExecOptions = {
  /** default root */
  user?: User;
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  stdin?: string | Readable;
  /** default 120 s */
  timeoutMs?: number;
};
export type ExecResult = { exitCode: number; stdout: string; stderr: string };

/**
 * Runs argv (no shell) on a host of the devcluster `name` (default `devcluster`), for tests and tools. A command that ends
 * badly is an answer; E-ENGINE-* without an engine, E-DEVCLUSTER when the host is not running or the time is over.
 */
export async function execIn(
  host: Host,
  argv: readonly string[],
  how: ExecOptions & { name?: string } = {},
): Promise<ExecResult> {
  return runOn(await requireEngine(), layoutOf('', how.name), host, argv, how);
}

/** The same with an engine and a layout at hand. */
export async function runOn(
  docker: Docker,
  layout: Pick<Layout, 'container'>,
  host: Host,
  argv: readonly string[],
  how: ExecOptions = {},
): Promise<ExecResult> {
  const user = how.user ?? 'root';
  const exec = await docker
    .getContainer(layout.container(host))
    .exec({
      Cmd: [...argv],
      User: user,
      WorkingDir: how.cwd ?? (user === 'root' ? '/root' : `/home/${user}`),
      Env: Object.entries({ USER: user, LOGNAME: user, ...how.env }).map(([key, value]) => `${key}=${value}`),
      AttachStdin: how.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
    })
    .catch((cause: unknown) => {
      throw fault({
        message: `${layout.container(host)} takes no command`,
        hint: `It is not running: hpcbinder devcluster up`,
        cause,
      });
    });
  const stream = await exec.start({ hijack: true, stdin: how.stdin !== undefined });
  const out = new PassThrough();
  const err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  const timeoutMs = how.timeoutMs ?? 120_000;
  const timer = setTimeout(() => {
    stream.destroy(fault({ message: `${argv[0]} on ${host} did not end within ${timeoutMs / 1000} s` }));
  }, timeoutMs);
  try {
    const texts = Promise.all([textOf(out), textOf(err)]);
    const ended = new Promise<void>((resolve, reject) => {
      stream.once('end', resolve).once('close', resolve).once('error', reject);
    });
    if (typeof how.stdin === 'string') stream.end(how.stdin);
    else if (how.stdin) await pipeline(how.stdin, stream, { end: true });
    await ended;
    out.end();
    err.end();
    const [stdout, stderr] = await texts;
    const { ExitCode } = await exec.inspect();
    return { exitCode: ExitCode ?? -1, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
