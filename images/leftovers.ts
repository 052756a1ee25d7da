/** Containers of ours that a killed process left: each names its process, and goes when that one is no more. */
import { hostname } from 'node:os';
import type Docker from 'dockerode';

const LABEL = 'org.hpcbinder.temporary';

/** Of every container that is made for a moment: found again should this process be killed before it removes it. */
export const TEMPORARY = { [LABEL]: `${hostname()} ${process.pid}` };

/** Removes those whose process of this machine is dead. A fault here must not stop what was asked for. */
export async function sweepLeftovers(docker: Docker): Promise<void> {
  const found = await docker.listContainers({ all: true, filters: { label: [LABEL] } }).catch(() => []);
  for (const { Id, Labels } of found) {
    const [host, pid] = (Labels[LABEL] ?? '').split(' ');
    if (host === hostname() && !isAlive(Number(pid)))
      await docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return true;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // somebody else's process has that number now
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
