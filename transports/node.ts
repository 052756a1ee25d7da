/**
 * A command on a compute node by ssh from the login node: with the keys, the configuration and the known hosts that the
 * user has there, as if typed there. Nobody is asked, and nothing of the laptop goes along.
 */
import type { RemoteProcess } from '../core/transport.ts';
import { launch } from './launch.ts';
import { startLine } from './programs.ts';
import type { Start } from './relay.ts';
import { Slots } from './slots.ts';
import { checkHost } from './ssh2/target.ts';

/** pam_slurm_adopt and a home directory that is mounted on demand take their time */
const OPEN_MS = 20_000;

/** An unknown host key is a refusal, whatever the configuration there says (SECURITY SSH-01). */
const OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'RemoteCommand=none',
  'ControlMaster=no',
  'ControlPath=none',
  'ConnectTimeout=10',
  'ServerAliveInterval=15',
  'LogLevel=ERROR',
];

/** `start` runs a command on the login node. E-REMOTE-SHELL with what ssh said. */
export async function onNode(host: string, argv: readonly string[], start: Start): Promise<RemoteProcess> {
  const name = `ssh ${checkHost(host)}`;
  const exec = async (shellCommand: string) => {
    const process = await start([
      'ssh',
      '-T',
      ...OPTIONS.flatMap((option) => ['-o', option]),
      '--',
      host,
      shellCommand,
    ]);
    return { ...process, resize: () => undefined, close: () => process.kill('TERM') };
  };
  const { process } = await launch({ wire: { name, exec }, slots: new Slots(1), openTimeoutMs: OPEN_MS }, (mark) =>
    startLine({ argv }, mark, { pty: false }),
  );
  const { stdin, stdout, stderr, ended, resize, close } = process;
  return { stdin, stdout, stderr, ended, resize, kill: close };
}
