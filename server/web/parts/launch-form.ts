/** The launch form, of a link with everything filled in or empty. Nothing starts until it is sent. */
import { html } from 'htm/preact';
import type { Choices, Forecast, LaunchWanted } from '../../../core/endpoint.ts';
import type { Partition } from '../../../core/scheduler.ts';
import { duration, durationWord, memory, memoryWord } from '../../../core/units.ts';
import { fieldsOf } from './fields.ts';
import { ForecastLines } from './forecast.ts';
import { type Fault, FaultBox, type Frame, Xsrf } from './frame.ts';
import { beginsWith, gpusOf, gpuTypes, notOffered, type Wishes, wantsGpus } from './not-offered.ts';
import { ago, appWords, said } from './words.ts';

export type LaunchForm = {
  frame: Frame;
  wanted: Partial<LaunchWanted>;
  choices: Choices;
  /** of a link: the repository in short, and the names of its parameters that mean nothing here */
  link?: { shown: string; ignored: readonly string[] };
  /** why the last try was refused; what was typed then is in `typed` */
  fault?: Fault;
  typed?: Readonly<Record<string, string>>;
};

/** What the script adds as somebody types. */
export type Checks = {
  repo?: { ok: boolean; text: string };
  /** false: the fields stay, what was found is not known yet */
  looking?: boolean;
  /** of the field by its name */
  wrong?: Readonly<Record<string, string>>;
  /** the partition that is chosen now */
  partition?: string;
  /** what a launch would meet, or why there would be none */
  forecast?: Forecast;
  refused?: string;
  /** the page has only just come up */
  early?: boolean;
};

export function LaunchPage({ checks, ...form }: LaunchForm & { checks?: Checks }) {
  const { frame, wanted, choices, link, fault } = form;
  const begin = { ...fieldsOf(wanted), ...form.typed };
  const { defaults } = choices;
  const partitions = choices.offers?.partitions ?? [];
  const asked: Wishes = { cluster: wanted.cluster, data: wanted.data, ...begin };
  const chosen = beginsWith(choices, { ...asked, partition: checks?.partition ?? asked.partition });
  const lost = notOffered(choices, asked, chosen);
  const most = chosen && gpusOf(chosen);
  const field = (name: string, label: string, more: Record<string, unknown>, hint?: string) => html`
    <${Field} name=${name} label=${label} defaultValue=${begin[name] ?? ''} hint=${hint} wrong=${checks?.wrong?.[name]} ...${more} />`;
  return html`<form class="launch" method="post" action="${frame.base}/launch" autocomplete="off">
    <${Xsrf} frame=${frame} />
    <h1>${link ? said(link.shown, 200) : 'Launch a repository'}</h1>
    ${fault && html`<${FaultBox} fault=${fault} />`}
    ${
      link &&
      link.ignored.length > 0 &&
      html`<div class="notice wait" role="note"><p>No link can ask for this, and it is left out: ${link.ignored.map((text, at) => html`${at > 0 && ', '}<code>${said(text, 100)}</code>`)}</p></div>`
    }
    ${lost.length > 0 && html`<div class="notice wait" role="note">${lost.map((text) => html`<p>${text}</p>`)}</div>`}
    <div class="columns">
      <fieldset>
        <legend>Repository</legend>
        ${field('repo', 'Address', { type: 'text', required: true, inputmode: 'url', placeholder: 'https://github.com/org/repo', spellcheck: false })}
        ${field('ref', 'Branch, tag or commit', { type: 'text', placeholder: 'the default branch', spellcheck: false })}
        <p class="check ${checks?.repo ? (checks.repo.ok ? 'good' : 'bad') : ''}" id="repo-check" role="status">${
          checks?.looking ? 'looking it up …' : said(checks?.repo?.text)
        }</p>
        <${Opens} choices=${choices} asked=${begin.app || undefined} />
        ${field('path', 'Notebook, file or page to open', { type: 'text', placeholder: 'what the app opens by itself', spellcheck: false })}
        ${
          choices.data.length > 0 &&
          html`<fieldset class="inline"><legend>Data, read-only</legend>${choices.data.map(
            ({ name, path, cluster }) =>
              html`<label><input type="checkbox" name="data" value=${name} data-cluster=${cluster} defaultChecked=${wanted.data?.includes(name) ?? false} /> <code>${said(path)}</code>${cluster !== undefined && choices.clusters.length > 1 && html` <small>on ${said(cluster, 60)}</small>`}</label>`,
          )}</fieldset>`
        }
        <details class="more"><summary>More</summary>
          <label class="check-box"><input type="checkbox" name="fresh" defaultChecked=${wanted.fresh ?? false} /> Begin with a fresh copy; my earlier work directory is moved aside, not deleted</label>
          ${field('idle', 'Ends without use after', { type: 'text', placeholder: durationWord(defaults.idleSeconds ?? 3600), size: 6 }, choices.longestIdleSeconds === undefined ? undefined : `up to ${duration(choices.longestIdleSeconds)}; a busy kernel is use, an open page alone is not`)}
          ${field('account', 'Account that is charged', { type: 'text', spellcheck: false })}
          ${field('qos', 'QOS', { type: 'text', spellcheck: false })}
        </details>
      </fieldset>
      <fieldset>
        <legend>Runs on</legend>
        ${
          choices.clusters.length > 1
            ? html`<div class="field"><label for="cluster">Cluster</label><select id="cluster" name="cluster">${choices.clusters.map(
                (name) => html`<option selected=${name === choices.cluster}>${said(name, 60)}</option>`,
              )}</select><noscript><button formmethod="get" formaction="${frame.base}/" formnovalidate>Show its partitions</button></noscript></div>`
            : html`<input type="hidden" name="cluster" value=${choices.cluster} />`
        }
        ${
          partitions.length > 0
            ? html`<div class="field"><label for="partition">Partition</label>
              <select id="partition" name="partition" aria-describedby="partition-note">${partitions.map(
                (one) =>
                  html`<option value=${one.name} selected=${one === chosen} disabled=${!one.up && one !== chosen}>${optionWords(one)}</option>`,
              )}</select></div>
              ${chosen && html`<p class="dim" id="partition-note">${partitionWords(chosen)} <${Asked} frame=${frame} choices=${choices} /></p>`}`
            : html`${field('partition', 'Partition', { type: 'text', placeholder: defaults.partition ?? 'the default one', spellcheck: false })}
              <p class="notice wait" role="note">The cluster did not say in time what it offers. You can name a partition and launch all the same.</p>`
        }
        <div class="row">
          ${field('time', 'Time', { type: 'text', placeholder: durationWord(defaults.seconds ?? 7200), size: 6 }, chosen?.maxSeconds ? `up to ${duration(chosen.maxSeconds)}` : 'like 2h or 90m')}
          ${field('cpus', 'Cores', { type: 'number', min: 1, max: chosen?.cpusPerNode, placeholder: String(defaults.cpus ?? 2) }, chosen ? `of ${chosen.cpusPerNode} on a node` : undefined)}
          ${field('memory', 'Memory', { type: 'text', placeholder: memoryWord(defaults.memoryMb ?? 8192), size: 6 }, chosen ? `of ${memory(chosen.memoryMbPerNode)} on a node` : 'like 8G')}
          ${(most !== 0 || wantsGpus(begin)) && field('gpus', 'GPUs', { type: 'number', min: 0, max: most || undefined, placeholder: String(defaults.gpus ?? 0) }, most === undefined ? undefined : most > 0 ? `of ${most} on a node` : 'this partition has none')}
          ${chosen ? gpuTypes(chosen).length > 0 && html`<div class="field"><label for="gpuType">GPU type</label><select id="gpuType" name="gpuType"><option value="">any</option>${gpuTypes(chosen).map((type) => html`<option selected=${type === begin.gpuType}>${said(type, 60)}</option>`)}</select></div>` : begin.gpuType && field('gpuType', 'GPU type', { type: 'text', spellcheck: false })}
        </div>
        <div class="forecast" role="status">${checks?.forecast && html`<${ForecastLines} forecast=${checks.forecast} now=${frame.now} />`}${checks?.refused && html`<p class="bad">${said(checks.refused, 400)}</p>`}</div>
        <p class="own">This repository's code will run as you${frame.user && html` (<code>${said(frame.user.account, 40)}</code>)`} on the cluster. It sees the repository${choices.data.length > 0 && ' and the data that you tick'}, nothing else of yours.</p>
        <button class="go" disabled=${frame.drained !== undefined || checks?.early === true}>Launch</button>
      </fieldset>
    </div>
  </form>`;
}

/** The link's or the user's choice where it is offered here, else the endpoint's own. */
function Opens({ choices: { apps, defaults }, asked }: { choices: Choices; asked?: string }) {
  const [first = 'lab'] = apps;
  const chosen = apps.find((app) => app === asked) ?? apps.find((app) => app === defaults.app) ?? first;
  return html`${
    apps.length > 1
      ? html`<fieldset class="inline"><legend>Opens</legend>${apps.map(
          (app) =>
            html`<label><input type="radio" name="app" value=${app} defaultChecked=${app === chosen} /> ${appWords(app)}</label>`,
        )}</fieldset>`
      : html`<input type="hidden" name="app" value=${chosen} />`
  }${asked !== undefined && asked !== chosen && html`<p class="notice wait" role="note">${appWords(asked)} was asked for, and it is not offered here: this opens ${appWords(chosen)}.</p>`}`;
}

function Field({ name, label, hint, wrong, ...more }: { name: string; label: string; hint?: string; wrong?: string }) {
  const described = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ');
  return html`<div class="field">
    <label for=${name}>${label}</label>
    <input id=${name} name=${name} aria-describedby=${described || undefined} aria-invalid=${wrong ? 'true' : undefined} ...${more} />
    ${hint && html`<small id="${name}-hint">${hint}</small>`}
    ${wrong && html`<small class="bad" id="${name}-wrong">${said(wrong)}</small>`}
  </div>`;
}

function Asked({ frame, choices }: { frame: Frame; choices: Choices }) {
  const seconds = frame.now - (choices.offers?.askedAt ?? 0) / 1000;
  return html`<span>· asked ${ago(Math.max(0, seconds))}</span>`;
}

const freeGpus = (one: Partition) => Object.values(one.free?.gpus ?? {}).reduce((sum, count) => sum + count, 0);

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** One line of the choice: `gpu · 7 GPUs free · up to 24 h`. */
function optionWords(one: Partition): string {
  const free = one.free === undefined ? `${one.idleNodes} nodes idle` : `${one.free.cpus} cores free`;
  return [
    said(one.name, 60),
    one.up ? (gpusOf(one) > 0 && one.free ? `${counted(freeGpus(one), 'GPU')} free` : free) : 'closed at present',
    ...(one.maxSeconds === undefined ? [] : [`up to ${duration(one.maxSeconds)}`]),
  ].join(' · ');
}

/** The same at length, of the one that is chosen. */
function partitionWords(one: Partition): string {
  const types = Object.entries(one.gpusPerNode).map(
    ([type, count]) => `${count} × ${type === '' ? 'GPU' : said(type, 60)}`,
  );
  const node = [`${one.cpusPerNode} cores`, memory(one.memoryMbPerNode), ...types].join(', ');
  const free = one.free
    ? `free now: ${[`${one.free.cpus} cores`, ...(types.length > 0 ? [counted(freeGpus(one), 'GPU')] : [])].join(', ')}`
    : `${one.idleNodes} of ${one.nodes} nodes idle`;
  return `${counted(one.nodes, 'node')} of ${node} · ${free}`;
}
