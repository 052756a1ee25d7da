/** What is the user's own here: API tokens, and the data that the endpoint keeps of them. */
import { html } from 'htm/preact';
import { SCOPES, type TokenView } from '../../../core/endpoint.ts';
import { type Fault, FaultBox, type Frame, Xsrf } from './frame.ts';
import { clock, epoch, said } from './words.ts';

export type TokensView = {
  frame: Frame;
  /** the endpoint's address */
  address: string;
  tokens: readonly TokenView[];
  /** the one that was just made, in full: shown this once */
  made?: string;
  fault?: Fault;
};

const SCOPE_WORDS: Readonly<Record<string, string>> = {
  read: 'see my sessions and launches',
  launch: 'launch, extend and open',
  stop: 'stop',
  admin: 'what an admin may do',
};

export function TokensPage({ frame, address, tokens, made, fault }: TokensView) {
  const when = (iso: string | undefined, none: string) => (iso === undefined ? none : clock(epoch(iso), frame.now));
  const scopes = SCOPES.filter((scope) => scope !== 'admin' || frame.user?.roles.includes('admin'));
  return html`<h1>API tokens</h1>
    <p>For scripts, and for <code>hpcbinder launch --via ${address} …</code>. Who has a token can do here what its scopes say, as you.</p>
    ${fault && html`<${FaultBox} fault=${fault} />`}
    ${made !== undefined && html`<div class="notice good" role="status"><p><strong>Your new token.</strong> It is shown this once; keep it where you keep passwords.</p><pre class="token" tabindex="0" aria-label="The token">${made}</pre></div>`}
    ${
      tokens.length > 0
        ? html`<div class="wide" tabindex="0" role="region" aria-label="Your tokens"><table><thead><tr><th>Name</th><th>May</th><th>Made</th><th>Ends</th><th>Last used</th><th><span class="hidden">Revoke</span></th></tr></thead><tbody>${tokens.map(
            (
              token,
            ) => html`<tr key=${token.id}><td>${said(token.name, 80)}</td><td>${token.scopes.join(', ')}</td><td>${when(token.createdAt, '')}</td><td>${when(token.expires, 'never')}</td><td>${when(token.usedAt, 'not yet')}</td>
            <td><form method="post" action="${frame.base}/tokens/${token.id}/revoke"><${Xsrf} frame=${frame} /><button class="bad" aria-label="Revoke ${said(token.name, 80)}">Revoke</button></form></td></tr>`,
          )}</tbody></table></div>`
        : html`<p class="dim">You have none.</p>`
    }
    <form method="post" action="${frame.base}/tokens" autocomplete="off"><${Xsrf} frame=${frame} /><fieldset><legend>New token</legend>
      <div class="field"><label for="name">What it is for</label><input id="name" name="name" required maxlength="60" /></div>
      <fieldset class="inline"><legend>May</legend>${scopes.map(
        (scope) =>
          html`<label><input type="checkbox" name="scopes" value=${scope} checked=${scope === 'read' || scope === 'launch'} /> ${SCOPE_WORDS[scope] ?? scope}</label>`,
      )}</fieldset>
      <div class="field"><label for="days">Ends after</label><select id="days" name="days"><option value="1">1 day</option><option value="30" selected>30 days</option><option value="90">90 days</option></select></div>
      <button class="go">Make the token</button>
    </fieldset></form>`;
}

export type DataView = { frame: Frame; retentionDays: number; fault?: Fault };

export function DataPage({ frame, retentionDays, fault }: DataView) {
  return html`<h1>Your data</h1>
    ${fault && html`<${FaultBox} fault=${fault} />`}
    <p>This endpoint keeps of you: your account's name, your sessions and launches (repository, resources, times), your tokens' names, and a record of who launched, opened and stopped what. Entries older than ${retentionDays} days are deleted by themselves. Your files are on the cluster, in your own directories, and are not touched by anything here.</p>
    <h2>Take it along</h2>
    <p><a class="button" href="${frame.base}/api/v1/export" download="hpcbinder-export.json">Download all of it as JSON</a></p>
    <h2>Delete it</h2>
    <details class="confirm"><summary>Delete what is kept of me</summary><form method="post" action="${frame.base}/me/delete"><${Xsrf} frame=${frame} />
      <p>Ends your sign-ins, revokes your tokens, and forgets your sessions and launches, once none of them runs any more. The record of who did what is the site's; its lines stay until they are ${retentionDays} days old. Work directories stay.</p>
      <button class="bad">Delete it</button></form></details>`;
}
