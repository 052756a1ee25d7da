/** The only writer of shell syntax. Everything that reaches a shell is a word quoted here, or a constant of ours. */
import { HpcbinderError } from './errors.ts';

/** One word for a POSIX shell. NUL can't be carried by any argv and is refused. */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new HpcbinderError('E-USAGE', { message: 'a word with a NUL byte cannot be passed to any command' });
  }
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) && !word.startsWith('=')) return word;
  // not '\'': the shell in which Apptainer 1.4 sources an image's environment keeps a backslash outside of quotes
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

export function quoteWords(words: readonly string[]): string {
  return words.map(quote).join(' ');
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `cd` and environment and argv as one line of shell: the body of a remote program. */
export function programOf(command: {
  argv: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
}): string {
  const parts: string[] = [];
  if (command.cwd !== undefined) parts.push(`cd -- ${quote(command.cwd)} &&`);
  const env = Object.entries(command.env ?? {});
  for (const [name] of env) {
    if (!NAME.test(name)) throw new HpcbinderError('E-USAGE', { message: `"${name}" is no name for a variable` });
  }
  if (env.length > 0) parts.push(`env ${env.map(([name, value]) => `${name}=${quote(value)}`).join(' ')}`);
  parts.push(quoteWords(command.argv));
  return parts.join(' ');
}

/**
 * The same program as one line, for a shell that takes its program by `read`. A newline can only stand inside a
 * quoted word (all else is ours and has none); it becomes a variable between quotes, for a POSIX shell has no escape.
 */
export function oneLine(program: string): string {
  if (!program.includes('\n')) return program;
  return `hb_nl=$(printf '\\nx'); hb_nl=\${hb_nl%x}; ${program.replaceAll('\n', `'"$hb_nl"'`)}`;
}
