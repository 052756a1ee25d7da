/** The progress page, live. */
import { html } from 'htm/preact';
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ProgressPage, type ProgressView, progressTitle } from '../parts/progress.ts';
import { shownOf } from '../parts/shown.ts';
import { type Heard, useLaunch } from './heard.ts';
import { NoticeButton, takeOver, useClock, useNotices, useTitle } from './live.ts';

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
  const { heard, lostSince } = useLaunch(`${frame.base}/api/v1/launches/${id}`, {
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
  const { sooner } = first;
  const view = {
    frame,
    launch: heard.launch,
    story: heard.story,
    ...(sooner ? { sooner } : {}),
    ...(lostSince === undefined ? {} : { lostSince }),
  };
  return html`<${ProgressPage} ...${view}
    log=${html`<${Log} heard=${heard} page="${frame.base}/launches/${id}/log" />`}
    tell=${html`<${NoticeButton} notices=${notices} words="Tell me when it is ready" />`} />`;
}

takeOver(LiveProgress);
