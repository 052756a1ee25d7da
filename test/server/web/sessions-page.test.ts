import { expect, it } from '@jest/globals';
import type { LaunchView } from '../../../core/endpoint.ts';
import { forCards } from '../../../server/web/parts/sessions.ts';
import { iso, LAUNCH, session } from './canned.ts';

const now = Date.now() / 1000;
const launch = (id: string, more: Partial<LaunchView> = {}): LaunchView => ({
  ...LAUNCH,
  id,
  wanted: { provider: 'gh', spec: `org/${id}` },
  state: 'failed',
  endedAt: iso(60),
  ...more,
});
const shown = (launches: readonly LaunchView[], sessions = [session('hb-aaaaaaaaaa', { launch: 'la-began' })]) =>
  forCards(sessions, launches, now).launches.map(({ id }) => id);

it('launches on their way and those that failed within a day are shown where they have no session', () => {
  const ofAll = [
    launch('la-running', { state: 'running' }),
    launch('la-failed'),
    launch('la-late', { startedAt: iso(100_000) }),
    launch('la-began'),
    launch('la-old', { endedAt: iso(90_000) }),
    launch('la-cancelled', { state: 'cancelled' }),
    launch('la-ready', { state: 'ready' }),
  ];
  expect(shown(ofAll)).toEqual(['la-running', 'la-failed', 'la-late']);
});

it('a launch that failed is not shown where the same was launched again', () => {
  const { wanted } = launch('la-first');
  for (const state of ['running', 'ready', 'failed'] as const)
    expect(shown([launch('la-second', { wanted, state }), launch('la-first')])).not.toContain('la-first');
  expect(shown([launch('la-second', { wanted: { ...wanted, gpus: 1 } }), launch('la-first')])).toContain('la-first');
});

it('a card that is left out for its age does not come back as a failed launch', () => {
  const ended = Array.from({ length: 13 }, (_, n) =>
    session(`hb-${String(n).padStart(10, '0')}`, { phase: 'ended', launch: `la-${n}` }),
  );
  expect(forCards(ended, [launch('la-12')], now)).toMatchObject({ launches: [], sessions: { length: 12 } });
});
