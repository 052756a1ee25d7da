/** Judges what a job said of its compute node, and how the node was reached meanwhile. Pure. */
import type { ClusterProfile } from '../../core/cluster.ts';
import { duration, size } from '../../core/units.ts';
import { aheadOf } from '../clocks.ts';
import { type Finding, Findings } from './finding.ts';
import type { Machine } from './look.ts';
import { judgeLimits, system } from './machine.ts';
import { judgeCommands, judgeImages } from './node-container.ts';

export type NodeSeen = {
  profile: ClusterProfile;
  partition: string;
  login: Machine;
  node: Machine;
  /** asked for */
  gpus: number;
  /** what the login node wrote for the node to see: the file → the directory that it stands for */
  markers: ReadonlyMap<string, string>;
  /** on the cluster, absolute */
  binds: readonly string[];
  /** did the login node connect to a port of the job's? what it said where not; absent: nothing listened */
  reached?: 'yes' | { said: string };
  port?: number;
  /** epoch seconds: the node's clock, and the login node's at that moment */
  clocks?: { node: number; login: number };
};

const LEAST_TMP_BYTES = 200e6;
const SLOW_SHARE_MS = 5000;
const WRONG_CLOCK_SECONDS = 30;

export function judgeNode(seen: NodeSeen): Finding[] {
  const found = new Findings('node');
  const { node, login, profile, partition } = seen;
  found.fine('host', `${node.host} of ${partition}: ${system(node)}`);
  if (!node.whole)
    found.warning(
      'look',
      `The look at ${node.host || 'the node'} was cut off.`,
      'What it had not said by then is not known.',
      'Try once more, with another --partition where the nodes are busy.',
    );
  judgeCommands(found, seen);
  judgeImages(found, seen);
  judgeDisks(found, seen);
  judgeWay(found, seen);
  judgeLimits(found, node, 'node');
  judgeInternet(found, seen);
  judgeGpus(found, seen);
  if (node.machine !== '' && node.machine !== login.machine)
    found.note(
      'architecture',
      `${node.host} is ${node.machine}, and the login node is ${login.machine}.`,
      'An image for the one does not run on the other; launches to this partition make their own.',
    );
  if (node.cgroup !== '' && !/slurm|pbs|\/job/.test(node.cgroup))
    found.note(
      'cgroup',
      'Jobs have no cgroup of their own there.',
      `A session is not kept to its cores and memory, nor ${profile.user}'s other jobs away from it.`,
    );
  return found.all;
}

function judgeDisks(found: Findings, { node, markers, binds, profile }: NodeSeen): void {
  const unseen = [...markers]
    .filter(([file]) => node.paths.get(file)?.there === false)
    .map(([, directory]) => directory);
  if (unseen.length > 0)
    found.broken(
      'shared',
      `${node.host} does not see what the login node writes in ${unseen.join(', ')}.`,
      'Images or work are missing in the job.',
      "Name directories that both see, in the cluster's entry: image_store, state_dir, work_dir",
    );
  const unmet = binds.filter((path) => node.paths.get(path)?.there === false);
  if (unmet.length > 0)
    found.broken(
      'binds',
      `${node.host} has no ${unmet.join(', ')}.`,
      'A session that binds it ends before its app starts.',
      "Take it out of the cluster's entry (binds), or ask the site to mount it there.",
    );
  if (node.shared === 'never')
    found.warning(
      'share-delay',
      `A file from the login node did not reach ${node.host} within 30 s.`,
      'The start of a session, its stop and its pages wait for each other.',
      "Name another file system in the cluster's entry: state_dir",
    );
  else if ((node.shared ?? 0) > SLOW_SHARE_MS)
    found.note(
      'share-delay',
      `A file needs ${duration((node.shared ?? 0) / 1000)} from node to login node and back.`,
      'A session is shown as ready that much later.',
    );
  else if (node.shared !== undefined) found.fine('shared-disk', 'shared disk');
  const { path, free, runs } = node.tmp;
  const little = free !== undefined && free < LEAST_TMP_BYTES;
  const mend = `Ask the site, or set TMPDIR to a larger disk of the node: prologue: export TMPDIR=… (${profile.name})`;
  if (runs === 'unwritable' || runs === 'full')
    found.broken(
      'tmp',
      `${path} on ${node.host} is ${runs === 'full' ? 'full' : 'not for you to write in'}.`,
      'The agent finds no place for its socket.',
      mend,
    );
  else if (little)
    found.warning(
      'tmp',
      `${path} on ${node.host} has ${size(free)} left.`,
      'Notebooks, pip and Apptainer write there, and fail when it is full.',
      mend,
    );
  else if (runs === 'no')
    found.note(
      'tmp',
      `Nothing can be run from ${path} on ${node.host} (noexec).`,
      'Some installers unpack and run there.',
      mend,
    );
  else found.fine('tmp', `${path} ${free === undefined ? '' : size(free)}`.trim());
}

function judgeWay(found: Findings, { node, login, reached, port, profile, clocks }: NodeSeen): void {
  if (node.noPort)
    found.broken(
      'ports',
      `None of the ports ${profile.ports[0]}-${profile.ports.at(-1)} can be bound on ${node.host}.`,
      'The browser cannot reach a session there.',
      "Ask the site which ports are for users, and set them in the cluster's entry: ports",
    );
  else if (reached === 'yes') found.fine('tunnel', 'reached from the login node');
  else if (reached !== undefined)
    found.broken(
      'tunnel',
      `${login.host} cannot connect to port ${port} of ${node.host}: ${reached.said}.`,
      'The browser cannot reach a session there.',
      "Ask the site which ports its firewall lets through, and set them in the cluster's entry: ports: 40000-40100",
    );
  const ahead = clocks === undefined ? 0 : aheadOf(clocks.login, new Date(clocks.node * 1000));
  if (Math.abs(ahead) >= WRONG_CLOCK_SECONDS)
    found.warning(
      'clock',
      `The clock of ${node.host} is ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the login node's.`,
      'Files look newer or older than they are, and make or git take them for changed.',
      'Tell the site: its time service (chrony, ntpd) does not run there.',
    );
  else if (clocks) found.fine('clock', 'clock');
}

function judgeInternet(found: Findings, { node, profile }: NodeSeen): void {
  const offline = node.internet.get('pypi.org') === 'no';
  if (offline && profile.internet !== false)
    found.warning(
      'internet',
      `${node.host} does not reach the internet.`,
      'pip in a notebook fails, and so does a build on the cluster.',
      "Say so in the cluster's entry (internet: false), and build where there is a container engine.",
    );
  else if (node.internet.get('pypi.org') === 'certificate')
    found.note(
      'internet',
      `${node.host} reaches the internet through a proxy that shows a certificate of its own.`,
      'pip and git need that certificate.',
      'For builds: ca_bundle in the config.',
    );
  else if (node.internet.get('pypi.org') === 'yes') found.fine('internet', 'internet');
  if (!offline && node.internet.get('registry-1.docker.io') === 'no' && profile.bases.size === 0)
    found.note(
      'registry',
      `${node.host} reaches no registry of images.`,
      'A build on the cluster that begins with an image of Docker Hub fails there.',
      "Put base images beside, in the cluster's entry: bases (docs/clusters.md)",
    );
}

function judgeGpus(found: Findings, { node, gpus, partition }: NodeSeen): void {
  if (node.gpus.length > 0) found.fine('gpu', node.gpus[0] ?? '');
  else if (gpus > 0 && node.gpuDevice === undefined)
    found.warning(
      'gpu',
      `A GPU of ${partition} was given to the job, and ${node.host} shows no driver for it.`,
      'No program will find a GPU there.',
      'Ask the site: neither nvidia-smi nor /dev/nvidiactl nor /dev/kfd is there.',
    );
}
