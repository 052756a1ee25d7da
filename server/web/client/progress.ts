/** The progress page, live: events from the launch's beginning, each time the connection is made. */
import { html } from 'htm/preact';
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LaunchEvent, LaunchView } from '../../../core/endpoint.ts';
import { NOTHING_TOLD, type Story, told } from '../parts/fold.ts';
import { ProgressPage, type ProgressView, progressTitle } from '../parts/progress.ts';
import { shownOf } from '../parts/shown.ts';
import { NoticeButton, takeOver, useClock, useNotices, useTitle } from './live.ts';

/** a build may write for hours; the whole log has a page of its own */
const MOST_LINES = 5000;
/** how often what has come is drawn */
const DRAW_MS = 150;
const AGAIN_MS = 5000;

type Heard = { launch: LaunchView; story: Story; lines: readonly string[]; left: number };

function useLaunch(path: string, first: Heard): { heard: Heard; lostSince?: number } {
  const [heard, setHeard] = useState(first);
  const [lostSince, setLost] = useState<number | undefined>(undefined);
  const running = heard.launch.state === 'running';
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const source = new EventSource(path);
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
      if (event.type === 'launch' && launch.state !== 'running') source.close();
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
  }, [path, attempt]);
  return { heard, ...(lostSince === undefined || !running ? {} : { lostSince }) };
}

type TerminalOf = ComponentType<{ lines: readonly string[]; label: string; left: number }>;

/** The log: nothing of it is drawn, and the terminal not even loaded, before it is unfolded. */
function Log({ heard, page }: { heard: Heard; page: string }) {
  const [terminal, setTerminal] = useState<{ view: TerminalOf } | undefined>(undefined);
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const count = heard.left + heard.lines.length;
  const unfold = (event: Event) => {
    setOpen((event.currentTarget as HTMLDetailsElement).open);
    if (!terminal)
      void import('../parts/terminal.ts').then(({ Terminal }) => setTerminal({ view: Terminal as TerminalOf }));
  };
  const scroller = () => box.current?.querySelector('.terminal') ?? undefined;
  useEffect(() => {
    const view = scroller();
    if (view && follows.current) view.scrollTop = view.scrollHeight;
  }, [count, open, terminal]);
  const scrolled = () => {
    const view = scroller();
    if (view) follows.current = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
  };
  return html`<details class="log" onToggle=${unfold}>
    <summary>Log${count > 0 && ` (${count} lines)`}</summary>
    <div ref=${box} onScrollCapture=${scrolled}>
      ${open && (terminal ? html`<${terminal.view} lines=${heard.lines} left=${heard.left} label="Log" />` : html`<p class="dim">loading …</p>`)}
    </div>
    <p><a href=${page}>The log on a page of its own</a></p>
  </details>`;
}

function LiveProgress(first: ProgressView) {
  const frame = useClock(first.frame);
  const { id } = first.launch;
  const { heard, lostSince } = useLaunch(`${frame.base}/api/v1/launches/${id}/events`, {
    ...first,
    lines: [],
    left: 0,
  });
  const notices = useNotices();
  const before = useRef(first.launch.state);
  useTitle(progressTitle(heard));
  const { state, wanted, error } = heard.launch;
  useEffect(() => {
    if (before.current === 'running' && state === 'ready') notices.tell('Ready', shownOf(wanted), id);
    if (before.current === 'running' && state === 'failed')
      notices.tell('The launch failed', error?.message ?? shownOf(wanted), id);
    before.current = state;
  });
  const view = { frame, launch: heard.launch, story: heard.story, ...(lostSince === undefined ? {} : { lostSince }) };
  return html`<${ProgressPage} ...${view}
    log=${html`<${Log} heard=${heard} page="${frame.base}/launches/${id}/log" />`}
    tell=${html`<${NoticeButton} notices=${notices} words="Tell me when it is ready" />`} />`;
}

takeOver(LiveProgress);
