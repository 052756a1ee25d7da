/** What a launch would meet, in the form's words: when it starts, whether its image is there. */
import { html } from 'htm/preact';
import type { Forecast, ImageView, StartView } from '../../../core/endpoint.ts';
import { duration, size } from '../../../core/units.ts';
import { clock, epoch, said } from './words.ts';

/** the scheduler itself looks but every half minute */
const NOW_SECONDS = 60;

/** `now`, `in about 3 h (17:40)`, `nobody knows when`, `never: …`. Epoch seconds. */
export function startWords({ at, refused }: StartView, now: number): string {
  if (refused !== undefined) return `never: ${said(refused, 300)}`;
  if (at === undefined) return 'nobody knows when';
  const left = at - now;
  if (left < NOW_SECONDS) return 'now';
  const rounded = left < 3600 ? Math.ceil(left / 60) * 60 : Math.round(left / 1800) * 1800;
  return `in about ${duration(rounded)} (${clock(at, now)})`;
}

/** `ready, built Tuesday 14:02 · 410 MB`. */
export function imageWords({ state, builtAt, bytes, buildSeconds }: ImageView, now: number): string {
  const build =
    buildSeconds === undefined
      ? 'a batch job makes it'
      : `a batch job makes it, lately in about ${duration(Math.max(60, Math.round(buildSeconds / 60) * 60))}`;
  if (state === 'none') return `not built yet, as far as this page knows; ${build}`;
  const there = `built ${builtAt === undefined ? 'before' : clock(epoch(builtAt), now)}${bytes === undefined ? '' : ` · ${size(bytes)}`}`;
  if (state === 'ready') return `ready, ${there}`;
  return `of another commit, ${there}: taken where the environment is the same, else ${build}`;
}

export function ForecastLines({ forecast, now }: { forecast: Forecast; now: number }) {
  const { notes, start, image } = forecast;
  const how = start?.by === 'free nodes' ? 'by the nodes that are free' : 'as far as the scheduler can tell';
  const known = start !== undefined && start.refused === undefined && start.at !== undefined;
  return html`
    ${start && html`<p class=${start.refused === undefined ? '' : 'bad'}><span class="dim">starts</span> ${startWords(start, now)}${known && `, ${how}`}</p>`}
    ${image && html`<p><span class="dim">image</span> ${imageWords(image, now)}</p>`}
    ${notes.map((note) => html`<p key=${note} class="notice wait">${said(note, 300)}</p>`)}`;
}
