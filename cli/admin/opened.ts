/** The endpoint's state as `admin …` opens it: beside a server that may run, which reads what is set here at its next use. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { parseDuration } from '../../core/units.ts';
import { parsePolicy, readPolicyText } from '../../server/policy/index.ts';
import { State } from '../../server/state/index.ts';
import { plain } from '../terminal.ts';

export type AdminFlags = Readonly<Record<string, unknown>>;

export const CONFIG = '/etc/hpcbinder/serve.yaml';
const STATE = '/var/lib/hpcbinder';
const DAY_SECONDS = 86_400;
/** A person can wait longer than a server. */
const PATIENCE_MS = 10_000;

export type Place = { directory: string; retentionDays: number | undefined };

/** `--state`, else `state_dir` of `--config`, else of /etc/hpcbinder/serve.yaml, else /var/lib/hpcbinder. */
export function placeOf(flags: AdminFlags): Place {
  if (typeof flags.state === 'string') return { directory: resolve(flags.state), retentionDays: undefined };
  const named = typeof flags.config === 'string' ? resolve(flags.config) : undefined;
  const file = named ?? (existsSync(CONFIG) ? CONFIG : undefined);
  if (file === undefined) return { directory: STATE, retentionDays: undefined };
  const { stateDir, retentionSeconds } = parsePolicy(readPolicyText(file), file);
  return { directory: stateDir, retentionDays: retentionSeconds / DAY_SECONDS };
}

/** Opens it, does the work and closes it. What is changed is audited in the name of whoever typed it. */
export async function withState(
  flags: AdminFlags,
  work: (state: State, place: Place) => number | Promise<number>,
): Promise<number> {
  const place = placeOf(flags);
  const tell = (words: string) => process.stderr.write(plain(`${words}\n`));
  const state = State.open(place.directory, { beside: true, patienceMs: PATIENCE_MS, tell });
  try {
    return await work(state, place);
  } finally {
    state.close();
  }
}

/** Who typed it, also behind sudo. */
export function whoTyped(): string {
  return process.env.SUDO_USER ?? userInfo().username;
}

export function audited(state: State, action: string, detail?: string, account: string = whoTyped()): void {
  state.audit.write({
    account,
    action: `admin ${action}`,
    from: 'terminal',
    ...(detail === undefined ? {} : { detail }),
  });
}

/** `7d` ago, or a date; an ISO text. */
export function since(text: unknown, now: Date): string | undefined {
  if (typeof text !== 'string') return undefined;
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const at = Date.parse(text);
    if (Number.isFinite(at)) return new Date(at).toISOString();
  }
  try {
    return new Date(now.getTime() - parseDuration(text) * 1000).toISOString();
  } catch {
    throw new HpcbinderError('E-USAGE', {
      message: `--since: "${text}" is neither a time nor a date`,
      hint: 'For example --since 7d, --since 2026-11-01 or --since 2026-11-01T09:00',
    });
  }
}

/** A whole number from `least`, where the flag was given. */
export function whole(flag: string, value: unknown, least: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d{1,7}$/.test(String(value)) || number < least)
    throw new HpcbinderError('E-USAGE', { message: `--${flag}: "${value}" must be a whole number from ${least}` });
  return number;
}

/** One line of JSON, or a table; what there is instead of an empty one goes to stderr. */
export function print(flags: AdminFlags, value: unknown, text: string, none: string): number {
  if (flags.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  else if (text === '') process.stderr.write(plain(`${none}\n`));
  else process.stdout.write(`${text}\n`);
  return 0;
}
