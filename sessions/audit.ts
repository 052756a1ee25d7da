/** What `audit` tries and what came back. Another user's id is nobody's to take: what needs one is judged by modes and owners. */
import { endedInWords, ok, type Question, refused, succeeded, textOf, unreachable } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless, lastLines } from '../core/text.ts';
import { auditProgram } from './agent.ts';
import { type ClientSecrets, type Connect, controlRequest } from './control.ts';
import type { SessionRecord } from './records.ts';

/** `open`: somebody else would get in. `note`: seen, and no way in. `not tried`: `seen` says why. */
export const RESULTS = ['closed', 'open', 'note', 'not tried'] as const;
export type Tried = { what: string; result: (typeof RESULTS)[number]; seen: string };

/** name → a text that nobody but its owner may see */
export type Secrets = Readonly<Record<string, string>>;

export type Asked = {
  secrets: Secrets;
  /** the session's, absolute */
  directory: string;
  /** further paths that only their owner may enter */
  private: readonly string[];
  /** by which any user may look at the job */
  commands: readonly (readonly string[])[];
  /** folders where all users leave files; /tmp, /var/tmp and /dev/shm where absent */
  shared?: readonly string[];
};

/** Of the record and, where it can be had, of job.json: the agent's key is only there. */
export function secretsOf(record: Pick<SessionRecord, 'secrets'>, jobJson?: string): Secrets {
  const { appToken, cookieKey, clientKey } = record.secrets;
  const agentKey = agentKeyOf(jobJson);
  return {
    "app's token": appToken,
    "cookie's key": cookieKey,
    "client's key": keyLine(clientKey),
    ...(agentKey === undefined ? {} : { "agent's key": keyLine(agentKey) }),
  };
}

function agentKeyOf(jobJson: string | undefined): string | undefined {
  try {
    const read = JSON.parse(jobJson ?? '') as { tls?: { key?: unknown } } | null;
    return typeof read?.tls?.key === 'string' ? read.tls.key : undefined;
  } catch {
    return undefined;
  }
}

/** The second line of a key's body: the first is the same for every key of its kind. */
function keyLine(pem: string): string {
  return pem.split('\n')[2] ?? pem;
}

/** The look at the host where commands run. The secrets travel by stdin. */
export function auditHost(python: string, asked: Asked): Question<readonly Tried[]> {
  return {
    command: { argv: [python, '-I', '-c', auditProgram()], stdin: JSON.stringify(asked), timeoutMs: 90_000 },
    parse(result) {
      if (result.ended.kind !== 'exit') {
        const message = `the look at the login node did not end (${endedInWords(result.ended)})`;
        return unreachable(new HpcbinderError('E-REMOTE', { message, transient: true }));
      }
      const found = succeeded(result) ? readTried(textOf(result.stdout)) : undefined;
      if (found !== undefined) return ok(found);
      const evidence = lastLines(textOf(result.stderr), 5);
      return refused(new HpcbinderError('E-REMOTE', { message: 'the look at the login node failed', evidence }));
    },
  };
}

/** The agent's own look at its node. E-AGENT where it does not answer, or is older than that verb. */
export async function auditNode(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  asked: Pick<Asked, 'secrets' | 'shared'>,
): Promise<readonly Tried[]> {
  const reply = await controlRequest(connect, session, secrets, { verb: 'audit', ...asked });
  return triedOf(reply.found) ?? [];
}

function readTried(text: string): readonly Tried[] | undefined {
  try {
    return triedOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function triedOf(value: unknown): readonly Tried[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((item: unknown) => {
    const { what, result, seen } = (item ?? {}) as Record<string, unknown>;
    const known = RESULTS.find((each) => each === result);
    if (typeof what !== 'string' || typeof seen !== 'string' || known === undefined) return [];
    return [{ what: harmless(what), result: known, seen: harmless(seen) }];
  });
}
