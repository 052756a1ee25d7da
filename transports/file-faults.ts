/** Why a file could not be read or written, told by the tools' own last lines. */
import { type CommandResult, endedInWords, exitCode, textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';
import { ANSWER } from './file-scripts.ts';

const FULL = /No space left on device|Disk quota exceeded|File too large/i;

export function fileFault(host: string, verb: 'read' | 'write', path: string, result: CommandResult): HpcbinderError {
  if (result.ended.kind === 'lost')
    return lostFault(host, `${verb === 'read' ? 'reading' : 'writing'} ${path}`, result.ended.cause);
  const evidence = lastLines(textOf(result.stderr), 3);
  if (evidence.some((line) => FULL.test(line))) {
    const quota = evidence.some((line) => /quota/i.test(line));
    return new HpcbinderError('E-DISK-FULL', {
      message: `${path} on ${host} cannot be written: ${quota ? 'your quota is used up' : 'the disk is full'}`,
      hint: 'Free some space there, or name another place in the cluster entry.',
      evidence,
    });
  }
  if (exitCode(result) === ANSWER.resume) {
    return new HpcbinderError('E-REMOTE', {
      message: `${path} on ${host} holds ${evidence[0] ?? 'another number of'} bytes, which is not where this upload wanted to go on`,
      hint: 'Look at its size again, or begin anew.',
    });
  }
  if (exitCode(result) === ANSWER.mismatch) {
    return new HpcbinderError('E-REMOTE', {
      message: `${path} arrived on ${host} with another sha256 than it was sent with`,
      hint: 'Nothing was stored under that name. Try again.',
      evidence,
      transient: true,
    });
  }
  const why = evidence.length > 0 ? '' : ` (${endedInWords(result.ended)})`;
  return new HpcbinderError('E-REMOTE', {
    message: `cannot ${verb} ${path} on ${host}${why}`,
    evidence,
    transient: result.ended.kind === 'timeout',
  });
}

export function shortFault(host: string, path: string, { bytes, length }: { bytes: number; length: number }) {
  return new HpcbinderError('E-SSH-LOST', {
    message: `${path} came only in part from ${host}: ${bytes} of ${length} bytes`,
    hint: 'The connection broke, or the file was made shorter meanwhile. Try again.',
    transient: true,
  });
}

export function lostFault(host: string, doing: string, cause: unknown): HpcbinderError {
  if (cause instanceof HpcbinderError && cause.code !== 'E-SSH-LOST') return cause;
  return new HpcbinderError('E-SSH-LOST', {
    message: `the connection to ${host} broke while ${doing}`,
    transient: true,
    cause,
  });
}
