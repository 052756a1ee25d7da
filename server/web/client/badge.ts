/** The badge maker, live: what is typed stands in the badge's link at once; copying by a click. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { BadgePage, type BadgeView, understood } from '../parts/badge.ts';
import { takeOver } from './live.ts';

function LiveBadge(first: BadgeView) {
  const [typed, setTyped] = useState(first.typed);
  const [copied, setCopied] = useState<string | undefined>(undefined);
  useEffect(() => {
    const main = document.getElementById('main');
    const form = document.querySelector<HTMLFormElement>('form.badge-form');
    const read = () => {
      if (!form) return;
      const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const);
      setTyped(Object.fromEntries(entries));
      setCopied(undefined);
    };
    const click = ({ target }: MouseEvent) => {
      const name = target instanceof HTMLElement ? target.dataset.copy : undefined;
      const text = target instanceof HTMLElement ? target.closest('.snippet')?.querySelector('pre') : undefined;
      if (name === undefined || !text) return;
      void navigator.clipboard?.writeText(text.textContent ?? '').then(() => setCopied(name));
    };
    form?.addEventListener('input', read);
    main?.addEventListener('click', click);
    return () => {
      form?.removeEventListener('input', read);
      main?.removeEventListener('click', click);
    };
  }, []);
  const { wanted: _, fault: __, ...rest } = first;
  const view = { ...rest, typed, ...understood(typed) };
  return html`<${BadgePage} ...${view} copied=${copied} />`;
}

takeOver(LiveBadge);
