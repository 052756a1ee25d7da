/** What the agent announces to those who have the session open: warnings, the end, an end that has moved (verb `notices`). */
import { countOf, momentOf } from '../core/json.ts';
import type { SaveReport } from '../core/session.ts';
import { agentFault, type ClientSecrets, type Connect, converse } from './control.ts';
import { frames, send } from './frames.ts';

/** Times are epoch seconds of the cluster's clock. */
export type Notice =
  | { kind: 'moved'; endsAt: number }
  /** the open pages are to save, and the answer to be there within `seconds` */
  | { kind: 'warning' | 'end'; endsAt: number; why?: string; id: number; seconds: number };

export type Saves = Pick<SaveReport, 'pages' | 'files' | 'failed'>;

/** The agent gives up a client that says nothing for 150 s. */
const ALIVE_MS = 60_000;
/** on one connection: a session has a dozen warnings, and an end that moves now and then */
const MOST_NOTICES = 200;

/** Follows them until the connection ends or `signal` aborts. Rejects with E-AGENT where there is none; an older agent refuses. */
export async function followNotices(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  on: { moved(endsAt: number): void; save(notice: Exclude<Notice, { kind: 'moved' }>): Promise<Saves> },
  signal: AbortSignal,
): Promise<void> {
  const { socket } = await converse(connect, session, secrets, { verb: 'notices' });
  const leave = () => socket.destroy();
  const say = (value: object) => void send(socket, 'd', Buffer.from(JSON.stringify(value)));
  const timer = setInterval(() => say({}), ALIVE_MS);
  signal.addEventListener('abort', leave, { once: true });
  let heard = 0;
  try {
    if (signal.aborted) return;
    for await (const { kind, data } of frames(socket)) {
      heard += 1;
      if (heard > MOST_NOTICES) throw agentFault('has more to announce than a session can have', true);
      const notice = kind === 'd' ? readNotice(data) : undefined;
      if (notice?.kind === 'moved') on.moved(notice.endsAt);
      else if (notice) {
        // what went wrong here is no matter of the agent's: it waits a while for an answer, and goes on
        const answered = on.save(notice).then((saves) => say({ id: notice.id, ...saves }));
        answered.catch(() => {});
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', leave);
    socket.destroy();
  }
}

function readNotice(data: Buffer): Notice | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data.toString('utf8'));
  } catch (cause) {
    throw agentFault('sent a notice that is no JSON', false, cause);
  }
  const { kind, endsAt, why, id, seconds } = (value ?? {}) as Record<string, unknown>;
  const at = momentOf(endsAt);
  if (at === 0) return undefined;
  const common = { endsAt: Math.round(at), ...(typeof why === 'string' ? { why } : {}) };
  if (kind === 'moved') return { kind, endsAt: common.endsAt };
  if ((kind !== 'warning' && kind !== 'end') || !Number.isSafeInteger(id)) return undefined;
  return { kind, ...common, id: Number(id), seconds: Math.max(countOf(seconds, 60), 1) };
}
