/** After each kind of failure one command that goes on from there. Pure; the table is as closed as the catalogue. */
import type { ErrorCode, HpcbinderError } from '../core/errors.ts';
import { redact } from '../core/redact.ts';
import { quoteWords } from '../core/shell.ts';
import { harmless } from '../core/text.ts';

/** What was being done when it failed. */
export type Doing = {
  /** of the command line, after `hpcbinder` */
  words: readonly string[];
  /** short, of the launch or the session */
  id?: string;
  /** a job was submitted for it */
  submitted?: boolean;
  /** words of ssh that reach the login node */
  login?: readonly string[];
};

type Next = (doing: Doing) => string | undefined;

/** A secret that was typed is not printed again. */
const shown = (words: readonly string[]) => redact(harmless(quoteWords(words)));
const line = (words: readonly string[]) => shown(['hpcbinder', ...words]);
const isLaunch = ({ words }: Doing) => words[0] === 'launch' || words[0] === 'build';
const always =
  (text: string): Next =>
  () =>
    text;
const again: Next = ({ words }) => (words.length > 0 ? line(words) : undefined);
const launchWith =
  (...flags: readonly string[]): Next =>
  (doing) =>
    isLaunch(doing) ? line([...doing.words, ...flags.filter((flag) => !doing.words.includes(flag))]) : undefined;
const help: Next = ({ words: [command = ''] }) => `hpcbinder ${/^[a-z]+$/.test(command) ? `${command} ` : ''}--help`;
const report: Next = ({ id }) => `hpcbinder bugreport${id === undefined ? '' : ` ${id}`}`;
const logs: Next = ({ id, submitted }) =>
  id === undefined ? 'hpcbinder logs' : `hpcbinder logs ${id}${submitted ? '' : ' --build'}`;
const ssh: Next = ({ login }) =>
  login === undefined ? 'hpcbinder cluster ls' : harmless(`ssh ${quoteWords(login)} true`);
/** What a site lacks is best seen all at once. */
const doctor: Next = ({ words }) => {
  const at = words.findLastIndex((word) => /^--cluster(=|$)/.test(word));
  const named = at < 0 ? undefined : (words[at]?.split('=')[1] ?? words[at + 1]);
  return line(['doctor', ...(named ? [named] : [])]);
};
const status: Next = ({ id }) => (id === undefined ? 'hpcbinder list --all' : `hpcbinder status ${id}`);
/** Shows what would be built and asked for, and does nothing. */
const dryRun = launchWith('--dry-run');

const NEXT: Readonly<Record<ErrorCode, Next>> = {
  'E-USAGE': help,
  'E-FORBIDDEN': help,
  'E-CONFIG': always('hpcbinder config check'),
  'E-REPO-SYNTAX': help,
  'E-REPO-MISSING': help,
  'E-REF-MISSING': help,
  'E-REPO-FETCH': again,
  'E-BUILDER-UNSUPPORTED': launchWith('--builder', 'repo2docker'),
  'E-TOOL-NONE': dryRun,
  'E-BINDER-DUP': dryRun,
  'E-LEGACY': dryRun,
  'E-RUNTIME': dryRun,
  'E-PYTHON': always('hpcbinder base ls'),
  'E-PYPROJECT': dryRun,
  'E-APT-NAME': dryRun,
  'E-REPO-FILE': dryRun,
  'E-HPC-YML': dryRun,
  'E-ENGINE-NONE': launchWith('--build-on', 'cluster'),
  'E-ENGINE-RIGHTS': launchWith('--build-on', 'cluster'),
  'E-BASE': always('hpcbinder base ls'),
  'E-BUILD': logs,
  'E-BUILD-PIP': logs,
  'E-BUILD-APT': logs,
  'E-BUILD-CLUSTER': launchWith('--build-on', 'here'),
  'E-PLATFORM': launchWith('--build-on', 'cluster'),
  'E-CONVERT': logs,
  'E-IMAGE-APP': logs,
  'E-IMAGE-DAMAGED': launchWith('--rebuild'),
  'E-STORE': always('hpcbinder config show'),
  'E-CLUSTER-NONE': always('hpcbinder cluster add USER@HOST'),
  'E-CLUSTER-UNKNOWN': always('hpcbinder cluster ls'),
  'E-SSH-UNREACHABLE': ssh,
  'E-SSH-HOSTKEY': ssh,
  'E-SSH-AUTH': ssh,
  'E-SSH-LOST': ({ id, submitted }) => (submitted ? `hpcbinder open ${id}` : undefined),
  'E-REMOTE': report,
  'E-REMOTE-SHELL': ssh,
  'E-NO-SCHEDULER': doctor,
  'E-NO-CONTAINER': doctor,
  'E-NO-PYTHON': doctor,
  'E-DISK-FULL': always('hpcbinder images gc --dry-run'),
  'E-PARTITION': dryRun,
  'E-USER': always('hpcbinder admin sudoers'),
  'E-ACCOUNT': dryRun,
  'E-GPU': dryRun,
  'E-LIMIT': dryRun,
  'E-OPTION': dryRun,
  'E-SCHEDULER': report,
  'E-SCHEDULER-DOWN': again,
  'E-SUBMIT-UNKNOWN': always('hpcbinder list --refresh'),
  'E-JOB-FAILED': logs,
  'E-MAX-WAIT': dryRun,
  'E-JOB-MEMORY': logs,
  'E-NODE-DIRECTORY': doctor,
  'E-AGENT': status,
  'E-APP': logs,
  'E-SESSION-UNKNOWN': always('hpcbinder list --all'),
  'E-SESSION-STATE': status,
  'E-WORK': always('hpcbinder work ls'),
  'E-CONFIRM': ({ words }) => (words.length > 0 ? line([...words, '--yes']) : undefined),
  'E-DEVCLUSTER': always('hpcbinder devcluster down'),
  'E-LOCKED': again,
  'E-STATE': () => undefined,
  'E-SIGN-IN': () => undefined,
  'E-TOKEN': () => undefined,
  'E-CANCELLED': () => undefined,
  // of an endpoint: what to do is said in the page, or by the one who runs it
  'E-LINK': help,
  'E-POLICY': again,
  'E-POLICY-REPOSITORY': help,
  'E-POLICY-CLUSTER': help,
  'E-POLICY-PARTITION': help,
  'E-POLICY-APP': help,
  'E-POLICY-DATA': help,
  'E-POLICY-FULL': again,
  'E-POLICY-RATE': again,
  'E-POLICY-DRAIN': again,
  'E-ENDPOINT': again,
  'E-INTERNAL': report,
};

/** Other names of the flags whose value may be corrected. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  '--partition': ['-p', '--queue'],
  '--gpus': ['-G'],
  '--cpus': ['-c'],
  '--time': ['-t'],
  '--account': ['-A'],
};

/** What was typed, with other values of some flags; those that were not typed come last. */
function corrected(words: readonly string[], instead: Readonly<Record<string, string>>): string[] {
  const result = [...words];
  for (const [flag, value] of Object.entries(instead)) {
    const names = [flag, ...(ALIASES[flag] ?? [])];
    const at = result.findLastIndex((word) => names.includes(word.replace(/=.*$/s, '')));
    if (at < 0) result.push(flag, value);
    else if (result[at]?.includes('=')) result[at] = `${flag}=${value}`;
    else result[at + 1] = value;
  }
  return result;
}

/** Undefined where there is nothing to do but what the hint says. */
export function nextCommand(
  error: Pick<HpcbinderError, 'code' | 'instead' | 'next'>,
  doing: Doing,
): string | undefined {
  if (error.next) return shown(error.next);
  if (error.instead && isLaunch(doing)) return line(corrected(doing.words, error.instead));
  return NEXT[error.code](doing) ?? again(doing);
}
