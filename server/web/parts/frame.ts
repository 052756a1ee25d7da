/** What every page knows, and what many of them have. */
import { html } from 'htm/preact';
import type { User } from '../../../core/endpoint.ts';
import { said } from './words.ts';

export type Frame = {
  /** path of the endpoint's address, without a slash at its end: '' at the root */
  base: string;
  /** the site's name */
  site: string;
  user?: User;
  /** goes into every form, and as X-Xsrftoken with every request that changes something */
  xsrf?: string;
  /** live sessions of the user */
  live?: number;
  announcement?: string;
  /** why no launch is accepted at present */
  drained?: string;
  /** epoch seconds when the page was written */
  now: number;
};

/** The hidden field that every form which changes something carries (SECURITY WEB-05). */
export function Xsrf({ frame }: { frame: Frame }) {
  return html`<input type="hidden" name="_xsrf" value=${frame.xsrf ?? ''} />`;
}

export type Fault = { message: string; hint?: string; code?: string };

/** What went wrong and what to do: message, hint, code. */
export function FaultBox({ fault }: { fault: Fault }) {
  return html`<div class="fault" role="alert">
    <p><strong>${said(fault.message, 1000)}</strong></p>
    ${fault.hint && html`<p class="lines">${fault.hint.split('\n').map((line) => html`${said(line)}<br />`)}</p>`}
    ${fault.code && html`<p class="dim">code ${said(fault.code, 40)}</p>`}
  </div>`;
}
