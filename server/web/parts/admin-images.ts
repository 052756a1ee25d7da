/** The admins' view of images: what is being made, and what launches last found in their users' stores. */
import { html } from 'htm/preact';
import type { BuildRow, ImageRow } from '../../../core/endpoint.ts';
import { size } from '../../../core/units.ts';
import { Table } from './table.ts';
import { ago, epoch, said, span } from './words.ts';

/** builds that are over; those on their way are all shown */
const MOST_OVER = 20;

export function BuildTable({ builds, now }: { builds: readonly BuildRow[]; now: number }) {
  const going = builds.filter(({ endedAt }) => endedAt === undefined);
  const over = builds.filter(({ endedAt }) => endedAt !== undefined).slice(0, MOST_OVER);
  return html`<p>${going.filter(({ state }) => state === 'builds').length} built at this moment, ${going.filter(({ state }) => state === 'waits').length} waiting for a place.</p>
    <${Table} name="Builds" none="Nothing was built yet." heads=${['User', 'Repository', 'Cluster', 'State', 'For', 'Asked']} rows=${[
      ...going,
      ...over,
    ].map((one) => ({
      key: one.session,
      cells: [
        said(one.account, 40),
        said(short(one.repository), 120),
        said(one.cluster, 40),
        one.state,
        took(one, now),
        ago(Math.max(0, now - epoch(one.askedAt))),
      ],
    }))} />`;
}

/** Building, or waiting for it. */
function took({ state, askedAt, begunAt, endedAt }: BuildRow, now: number): string {
  const from = state === 'waits' || begunAt === undefined ? askedAt : begunAt;
  return span(Math.max(0, (endedAt === undefined ? now : epoch(endedAt)) - epoch(from)));
}

export function ImageTable({ images, now }: { images: readonly ImageRow[]; now: number }) {
  const bytes = images.reduce((sum, one) => sum + one.bytes, 0);
  return html`<p>${images.length} image${images.length === 1 ? '' : 's'}, ${size(bytes)}: as launches last found them in their users' stores, the largest first. What was cleared away since is still listed.</p>
    <${Table} name="Images" none="No launch has made or used one yet." heads=${['User', 'Repository', 'Cluster', 'Size', 'Last used', 'Built', 'Key']} rows=${images.map(
      (one) => ({
        key: `${one.account} ${one.cluster} ${one.key}`,
        cells: [
          said(one.account, 40),
          said(`${short(one.repository)} @ ${one.commit.slice(0, 7)}`, 120),
          said(one.cluster, 40),
          size(one.bytes),
          ago(Math.max(0, now - epoch(one.usedAt))),
          ago(Math.max(0, now - epoch(one.builtAt))),
          html`<code>${one.key.slice(0, 12)}</code>`,
        ],
      }),
    )} />`;
}

const short = (url: string) => url.replace(/^https?:\/\/(?:github\.com\/)?/, '');
