/**
 * What a launch tells: a stream of events from its beginning, each time the connection is made. A browser has six connections for
 * us, so of all its tabs three have a stream; the others ask now and then, and get one when a tab with one is closed (SECURITY F-55).
 */
import { useEffect, useState } from 'preact/hooks';
import type { LaunchEvent, LaunchView, PhasesView } from '../../../core/endpoint.ts';
import { NOTHING_TOLD, type Story, told } from '../parts/fold.ts';
import { ask, useEvery } from './live.ts';

const STREAMS = 3;
const ASK_SECONDS = 5;
/** a build may write for hours; the whole log has a page of its own */
const MOST_LINES = 5000;
/** how often what has come is drawn */
const DRAW_MS = 150;
const AGAIN_MS = 5000;

export type Heard = { launch: LaunchView; story: Story; lines: readonly string[]; left: number };

/** `path`: of the launch in our API. */
export function useLaunch(path: string, first: Heard): { heard: Heard; lostSince?: number } {
  const [heard, setHeard] = useState(first);
  const [over, setOver] = useState(false);
  const mayStream = useStream(!over);
  const [lostSince, setLost] = useState<number | undefined>(undefined);
  const running = heard.launch.state === 'running';
  const [attempt, setAttempt] = useState(0);
  useEvery(ASK_SECONDS, async (signal) => {
    if (mayStream !== false || !running) return;
    const answer = await ask<PhasesView>(`${path}/phases`, { signal });
    if (signal.aborted) return;
    setLost((since) => (answer.ok ? undefined : (since ?? Date.now() / 1000)));
    if (!answer.ok) return;
    const { launch, events } = answer.value;
    setHeard((before) => ({ ...before, launch, story: events.reduce(told, NOTHING_TOLD) }));
  });
  useEffect(() => {
    if (!mayStream) return;
    const source = new EventSource(`${path}/events`);
    let [story, lines, left, launch] = [NOTHING_TOLD, [] as string[], 0, first.launch];
    let drawing: ReturnType<typeof setTimeout> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      drawing = undefined;
      setHeard({ launch, story, lines: [...lines], left });
    };
    source.onopen = () => {
      [story, lines, left] = [NOTHING_TOLD, [], 0];
      setLost(undefined);
    };
    source.onmessage = ({ data }) => {
      const event: LaunchEvent = JSON.parse(data);
      if (event.type === 'launch') launch = event.launch;
      else story = told(story, event);
      if (event.type === 'log') lines.push(event.line);
      if (lines.length > MOST_LINES + 500) left += lines.splice(0, lines.length - MOST_LINES).length;
      drawing ??= setTimeout(draw, DRAW_MS);
      // the stream ends with the launch; what would connect again by itself is told not to
      if (event.type === 'launch' && launch.state !== 'running') {
        source.close();
        draw();
        setOver(true);
      }
    };
    source.onerror = () => {
      setLost((since) => since ?? Date.now() / 1000);
      // an answer that is no stream ends the browser's own attempts
      if (source.readyState === EventSource.CLOSED)
        again = setTimeout(() => setAttempt((count) => count + 1), AGAIN_MS);
    };
    return () => {
      source.close();
      clearTimeout(again);
      if (drawing !== undefined) clearTimeout(drawing);
    };
  }, [path, attempt, mayStream]);
  return { heard, ...(lostSince === undefined || !running ? {} : { lostSince }) };
}

/** One of the streams that all tabs of this browser share, while it is `wanted`; undefined: that is not known yet. */
function useStream(wanted: boolean): boolean | undefined {
  const [mine, setMine] = useState<boolean | undefined>(undefined);
  useEffect(() => {
    if (!wanted) return;
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async () => {
      const got = await taken(over.signal);
      if (over.signal.aborted) return;
      setMine(got);
      if (!got) timer = setTimeout(round, ASK_SECONDS * 1000);
    };
    void round();
    return () => {
      over.abort();
      clearTimeout(timer);
      setMine(undefined);
    };
  }, [wanted]);
  return mine;
}

/** Kept until `signal`; the browser lets go of it too when the tab is closed. Browsers without locks are as if alone. */
async function taken(signal: AbortSignal): Promise<boolean> {
  if (!navigator.locks) return true;
  for (let number = 1; number <= STREAMS && !signal.aborted; number++) {
    const got = await new Promise<boolean>((resolve) => {
      const keep = (lock: Lock | null) => {
        resolve(lock !== null);
        if (!lock || signal.aborted) return undefined;
        return new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      };
      navigator.locks.request(`hpcbinder-stream-${number}`, { ifAvailable: true }, keep).catch(() => resolve(false));
    });
    if (got) return true;
  }
  return false;
}
