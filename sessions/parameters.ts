/** `job.json`: all that the agent is told, 0600 in the session's 0700 directory. What reads it is sessions/agent/*.py. */
import type { AppName } from '../core/session.ts';
import type { Variable } from '../core/variables.ts';

export type JobParameters = {
  schema: 1;
  /** the session's id */
  session: string;
  /** name and version of what wrote it */
  product: string;
  /** PEM: the session's CA, and the agent's own certificate and key */
  tls: { ca: string; cert: string; key: string };
  /** `base`: the path under which browsers have the app, where it is not `/`; begins and ends with one */
  app: { name: AppName; token: string; base?: string };
  container: {
    /** absolute */
    command: string;
    flavor: 'apptainer' | 'singularity';
    sif: string;
    /** these three absent for an image that the user named by its path */
    bytes?: number;
    sha256?: string;
    /** sha256, size, inode, mtime and ctime of the file as it was last read: where they still fit, it is not read again */
    seal?: string;
    /** auto: `--nv` or `--rocm` where the scheduler gave GPUs and the node has their driver */
    gpu: 'auto' | 'none';
    binds: readonly { from: string; to: string; readOnly: boolean }[];
    /** variables inside; names that loaders and shells obey are refused by the agent too, but for these */
    env: readonly Variable[];
    allowed: readonly string[];
  };
  /** the image's entrypoint; the app's command follows */
  entrypoint: readonly string[];
  work: WorkParameters;
  limits: {
    idleSeconds: number;
    maxAgeSeconds?: number;
    walltimeSeconds: number;
    /** seconds before the end at which clients warn */
    warnSeconds: readonly number[];
  };
  /** does the node reach the internet? null: the agent looks, once */
  internet: boolean | null;
  /** the first that can be bound; none: the kernel's choice */
  ports: readonly number[];
};

/** What sessions/agent/work.py makes the work directory from. Paths are the cluster's. */
export type WorkParameters = {
  directory: string;
  /** tar of the commit's files; null: only the image's */
  content: string | null;
  /** tar of the shallow `.git`; null: none */
  git: string | null;
  /** of the content: the same id needs no merge */
  id: string;
  /** for names like `notebook.ipynb.~short` */
  short: string;
  /** the old directory is moved aside first */
  fresh: boolean;
  imageHasContent: boolean;
  session: string;
  /** sessions that are over when this one starts: their marker in the directory holds nobody off */
  ended: readonly string[];
  /** this directory and no other: it has to be there and free */
  exact: boolean;
};
