/** The shell text that we send: constants of ours around words quoted by core/shell (DESIGN 13). */
import { randomBytes } from 'node:crypto';
import { HpcbinderError } from '../core/errors.ts';
import { oneLine, programOf, quote, quoteWords } from '../core/shell.ts';

/**
 * The only text that a login shell parses: it must mean the same to sh, bash, zsh, tcsh and fish. The program is line 1
 * of stdin and the payload follows; `sh -s` would lose payload bytes on dash, which reads ahead.
 */
export const REMOTE_COMMAND = `exec /bin/sh -c 'IFS= read -r p; eval "$p"'`;

/** A terminal echoes and cuts lines at 4096 bytes: it is made raw first, and says when. */
export const PTY_COMMAND = `exec /bin/sh -c 'stty raw -echo; echo hpcbinder-ready; IFS= read -r p; stty sane; eval "$p"'`;
export const PTY_READY = 'hpcbinder-ready';

/** User's or site's own settings, trusted: shell text in `prologue` is theirs. */
export type Setup = { loginShell?: boolean; path?: string; modules?: readonly string[]; prologue?: string };

export type Program = { cwd?: string; env?: Readonly<Record<string, string>>; argv: readonly string[] };

/** What no other output can contain. */
export function newMark(): string {
  return `hb${randomBytes(12).toString('hex')}`;
}

const CLEARED = ['SBATCH', 'SQUEUE', 'SLURM', 'PBS', 'SACCT', 'SINFO', 'SALLOC', 'QSUB'];
const KEPT = ['SLURM_CONF', 'SLURM_CLUSTERS', 'PBS_CONF_FILE', 'PBS_SERVER', 'PBS_DEFAULT', 'PBS_EXEC'];

/** SBATCH_PARTITION in a profile beats a script's own lines (INJ-03); a group-writable umask would open our files. */
const CLEAN =
  `for hb_v in $(env | sed -n ${CLEARED.map((name) => `-e 's/^\\(${name}_[A-Za-z0-9_]*\\)=.*/\\1/p'`).join(' ')}); do ` +
  `case $hb_v in ${KEPT.join('|')}) ;; *) unset "$hb_v";; esac; done; ` +
  'unset CDPATH; umask 077; LC_ALL=C; export LC_ALL; ';

/** Linux: MAX_ARG_STRLEN, one word of an argv (INJ-14). */
const LONGEST_WORD = 128 * 1024 - 1;

/** Refuses what no command can take: E-USAGE. */
export function checkWords(program: Program): void {
  const words = [...program.argv, ...Object.entries(program.env ?? {}).map(([name, value]) => `${name}=${value}`)];
  const long = words.find((word) => Buffer.byteLength(word) > LONGEST_WORD);
  if (long !== undefined) {
    throw new HpcbinderError('E-USAGE', {
      message: `a word of ${Buffer.byteLength(long)} bytes is too long for a command (${long.slice(0, 40)}…)`,
      hint: `At most ${LONGEST_WORD} bytes; put it into a file.`,
    });
  }
}

/** `cd … && exec env … argv` as one line: the process is then the program itself, so signals and exit codes are its own. */
export function body(program: Program): string {
  checkWords(program);
  const { cwd, ...rest } = program;
  const cd = cwd === undefined ? '' : `cd -- ${quote(cwd)} && `;
  return oneLine(`${cd}exec ${programOf(rest)}`);
}

/** What runs before anything else in a shell of ours; a failed `module load` is told after the marks as status 1. */
function settle(setup: Setup | undefined, then: string): string {
  const path = setup?.path === undefined ? '' : `PATH=${quote(setup.path)}:$PATH; export PATH; `;
  const modules = setup?.modules?.length ? `module load ${quoteWords(setup.modules)} </dev/null || exit 1; ` : '';
  const prologue = setup?.prologue === undefined ? '' : `eval ${quote(setup.prologue)} </dev/null; `;
  const text = oneLine(`${path}${modules}${prologue}`) + CLEAN + then;
  if (!setup?.loginShell && !setup?.modules?.length) return text;
  // a profile that reads stdin must not eat our payload
  return `exec 3<&0; exec bash -lc ${quote(`exec <&3 3<&-; ${text}`)} </dev/null`;
}

/** Marks on both streams (pid on stdout), then the program. A terminal has one stream only. */
export function startLine(program: Program, mark: string, how: { setup?: Setup; pty: boolean }): string {
  const onStderr = how.pty ? '' : `printf '%s\\n' ${mark} >&2; `;
  return settle(how.setup, `printf '%s %d\\n' ${mark} $$; ${onStderr}${body(program)}`);
}

/** The resident shell: its own mark, then one command a line until stdin ends. */
export function residentLine(mark: string, setup?: Setup): string {
  const loop = 'while IFS= read -r hb_line; do eval "$hb_line"; done';
  return settle(setup, `printf '%s %d\\n' ${mark} $$; printf '%s\\n' ${mark} >&2; ${loop}`);
}

/** One command for the resident shell: framed on both streams, its exit code in the end mark. */
export function residentCommand(program: Program, mark: string, stdin: Uint8Array): string {
  const feed = stdin.length === 0 ? '' : `printf ${printable(stdin)} 2>/dev/null | `;
  return (
    `printf '%s\\n' ${mark}; printf '%s\\n' ${mark} >&2; ${feed}(${body(program)})${feed === '' ? ' </dev/null' : ''}; ` +
    `printf '\\n%s %d\\n' ${mark} $?; printf '\\n%s\\n' ${mark} >&2`
  );
}

const ESCAPED = new Set(Buffer.from("%'\\-"));

/**
 * Bytes as a printf format: `printf` is a builtin, so the payload is in no argv and knows no limit of length. A dash is
 * written as an escape, for bash takes a format that begins with one for an option.
 */
function printable(data: Uint8Array): string {
  let text = '';
  for (const byte of data) {
    const plain = byte >= 0x20 && byte < 0x7f && !ESCAPED.has(byte);
    text += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `'${text}'`;
}
