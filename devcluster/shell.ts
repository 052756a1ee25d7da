/** An interactive shell on one of the hosts, in this terminal. */
import { requireEngine } from './engine.ts';
import { fault } from './faults.ts';
import { type Host, layoutOf, type User } from './layout.ts';

/** Runs a login shell until it ends. @returns its exit code. Without a terminal it reads its commands from stdin. */
export async function shell(how: { stateDir: string; name?: string; host: Host; user: User }): Promise<number> {
  const layout = layoutOf(how.stateDir, how.name);
  const docker = await requireEngine();
  const { stdin, stdout, stderr } = process;
  const tty = stdin.isTTY === true && stdout.isTTY === true;
  const exec = await docker
    .getContainer(layout.container(how.host))
    .exec({
      Cmd: ['bash', '-l'],
      User: how.user,
      WorkingDir: how.user === 'root' ? '/root' : `/home/${how.user}`,
      Env: [`TERM=${process.env.TERM ?? 'dumb'}`, `USER=${how.user}`, `LOGNAME=${how.user}`],
      Tty: tty,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    })
    .catch((cause: unknown) => {
      throw fault({ message: `${how.host} is not running`, hint: 'hpcbinder devcluster up', cause });
    });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: tty });
  const resize = () => exec.resize({ h: stdout.rows, w: stdout.columns }).catch(() => undefined);
  if (tty) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    await resize();
    stream.pipe(stdout, { end: false });
  } else {
    docker.modem.demuxStream(stream, stdout, stderr);
  }
  stdin.pipe(stream);
  try {
    await new Promise<void>((resolve, reject) => {
      stream.once('end', resolve).once('close', resolve).once('error', reject);
    });
  } finally {
    stdin.unpipe(stream);
    stdin.pause();
    if (tty) {
      stdin.setRawMode(false);
      stdout.off('resize', resize);
    }
  }
  return (await exec.inspect()).ExitCode ?? 1;
}
