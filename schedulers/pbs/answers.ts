/**
 * PBS's two ways of saying no. The exit code is the error's number modulo 256 (pbs_error.h: 15001 "Unknown Job Id" exits
 * with 153), and good JSON may stand beside a bad code: both are read.
 */
import type { Answer, Command, CommandResult, Question } from '../../core/command.ts';
import { exitCode, ok, textOf } from '../../core/command.ts';
import { type Fields, parseFields } from '../../core/json.ts';
import { refusing } from '../../core/replies.ts';

/** TZ: qstat prints local times without their zone. 15 s: with the server frozen qstat waits for ever (SECURITY F-21). */
export function command(argv: readonly string[], timeoutMs = 15_000): Command {
  return { argv, env: { LC_ALL: 'C', TZ: 'UTC' }, timeoutMs, maxBytes: 16 << 20 };
}

export const qstat = (how: string, ...ids: string[]) => ['qstat', how, '-f', '-F', 'json', ...ids];

/** `12.pbs`, `12.pbs01.site.edu`; an array's `12[].pbs` is none of ours (SECURITY F-33). */
export const JOB_ID = /^([0-9]+\.[A-Za-z0-9][A-Za-z0-9.-]*)$/;
const NO_SUCH_JOB: readonly (number | undefined)[] = [153, 35]; // unknown; over
export const OVER = /Unknown Job Id|has finished/;
/** job_history_enable is off, as it is by default. qstat exits with 0 when it says this (qstat.c). */
export const NO_HISTORY = /not configured to maintain job history/i;

export const failure = refusing({
  product: 'PBS',
  inDoubt: /timed? ?out|End of File|Communication failure|protocol error|(Premature|Unexpected) end/i,
  down: /cannot connect to server|Connection refused|No Permission to connect|No free connections|Server shutting down|cannot (locate|resolve)|errno=/i,
  shows: 'qstat -B',
  rows: [
    [/invalid option|illegal -|usage:/i, 'E-OPTION', 'an option is not accepted'],
    [/Unknown queue|No default queue/i, 'E-PARTITION', 'there is no such queue'],
    [/Queue is not enabled/i, 'E-PARTITION', 'the queue takes no jobs at present'],
    [/Access to queue|Unauthorized|Bad [UG]ID|rejected by all/i, 'E-ACCOUNT', 'the queue or the group is not for you'],
    [/Unknown resource:? *ngpus/i, 'E-GPU', 'the site knows no resource "ngpus"'],
    [/Invalid account|project/i, 'E-ACCOUNT', 'this account or project may not be used'],
    [/violates queue|exceeds|limit|already in queue/i, 'E-LIMIT', 'it is over a limit of the queue or the server'],
    [/Unknown resource|Illegal|Dependency/i, 'E-OPTION', 'an option is not accepted'],
  ],
  hints: {
    'E-PARTITION': '`qstat -Q` on the cluster lists the queues; choose one with --queue.',
    'E-ACCOUNT': 'Choose another --queue or --account, or a project: --qsub "-P NAME".',
    'E-GPU': 'Ask the site for the name of its GPU resource, and give it by --constraint NAME=COUNT.',
    'E-LIMIT': 'Ask for less with --time, --cpus, --mem or --gpus, or choose another --queue.',
    'E-OPTION': 'On the cluster: `qstat -Qf` shows limits, `pbsnodes -a` resources, `man qsub` the options.',
  },
});

/**
 * A question answered in JSON. The JSON also counts beside the codes that say of one job that it is over or unknown;
 * without the frame of a PBS answer it is none, whatever the code.
 */
export function asked<T>(command: Command, read: (answer: Fields) => T): Question<T> {
  const parse = (result: CommandResult): Answer<T> => {
    const code = exitCode(result);
    const heard = code === 0 || NO_SUCH_JOB.includes(code);
    const answer = heard && !result.truncated ? parseFields(textOf(result.stdout)) : undefined;
    if (answer && typeof answer.pbs_version === 'string') return ok(read(answer));
    return failure(String(command.argv[0]))(heard ? { ...result, truncated: true } : result);
  };
  return { command, parse };
}
