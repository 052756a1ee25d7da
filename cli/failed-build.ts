/** How the making of an image ended, left on the cluster for the launches that waited for it: they do not try the same again. */
import type { FailedBuild } from '../core/arrows.ts';
import type { EnvironmentKey } from '../core/artifacts.ts';
import { ok, type Question, succeeded, textOf } from '../core/command.ts';
import { ERROR_CODES, type ErrorCode, HpcbinderError } from '../core/errors.ts';
import { plainText } from '../core/text.ts';

/** Below the image store, beside the directories of the build jobs. */
export const FAILURES = 'builds';
const MOST_BYTES = 65_536;
const MOST_LINES = 20;

export function failurePath(directory: string, key: EnvironmentKey): string {
  return `${directory}/${key}.failed`;
}

/** Path, seconds for which we waited: an older one is of nobody whom we waited for. Both times are the file system's. */
export const ASK = `at=$(stat -c %Y -- "$1" 2>/dev/null) || exit 0
: > "$1.$$"; now=$(stat -c %Y "$1.$$"); rm -f "$1.$$"
if [ $((now - at)) -le "$2" ]; then head -c ${MOST_BYTES} -- "$1"; else rm -f -- "$1"; fi`;

export function askFailure(path: string, waitedSeconds: number): Question<FailedBuild | undefined> {
  return {
    command: { argv: ['sh', '-c', ASK, 'sh', path, String(waitedSeconds)] },
    parse: (result) => ok(succeeded(result) ? parseFailure(textOf(result.stdout)) : undefined),
  };
}

export function failureText({ where, error }: FailedBuild): string {
  const { code, message, hint, evidence, transient } = error;
  return `${JSON.stringify({ schema: 1, where, code, message, hint, evidence, transient })}\n`;
}

/** What is none of ours, or of a version that has other codes, counts as none: then the build is tried. */
export function parseFailure(text: string): FailedBuild | undefined {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { schema, where, code, message, hint, evidence, transient } = value ?? {};
  if (schema !== 1 || (where !== 'here' && where !== 'cluster') || typeof message !== 'string') return undefined;
  if (!ERROR_CODES.includes(code as ErrorCode)) return undefined;
  const again = 'Another launch that this one waited for met this; launch again to try anew.';
  const error = new HpcbinderError(code as ErrorCode, {
    message: plainText(message),
    hint: typeof hint === 'string' ? `${plainText(hint)}\n${again}` : again,
    evidence: Array.isArray(evidence) ? evidence.slice(-MOST_LINES).map((line) => plainText(String(line))) : [],
    transient: transient === true,
  });
  return { where, error };
}
