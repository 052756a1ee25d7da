/** Judges whether a compute node runs our images, and by what it is kept from it. Pure. */
import type { ClusterProfile } from '../../core/cluster.ts';
import { COMPRESSIONS } from '../../core/config.ts';
import type { Findings } from './finding.ts';
import type { Machine } from './look.ts';

type Seen = { profile: ClusterProfile; login: Machine; node: Machine };

export function judgeCommands(found: Findings, { node, login, profile }: Seen): void {
  const { container, python } = profile;
  const named = (key: string) => `Name one that the nodes have, in the cluster's entry: ${key}: /path`;
  if (node.container === undefined)
    found.broken(
      'container',
      `${node.host} has no ${container.command}.`,
      'No session starts there.',
      named(container.flavor),
    );
  else if (login.container && node.container && node.container !== login.container)
    found.note(
      'container-version',
      `${container.flavor} is ${node.container} there, and ${login.container} on the login node.`,
      'What works at login may not work in a job.',
    );
  if (node.python === undefined)
    found.broken(
      'python',
      `${node.host} has no working ${python}.`,
      'The job cannot start its agent.',
      named('python'),
    );
}

/** The tiny images show what is so; devices and namespaces then tell why. */
export function judgeImages(found: Findings, { node, profile }: Omit<Seen, 'login'>): void {
  const runs = [...node.images].filter(([, image]) => image.runs).map(([how]) => how);
  const said = node.images.get(profile.compression)?.said ?? '';
  const fuse = node.fuse === 'denied' ? 'users may not open /dev/fuse' : 'there is no /dev/fuse';
  const noFuse = node.fuse === 'denied' || node.fuse === 'absent';
  if (runs.length > 0) {
    found.fine('images', `images run (${runs.join(', ')})`);
    if (noFuse)
      found.note(
        'fuse',
        `On ${node.host} ${fuse}.`,
        'Images are mounted by the kernel, or unpacked before each start.',
      );
    if (node.userns === false)
      found.note(
        'userns',
        `${node.host} lets users make no user namespaces.`,
        'Images run by the setuid Apptainer; builds on the cluster need ids of /etc/subuid or fakeroot.',
      );
    if (!runs.includes(profile.compression)) {
      const other = COMPRESSIONS.find((how) => runs.includes(how));
      found.broken(
        'compression',
        `${node.host} cannot mount images that are compressed by ${profile.compression}.`,
        'A session ends before its app starts.',
        other ? `In the cluster's entry: compression: ${other}` : 'Ask the site for a newer squashfuse.',
      );
    }
    return;
  }
  if (noFuse) {
    const stopped = node.container !== undefined && node.images.size > 0;
    const add = stopped ? 'broken' : 'warning';
    const mend = 'Ask the site for /dev/fuse with mode 0666 on the nodes (modprobe fuse), or the setuid Apptainer.';
    found[add]('fuse', `On ${node.host} ${fuse}.`, 'No image can be mounted, so that no session starts.', mend);
  }
  if (node.userns === false)
    found.broken(
      'userns',
      `${node.host} lets users make no user namespaces.`,
      'Apptainer starts no container without them, but by its setuid part.',
      'Ask the site for sysctl user.max_user_namespaces above 0, or the package apptainer-suid.',
    );
  if (node.container !== undefined && node.images.size > 0 && !noFuse && node.userns !== false)
    found.broken(
      'images',
      `${profile.container.command} runs no image on ${node.host}${said ? `: ${said}` : ''}.`,
      'A session ends before its app starts.',
      "Show this to the site, or name another command in the cluster's entry.",
    );
}
