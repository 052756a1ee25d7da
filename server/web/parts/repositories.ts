/** The user's own tokens for private repositories: which hosts have one, a form for another. A token is never shown. */
import { html } from 'htm/preact';
import { type Fault, FaultBox, type Frame, Xsrf } from './frame.ts';
import { said } from './words.ts';

export type RepositoriesView = { frame: Frame; tokens: readonly { host: string; user: string }[]; fault?: Fault };

export function RepositoriesPage({ frame, tokens, fault }: RepositoriesView) {
  return html`<h1>Private repositories</h1>
    <p>A token that may read your repositories at a host opens them here too, for you alone: make one there with the right to read and nothing else. It is kept in your own home directory on the cluster, in <code>.local/state/hpcbinder/git-credentials</code>, and tried only where a repository cannot be read without it.</p>
    ${fault && html`<${FaultBox} fault=${fault} />`}
    ${
      tokens.length > 0
        ? html`<div class="wide" tabindex="0" role="region" aria-label="Hosts with a token of yours"><table><thead><tr><th>Host</th><th>Your name there</th><th><span class="hidden">Forget</span></th></tr></thead><tbody>${tokens.map(
            ({ host, user }) => html`<tr key=${host}><td>${said(host, 80)}</td><td>${said(user, 80)}</td>
            <td><form method="post" action="${frame.base}/repositories/${encodeURIComponent(host)}/forget"><${Xsrf} frame=${frame} /><button class="bad" aria-label="Forget the token for ${said(host, 80)}">Forget</button></form></td></tr>`,
          )}</tbody></table></div>`
        : html`<p class="dim">There is none.</p>`
    }
    <form method="post" action="${frame.base}/repositories" autocomplete="off"><${Xsrf} frame=${frame} /><fieldset><legend>Token for a host</legend>
      <div class="field"><label for="host">Host</label><input id="host" name="host" required maxlength="255" placeholder="github.com" autocapitalize="none" spellcheck="false" /></div>
      <div class="field"><label for="user">Your name there <span class="dim">(GitHub and GitLab need none)</span></label><input id="user" name="user" maxlength="255" autocapitalize="none" spellcheck="false" /></div>
      <div class="field"><label for="token">Token</label><input id="token" name="token" type="password" required maxlength="4096" autocomplete="off" /></div>
      <button class="go">Keep it</button>
    </fieldset></form>`;
}
