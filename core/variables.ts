/** Variables that a person sets for the inside of a session (SECURITY INJ-07, INJ-08, INJ-14). Pure. */
import { HpcbinderError } from './errors.ts';

export type Variable = readonly [name: string, value: string];

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** By these a value becomes code: of loaders, shells, interpreters, git. The agent refuses the same, in sessions/agent/container.py. */
const CODE =
  /^(LD_.*|BASH_.*|ENV|IFS|SHELLOPTS|PATH|PROMPT_COMMAND|PYTHON(STARTUP|PATH|HOME)|PERL5(OPT|LIB)|RUBY(OPT|LIB)|NODE_OPTIONS|GIT_SSH.*|R_PROFILE.*|R_ENVIRON.*)$/;
/** What the session itself is made of. */
const OURS = /^(HOME|JUPYTER_.*|(APPTAINER|SINGULARITY|HPCBINDER).*)$/;
/** The kernel takes 128 KiB for one variable (MAX_ARG_STRLEN, execve(2)); on its way it has a longer name. */
const MOST = 128 * 1024 - 256;
/** A fourth of the smallest stack's share for all arguments (execve(2)). */
const MOST_IN_ALL = 512 * 1024;

/**
 * `NAME=VALUE`, or `NAME` alone for the caller's own value, which no other user then reads in a list of processes. Of two
 * for one name the later.
 * @param allowed names that would otherwise be refused because their value becomes code
 * @throws HpcbinderError E-USAGE
 */
export function parseVariables(
  words: readonly string[],
  allowed: readonly string[],
  own: Readonly<Record<string, string | undefined>>,
): readonly Variable[] {
  for (const name of allowed) if (!CODE.test(name)) refuse('--allow-env', name, 'it needs no such leave, or gets none');
  const found = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    if (!NAME.test(name)) refuse('--env', name, 'that is no name of a variable', 'Write it like NAME=VALUE.');
    if (OURS.test(name)) refuse('--env', name, 'the session itself sets it');
    if (CODE.test(name) && !allowed.includes(name))
      refuse(
        '--env',
        name,
        'what it names is run as code by loaders, shells or interpreters',
        `Where you know the value: --allow-env ${name}`,
      );
    const value = at < 0 ? own[name] : word.slice(at + 1);
    if (value === undefined)
      refuse('--env', name, 'it is not set here', `Write --env ${name}=VALUE, or export it first.`);
    // what is no UTF-8 has been replaced before any program of this kind sees it
    if (value.includes('\uFFFD')) refuse('--env', name, 'its value is not UTF-8', 'Put it in a file and --bind that.');
    if (Buffer.byteLength(value) > MOST)
      refuse('--env', name, `its value is longer than ${MOST} bytes`, 'Put it in a file and --bind that.');
    found.set(name, value);
  }
  const bytes = [...found].reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes > MOST_IN_ALL)
    throw new HpcbinderError('E-USAGE', {
      message: `--env: the variables have ${bytes} bytes in all, more than ${MOST_IN_ALL}`,
      hint: 'Put the long ones in a file and --bind that.',
    });
  return [...found];
}

/** Of these variables those that the agent takes only where it is told that they are wanted. */
export function namesOfCode(variables: readonly Variable[]): string[] {
  return variables.map(([name]) => name).filter((name) => CODE.test(name));
}

function refuse(flag: string, name: string, why: string, hint?: string): never {
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  throw new HpcbinderError('E-USAGE', { message: `${flag} ${shown}: ${why}`, ...(hint ? { hint } : {}) });
}
