/** The admins' page: who runs what for how long, launches, users, builds, images, audit, policy as loaded, drain, announcement. */

import { html } from 'htm/preact';
import type { AdminView, LaunchView, SessionView } from '../../../core/endpoint.ts';
import { memory } from '../../../core/units.ts';
import { BuildTable, ImageTable } from './admin-images.ts';
import { UserTable } from './admin-users.ts';
import { type Fault, FaultBox, type Frame, Xsrf } from './frame.ts';
import { shownOf } from './shown.ts';
import { type Row, Table } from './table.ts';
import { askedWords, clock, epoch, said, span, stateOf } from './words.ts';

/** those on their way are all shown */
const MOST_LAUNCHES = 50;

export type AdminPageView = { frame: Frame; admin: AdminView; fault?: Fault };

export function AdminPage({ frame, admin, fault }: AdminPageView) {
  const { sessions, launches, users, builds, images, audit, policy, drained, announcement } = admin;
  const live = sessions.filter(({ phase }) => phase !== 'ended');
  const people = new Set(live.map(({ account }) => account)).size;
  const running = launches.filter(({ state }) => state === 'running');
  const at = (iso: string) => clock(epoch(iso), frame.now);
  const post = (path: string, inside: unknown) =>
    html`<form method="post" action="${frame.base}${path}"><${Xsrf} frame=${frame} />${inside}</form>`;
  return html`<h1>Admin</h1>
    ${fault && html`<${FaultBox} fault=${fault} />`}
    <p>${live.length} live session${live.length === 1 ? '' : 's'} of ${people} user${people === 1 ? '' : 's'} · ${running.length} launch${running.length === 1 ? '' : 'es'} under way${drained !== undefined && ' · drained'}</p>
    <div class="columns">
      <section><h2>New launches</h2>${
        drained === undefined
          ? post(
              '/admin/drain',
              html`<input type="hidden" name="on" value="1" /><div class="field"><label for="why">Why none, for the users</label><input id="why" name="why" maxlength="400" placeholder="maintenance on Friday from 9:00" /></div><button>Drain: accept no launches</button>`,
            )
          : post(
              '/admin/drain',
              html`<p>None is accepted${drained && `: ${said(drained)}`}. Sessions that run go on.</p><button class="go">Accept launches again</button>`,
            )
      }</section>
      <section><h2>Announcement</h2>${post('/admin/announcement', html`<div class="field"><label for="text">On top of every page; empty: none</label><textarea id="text" name="text" rows="2" maxlength="2000">${announcement ?? ''}</textarea></div><button>Announce</button>`)}</section>
    </div>
    <h2>Sessions</h2>
    <${Table} name="Sessions" none="Nothing runs." heads=${['User', 'Repository', 'State', 'Where', 'Asked', 'For', 'Ends', '']} rows=${live.map((session) => row(session, frame))} />
    <h2>Launches</h2>
    <${Table} name="Launches" none="None was asked for yet." heads=${['User', 'What', 'State', 'Since', 'Error', '']} rows=${launches
      .slice(0, Math.max(MOST_LAUNCHES, running.length))
      .map((one) => ({
        key: one.id,
        cells: [
          said(one.account, 40),
          said(shownOf(one.wanted), 120),
          one.state,
          at(one.startedAt),
          one.error ? `${one.error.code} ${said(one.error.message, 160)}` : '',
          one.state === 'running' && cancel(one, frame),
        ],
      }))} />
    <h2>Users</h2>
    <${UserTable} users=${users} now=${frame.now} />
    <h2>Builds</h2>
    <${BuildTable} builds=${builds} now=${frame.now} />
    <h2>Images</h2>
    <${ImageTable} images=${images} now=${frame.now} />
    <h2>Audit</h2>
    <${Table} name="Audit" none="Nothing was done yet." heads=${['When', 'Who', 'What', 'On', 'Detail']} rows=${audit
      .slice(0, 100)
      .map((one, index) => ({
        key: String(index),
        cells: [
          at(one.at),
          said(one.account, 40),
          said(one.action, 60),
          said(one.session ?? one.launch, 40),
          said(one.detail, 200),
        ],
      }))} />
    <h2>Policy</h2>
    <p><code>${said(policy.file)}</code>, loaded ${at(policy.loadedAt)}</p>
    ${policy.error && html`<div class="fault" role="alert"><p><strong>The file has changed since and is wrong. What stands here is still the one before.</strong></p><pre tabindex="0">${said(policy.error, 2000)}</pre></div>`}
    <${Table} name="Policy" none="" heads=${['Setting', 'Value', 'Line']} rows=${policy.lines.map(({ key, value, line }) => ({ key, cells: [html`<code>${said(key, 120)}</code>`, said(value), line === undefined ? 'default' : String(line)] }))} />`;
}

function cancel({ id, account }: LaunchView, frame: Frame) {
  return html`<${Ending} frame=${frame} verb="Cancel" id=${id} of=${account} path="/launches/${id}/cancel" words="Ends the launch of ${said(account, 40)}, and its job where it has one. They can launch again." />`;
}

/** A click, and a second one that is meant. */
function Ending({ frame, verb, id, of, path, words }: EndingView) {
  return html`<details class="confirm"><summary aria-label="${verb} ${id.slice(3)} of ${said(of, 40)}">${verb}</summary><form method="post" action="${frame.base}${path}"><${Xsrf} frame=${frame} /><input type="hidden" name="from" value="admin" /><p>${words}</p><button class="bad">${verb} it</button></form></details>`;
}

type EndingView = { frame: Frame; verb: string; id: string; of: string; path: string; words: string };

function row(session: SessionView, frame: Frame): Row {
  const { id, account, repo, node, cluster, startedAt, endsAt } = session;
  const { word, tone } = stateOf(session);
  const stop = html`<${Ending} frame=${frame} verb="Stop" id=${id} of=${account} path="/sessions/${id}/stop" words="Ends the job of ${said(account, 40)}. Open pages are asked to save first." />`;
  return {
    key: id,
    cells: [
      said(account, 40),
      said(repo.shown, 120),
      html`<span class="badge ${tone}">${word}</span>`,
      `${said(cluster, 40)} ${said(node, 60)}`,
      askedWords(session.request, memory),
      startedAt === undefined ? '' : span(frame.now - startedAt),
      endsAt === undefined ? '' : clock(endsAt, frame.now),
      stop,
    ],
  };
}
