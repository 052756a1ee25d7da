/**
 * Where the state may lie: a disk of this machine (F-43). SQLite's WAL is shared memory, which "does not work over a network
 * filesystem" (sqlite.org/wal.html); there a database is damaged sooner or later, without a word.
 */
import { chmodSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { HpcbinderError } from '../../core/errors.ts';

/** `f_type` of statfs(2), by linux/magic.h and, for those outside of the kernel, the table of coreutils' stat. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x00c36400, 'Ceph'],
  [0xaad7aaea, 'PanFS'],
  [0x20030528, 'OrangeFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x01021997, '9P'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0xa501fcf5, 'VxFS'],
  [0xbeefdead, 'SNFS'],
  [0x013111a8, 'IBRIX'],
  // sshfs, GlusterFS, s3fs, JuiceFS, WekaFS in its FUSE form: which of them cannot be told from here
  [0x65735546, 'FUSE'],
]);

const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;

export type Disk = {
  /** `f_type` of a directory */
  typeOf(directory: string): number;
};

export const DISK: Disk = {
  typeOf: (directory) => statfsSync(directory).type >>> 0,
};

/** What kind of network disk the directory lies on, if it does. */
export function networkDisk(directory: string, disk: Disk = DISK): string | undefined {
  return NETWORK.get(disk.typeOf(directory));
}

/**
 * Makes the directory 0700 where it is not there, and looks at it where it is.
 * @returns what is to be told of it: it is lost at a restart of the machine
 * @throws HpcbinderError E-STATE: on a network disk, of another user, or no directory
 */
export function stateDirectory(directory: string, disk: Disk = DISK): string | undefined {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refused(`${directory} could not be made: ${(error as Error).message}`, PLACE, error);
  }
  const seen = statSync(directory);
  if (!seen.isDirectory()) throw refused(`${directory} is no directory`, PLACE);
  if (process.getuid && seen.uid !== process.getuid())
    throw refused(
      `${directory} belongs to uid ${seen.uid}, and this is uid ${process.getuid()}`,
      `Run it as the account of the service: sudo -u '#${seen.uid}' hpcbinder …`,
    );
  if ((seen.mode & 0o077) !== 0) chmodSync(directory, 0o700);
  const type = disk.typeOf(directory);
  const network = networkDisk(directory, disk);
  if (network !== undefined)
    throw refused(
      `${directory} is on a network disk (${network}), where SQLite loses data`,
      'Name a directory of a local disk: state_dir: /var/lib/hpcbinder. What must survive the machine is what `hpcbinder admin backup` writes, and that may lie anywhere.',
    );
  if (type === TMPFS || type === RAMFS) return `${directory} is in memory: a restart of this machine loses the state`;
  return undefined;
}

const PLACE = 'Name a directory that the service may write to: state_dir: /var/lib/hpcbinder';

function refused(message: string, hint: string, cause?: unknown): HpcbinderError {
  return new HpcbinderError('E-STATE', { message, hint, cause });
}
