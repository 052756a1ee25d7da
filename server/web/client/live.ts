/** What all live pages do: take over the written page, keep time, ask again, say when the connection is lost, notify. */
import { html } from 'htm/preact';
import { type ComponentType, hydrate } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Frame } from '../parts/frame.ts';

/** The page stands already; the component takes it over with the same props, so nothing moves. */
export function takeOver<P extends object>(component: ComponentType<P>): void {
  const main = document.getElementById('main');
  const props = main?.dataset.props;
  if (!main || props === undefined) return;
  document.documentElement.classList.add('live');
  hydrate(html`<${component} ...${JSON.parse(props)} />`, main);
  busyForms();
}

/** A form that was sent says so and is not sent twice. */
function busyForms(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.target === '_blank') return;
    if (form.dataset.sent !== undefined) return event.preventDefault();
    form.dataset.sent = '';
    form.querySelector('button:not([type=button])')?.setAttribute('aria-busy', 'true');
  });
  // the way back shows the page as it was left
  addEventListener('pageshow', () => {
    for (const form of document.forms) delete form.dataset.sent;
    for (const button of document.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
  });
}

/** The frame with a clock that goes on by the server's time, whatever this machine's says. */
export function useClock(frame: Frame): Frame {
  const offset = useRef(frame.now - Date.now() / 1000).current;
  const [now, setNow] = useState(frame.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Math.round(Date.now() / 1000 + offset)), 2000);
    return () => clearInterval(timer);
  }, [offset]);
  return { ...frame, now };
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** JSON of our own API; undefined where nobody answers or what answers is no JSON of ours. 401 reloads: the sign-in is over. */
export async function ask<T>(
  path: string,
  how: { body?: object; xsrf?: string; signal?: AbortSignal } = {},
): Promise<Answer<T>> {
  const { body, xsrf, signal } = how;
  try {
    const response = await fetch(path, {
      ...(signal ? { signal } : {}),
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
      headers: {
        Accept: 'application/json',
        ...(body ? { 'Content-Type': 'application/json', 'X-Xsrftoken': xsrf ?? '' } : {}),
      },
    });
    if (response.status === 401) location.reload();
    const value = await response.json();
    return response.ok
      ? { ok: true, value }
      : {
          ok: false,
          lost: false,
          message: String(value?.error?.message ?? 'it was refused'),
          hint: value?.error?.hint,
        };
  } catch {
    return { ok: false, lost: true, message: 'the endpoint does not answer' };
  }
}

export type Answer<T> = { ok: true; value: T } | { ok: false; lost: boolean; message: string; hint?: string };

/** Runs `work` now and then every `seconds` (six times rarer in a tab that nobody looks at); one at a time. */
export function useEvery(seconds: number, work: (signal: AbortSignal) => Promise<void>): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async () => {
      clearTimeout(timer);
      await latest.current(over.signal);
      if (!over.signal.aborted) timer = setTimeout(round, seconds * (document.hidden ? 6000 : 1000));
    };
    const seen = () => {
      if (!document.hidden) void round();
    };
    void round();
    document.addEventListener('visibilitychange', seen);
    return () => {
      over.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [seconds]);
}

const WISH = 'hpcbinder-notify';

/** The wish to be notified, kept in this browser; asked for by a click, never by itself. */
export function useNotices(): {
  wanted: boolean;
  possible: boolean;
  ask(): void;
  tell(title: string, body: string, tag: string): void;
} {
  const possible = 'Notification' in window && isSecureContext && Notification.permission !== 'denied';
  const [wanted, setWanted] = useState(false);
  // after the first picture, which must be the one that the server has drawn
  useEffect(
    () => setWanted(possible && Notification.permission === 'granted' && localStorage.getItem(WISH) === 'yes'),
    [possible],
  );
  return {
    wanted,
    possible,
    ask: () => {
      if (wanted) {
        localStorage.removeItem(WISH);
        return setWanted(false);
      }
      void Notification.requestPermission().then((answer) => {
        if (answer === 'granted') localStorage.setItem(WISH, 'yes');
        setWanted(answer === 'granted');
      });
    },
    tell: (title, body, tag) => {
      if (wanted) new Notification(title, { body, tag });
    },
  };
}

export function NoticeButton({ notices, words }: { notices: ReturnType<typeof useNotices>; words: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(true), []);
  if (!shown || !notices.possible) return null;
  return html`<button type="button" class="plain" aria-pressed=${notices.wanted} onClick=${notices.ask}>${notices.wanted ? `✓ ${words}` : words}</button>`;
}
