/** What the service's log says of a launch that failed: for the admins, who see no page of it. Pure. */
import type { KeptSession, LaunchView } from '../../core/endpoint.ts';
import { asHpcbinderError } from '../../core/errors.ts';
import { redact } from '../../core/redact.ts';

const MOST_STACK = 4_000;
const MOST_MESSAGE = 1_000;

/** One line, without secrets of the session; of a defect of ours also where it came from. */
export function failedLine(
  { id, account }: Pick<LaunchView, 'id' | 'account'>,
  cause: unknown,
  record?: Pick<KeptSession, 'secrets' | 'variables'>,
): Record<string, unknown> {
  const { code, message } = asHpcbinderError(cause);
  const secrets = [...Object.values(record?.secrets ?? {}), ...(record?.variables ?? []).map(([, value]) => value)];
  const hidden = (text: string, most: number) => redact(text, secrets).slice(0, most);
  const stack = code === 'E-INTERNAL' ? stackOf(cause) : undefined;
  return {
    event: 'launch',
    state: 'failed',
    launch: id,
    account,
    code,
    message: hidden(message, MOST_MESSAGE),
    ...(stack === undefined ? {} : { stack: hidden(stack, MOST_STACK) }),
  };
}

/** Of what was thrown first, where another error was put around it. */
function stackOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return stackOf(cause.cause) ?? cause.stack;
}
