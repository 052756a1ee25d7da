/** My sessions, live: states every 10 s, figures every 30 s, a notice before a walltime's end. */
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Figures, FiguresView, LaunchesAnswer, SessionsAnswer } from '../../../core/endpoint.ts';
import { forCards, SessionsPage, type SessionsView, sessionsTitle } from '../parts/sessions.ts';
import { clock, SOON } from '../parts/words.ts';
import { ask, NoticeButton, takeOver, useClock, useEvery, useNotices, useTitle } from './live.ts';

/** notices before the walltime's end, seconds */
const WARN = [SOON, 300];

function LiveSessions(first: SessionsView) {
  const frame = useClock(first.frame);
  const api = `${frame.base}/api/v1`;
  const [{ sessions, launches }, setKnown] = useState({ sessions: first.sessions, launches: first.launches });
  const [figures, setFigures] = useState<ReadonlyMap<string, readonly Figures[]>>(new Map());
  const [lostSince, setLost] = useState<number | undefined>(undefined);
  const notices = useNotices();

  useEvery(10, async (signal) => {
    const [now, underway] = await Promise.all([
      ask<SessionsAnswer>(`${api}/sessions`, { signal }),
      ask<LaunchesAnswer>(`${api}/launches`, { signal }),
    ]);
    if (signal.aborted) return;
    setLost((since) => (now.ok && underway.ok ? undefined : (since ?? frame.now)));
    if (now.ok && underway.ok) setKnown(forCards(now.value.sessions, underway.value.launches, frame.now));
  });
  useEvery(30, async (signal) => {
    const ready = sessions.filter(({ phase }) => phase === 'ready');
    const found = await Promise.all(
      ready.map(async ({ id }) => [id, await ask<FiguresView>(`${api}/sessions/${id}/figures`, { signal })] as const),
    );
    if (!signal.aborted)
      setFigures(new Map(found.flatMap(([id, one]) => (one.ok ? [[id, one.value.figures] as const] : []))));
  });
  const told = useRef(new Set<string>());
  useEffect(() => {
    for (const { id, phase, endsAt, repo } of sessions) {
      if (phase !== 'ready' || endsAt === undefined) continue;
      const passed = WARN.filter((seconds) => endsAt - frame.now <= seconds).at(-1);
      const tag = `${id} ${endsAt} ${passed}`;
      if (passed === undefined || told.current.has(tag)) continue;
      told.current.add(tag);
      notices.tell(
        `Ends at ${clock(endsAt, frame.now)}`,
        `${repo.shown}: save what you need. The work directory is kept.`,
        tag,
      );
    }
  });
  useTitle(sessionsTitle(sessions));
  const view = { ...first, frame, sessions, launches, figures, ...(lostSince === undefined ? {} : { lostSince }) };
  return html`<${SessionsPage} ...${view} tell=${html`<${NoticeButton} notices=${notices} words="Tell me before one ends" />`} />`;
}

takeOver(LiveSessions);
