/**
 * The closed catalogue of what can go wrong. Every code has a section in docs/errors.md (a test holds the two
 * together). Users paste messages, scripts read codes and exit statuses.
 */
export const ERROR_CODES = [
  'E-USAGE', // the command line cannot be understood
  'E-CONFIG', // the config file is wrong: line, column, nearest key
  'E-REPO-SYNTAX', // what was typed is no repository we accept
  'E-REPO-MISSING', // no such repository, or no right to see it
  'E-REF-MISSING', // no such branch, tag or commit
  'E-REPO-FETCH', // cloning failed or went over a limit
  'E-BUILDER-UNSUPPORTED', // environment.yml, R, Julia, Nix, Pipfile ...
  'E-TOOL-NONE', // the tool of --builder or --converter, or what it needs, is not on this machine
  'E-BINDER-DUP', // both binder/ and .binder/
  'E-LEGACY', // FROM andrewosh/binder-base
  'E-RUNTIME', // runtime.txt is malformed
  'E-PYTHON', // no base for that Python version
  'E-PYPROJECT', // pyproject.toml malformed, or contradicts runtime.txt
  'E-APT-NAME', // a line of apt.txt is no package name
  'E-REPO-FILE', // a file of the repository is not what it must be (directory, CRLF, no shebang, link outside)
  'E-HPC-YML', // hpc.yml is wrong
  'E-ENGINE-NONE', // no container engine, and building elsewhere was excluded
  'E-ENGINE-RIGHTS', // there is an engine, and we may not use it
  'E-BASE', // the base image can't be had
  'E-BUILD', // a build step failed
  'E-BUILD-PIP', // pip could not install what was asked
  'E-BUILD-APT', // apt could not install what was asked
  'E-BUILD-CLUSTER', // the build cannot run on this cluster
  'E-PLATFORM', // the image is of another architecture than the partition
  'E-CONVERT', // image to SIF failed
  'E-IMAGE-APP', // the image or the repository lacks what the app takes, or `start` is not executable
  'E-IMAGE-DAMAGED', // size or sha256 of the stored SIF is wrong
  'E-STORE', // others may write into the image store
  'E-CLUSTER-NONE', // no cluster is set up
  'E-CLUSTER-UNKNOWN', // no such entry
  'E-SSH-UNREACHABLE', // host does not answer
  'E-SSH-HOSTKEY', // unknown or changed host key
  'E-SSH-AUTH', // refused
  'E-SSH-LOST', // the connection broke
  'E-REMOTE', // a command on the cluster failed
  'E-REMOTE-SHELL', // the login shell there does not let us work
  'E-NO-SCHEDULER', // neither sbatch nor qsub there
  'E-NO-CONTAINER', // neither apptainer nor singularity there
  'E-NO-PYTHON', // no Python >= 3.6 there
  'E-DISK-FULL', // home or scratch is full
  'E-PARTITION', // no such partition
  'E-USER', // the endpoint may not act as that account
  'E-ACCOUNT', // account or QOS invalid
  'E-GPU', // no such GPU type, or more than a node has
  'E-LIMIT', // over a limit of partition or site
  'E-OPTION', // a scheduler option that is refused by the grammar
  'E-SCHEDULER', // the scheduler refused, in words we do not know
  'E-SCHEDULER-DOWN', // the scheduler does not answer
  'E-SUBMIT-UNKNOWN', // it is not known whether the job was accepted
  'E-JOB-FAILED', // the job ended before the app was ready
  'E-MAX-WAIT', // the job did not begin in the time that was given
  'E-JOB-MEMORY', // killed for its memory
  'E-NODE-DIRECTORY', // the login node can write there, the compute node can't
  'E-AGENT', // the job-side agent cannot be reached or refused
  'E-APP', // the app did not start
  'E-SESSION-UNKNOWN', // no session of that id, or several
  'E-SESSION-STATE', // the session is not in a state that allows this
  'E-WORK', // the work directory
  'E-CONFIRM', // needs a yes, and there is no terminal
  'E-DEVCLUSTER', // the cluster in containers
  'E-LOCKED', // another hpcbinder holds it
  'E-STATE', // the endpoint's state cannot be opened or written
  'E-SIGN-IN', // nobody could be signed in, or somebody is not
  'E-TOKEN', // an API token that may not do this, or may not be made
  'E-CANCELLED', // ctrl-C
  'E-LINK', // a launch link of an endpoint that cannot be understood, or names what is not served
  'E-POLICY', // an endpoint's policy file is wrong: line, column, nearest key
  'E-POLICY-REPOSITORY', // the endpoint does not launch this repository
  'E-POLICY-CLUSTER', // not one of the endpoint's clusters
  'E-POLICY-PARTITION', // the endpoint does not offer this partition
  'E-POLICY-APP', // the endpoint does not offer this app
  'E-POLICY-DATA', // the endpoint does not offer this data
  'E-POLICY-FULL', // as many sessions run as the endpoint allows
  'E-POLICY-RATE', // more often than the endpoint allows
  'E-POLICY-DRAIN', // the endpoint takes no launches at present
  'E-FORBIDDEN', // the endpoint: not for this account or token, or not asked for by a click
  'E-ENDPOINT', // a campus endpoint does not answer, or not as one does
  'E-INTERNAL', // a defect of ours
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export type ErrorDetail = {
  /** what failed, in the user's words; one line, no full stop needed */
  message: string;
  /** what to do next; one or more lines */
  hint?: string;
  /** the last lines of output that show it */
  evidence?: readonly string[];
  /** where the whole log is: a path or a command */
  log?: string;
  /** the same command would go through with these values, by flag: a limit, the nearest name */
  instead?: Readonly<Record<string, string>>;
  /** the command that goes on from here, program first, where it follows from more than the code */
  next?: readonly string[];
  /** trying again later can help: exit 75 (EX_TEMPFAIL of sysexits.h) */
  transient?: boolean;
  cause?: unknown;
};

export class HpcbinderError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly evidence: readonly string[];
  readonly log: string | undefined;
  readonly instead: Readonly<Record<string, string>> | undefined;
  readonly next: readonly string[] | undefined;
  readonly transient: boolean;
  constructor(code: ErrorCode, detail: ErrorDetail) {
    super(detail.message, { cause: detail.cause });
    this.name = 'HpcbinderError';
    this.code = code;
    this.hint = detail.hint;
    this.evidence = detail.evidence ?? [];
    this.log = detail.log;
    this.instead = detail.instead;
    this.next = detail.next;
    this.transient = detail.transient ?? false;
  }
}

/** 2: wrong usage or configuration; 75: try again later; 130: interrupted; 1: everything else. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof HpcbinderError)) return 1;
  if (error.transient) return 75;
  if (error.code === 'E-CANCELLED') return 130;
  const usage: readonly ErrorCode[] = [
    'E-USAGE',
    'E-CONFIG',
    'E-REPO-SYNTAX',
    'E-CLUSTER-NONE',
    'E-CLUSTER-UNKNOWN',
    'E-OPTION',
    'E-CONFIRM',
    'E-LINK',
    'E-POLICY',
  ];
  return usage.includes(error.code) ? 2 : 1;
}

export function asHpcbinderError(error: unknown): HpcbinderError {
  if (error instanceof HpcbinderError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HpcbinderError('E-INTERNAL', {
    message: `an unforeseen fault: ${message}`,
    hint: 'This is a defect of hpcbinder: please report it.',
    cause: error,
  });
}
