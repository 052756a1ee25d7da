import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeptSession, LaunchView } from '../../../core/endpoint.ts';
import { State } from '../../../server/state/index.ts';
import { session } from '../../sessions/example.ts';

export const SECRETS = {
  ca: 'ca-pem',
  clientCert: 'cert-pem',
  clientKey: 'key-pem',
  appToken: 'app-token',
  cookieKey: 'cookie-key',
};
export const HASH = 'a'.repeat(64);

export function kept(more: Partial<KeptSession> = {}): KeptSession {
  return { ...session, secrets: SECRETS, ...more };
}

export function launched(more: Partial<LaunchView> = {}): LaunchView {
  return {
    id: 'la-0123456789abcdef',
    account: 'alice',
    wanted: { provider: 'gh', spec: 'org/repo/HEAD' },
    startedAt: '2026-11-23T11:00:00.000Z',
    state: 'running',
    ...more,
  };
}

/** A state in a folder of its own, whose clock is `clock.now`. */
export class Rig {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'hb-state-'));
  clock: Date = new Date('2026-11-23T12:00:00Z');
  readonly told: string[] = [];
  readonly #open: State[] = [];

  open(): State {
    const state = State.open(this.directory, { now: () => this.clock, tell: (words) => this.told.push(words) });
    this.#open.push(state);
    return state;
  }

  remove(): void {
    for (const state of this.#open) state.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
