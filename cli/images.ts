/** `images ls` and `images show`: what the image store of a cluster holds, and who uses it. */
import { readSif, SIF_READ_BYTES, SIF_TYPE } from '../converters/sif.ts';
import { parseReceipt } from '../converters/store-questions.ts';
import type { SifReceipt } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { size } from '../core/units.ts';
import { usersOf } from '../sessions/storage/decide.ts';
import { type Inventory, inventoryOf, type Kind, type Thing } from '../sessions/storage/inventory.ts';
import { ago } from '../sessions/words.ts';
import type { Flags } from './flags.ts';
import { shortKey } from './images-words.ts';
import { Moving } from './moving.ts';
import { plain, table } from './terminal.ts';
import { withCluster } from './with-cluster.ts';
import { shortId } from './words.ts';

export function list(flags: Flags): Promise<number> {
  if (flags.local) return import('./images-local.ts').then(({ listLocal }) => listLocal(flags));
  return withCluster(flags, 'images ls --cluster USER@HOST', async (cluster) => {
    const found = await looked(cluster, flags);
    const users = usersOf(found, cluster.profile.imageStore);
    const images = found.things.filter(({ kind }) => kind === 'image').sort((a, b) => b.usedAt - a.usedAt);
    if (flags.json) {
      const rows = images.map(({ name, bytes, usedAt, receipt }) => ({
        key: name,
        bytes,
        usedAt: new Date(usedAt * 1000).toISOString(),
        sessions: users.get(name) ?? [],
        receipt: parseReceipt(receipt ?? '') ?? null,
      }));
      process.stdout.write(
        `${JSON.stringify({ store: cluster.profile.imageStore, images: rows, totals: totalsOf(found) })}\n`,
      );
      return 0;
    }
    const now = new Date(found.now * 1000);
    const rows = images.map(({ name, bytes, usedAt, receipt }) => {
      const made = parseReceipt(receipt ?? '');
      return [
        shortKey(name),
        made ? madeFrom(made) : 'its receipt cannot be read',
        size(bytes ?? 0),
        made ? ago(new Date(made.builtAt), now) : '?',
        ago(new Date(usedAt * 1000), now),
        (users.get(name) ?? []).map(shortId).join(' '),
      ];
    });
    if (rows.length > 0)
      process.stdout.write(`${table(['KEY', 'MADE FROM', 'SIZE', 'MADE', 'LAST USED', 'SESSIONS'], rows)}\n`);
    process.stderr.write(plain(`${inWords(found)} in ${cluster.profile.host}:${cluster.profile.imageStore}\n`));
    return 0;
  });
}

async function looked(cluster: Cluster, flags: Flags): Promise<Inventory> {
  using moving = new Moving({ quiet: flags.json === true });
  return await inventoryOf(cluster, {
    on: (count) => moving.tell(`looking at ${cluster.profile.host}: ${count} found`),
  });
}

function madeFrom({ repo, commit }: SifReceipt): string {
  const shown = repo.replace(/^https:\/\/(?:github\.com\/)?/, '').replace(/\.git$/, '');
  return commit ? `${shown} @ ${commit.slice(0, 7)}` : shown;
}

export type Totals = Readonly<
  Record<'images' | 'leftovers' | 'contents' | 'sessions', { count: number; bytes: number }>
>;

const GROUPS: Readonly<Record<Kind, keyof Totals>> = {
  image: 'images',
  aside: 'leftovers',
  orphan: 'leftovers',
  partial: 'leftovers',
  lock: 'leftovers',
  build: 'leftovers',
  room: 'leftovers',
  modes: 'leftovers',
  content: 'contents',
  session: 'sessions',
};

export function totalsOf({ things }: Pick<Inventory, 'things'>): Totals {
  const sum = (group: keyof Totals) => {
    const all = things.filter(({ kind }) => GROUPS[kind] === group);
    return { count: all.length, bytes: all.reduce((total, { bytes }) => total + (bytes ?? 0), 0) };
  };
  return { images: sum('images'), leftovers: sum('leftovers'), contents: sum('contents'), sessions: sum('sessions') };
}

/** `3 images, 552 MB · 2 contents, 3 kB · 12 directories of sessions, at least 4 MB` */
export function inWords(found: Pick<Inventory, 'things'>): string {
  const totals = totalsOf(found);
  const uncounted = found.things.some(({ kind, bytes }) => kind === 'session' && bytes === undefined);
  const part = (count: number, bytes: number, one: string, many: string, least = '') =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}, ${least}${size(bytes)}`];
  const { images, leftovers, contents, sessions } = totals;
  const parts = [
    ...part(images.count, images.bytes, 'image', 'images'),
    ...part(leftovers.count, leftovers.bytes, 'leftover', 'leftovers'),
    ...part(contents.count, contents.bytes, 'packed content', 'packed contents'),
    ...part(
      sessions.count,
      sessions.bytes,
      'session’s directory',
      'sessions’ directories',
      uncounted ? 'at least ' : '',
    ),
  ];
  return parts.length === 0 ? 'nothing' : parts.join(' · ');
}

/** The image that a beginning of its key means. */
export function chosen(images: readonly Thing[], text: string): Thing {
  const found = images.filter(({ name }) => name.startsWith(text));
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new HpcbinderError('E-USAGE', {
    message: found.length === 0 ? `there is no image "${text}"` : `"${text}" fits ${found.length} images`,
    hint: 'hpcbinder images ls shows them.',
  });
}

export function show(text: string, flags: Flags): Promise<number> {
  return withCluster(flags, 'images show --cluster USER@HOST', async (cluster) => {
    const found = await looked(cluster, flags);
    const image = chosen(
      found.things.filter(({ kind }) => kind === 'image'),
      text,
    );
    const path = `${cluster.profile.imageStore}/${image.name}.sif`;
    const receipt = parseReceipt(image.receipt ?? '');
    const inside = await objectsOf(cluster, path, image.bytes ?? 0);
    const sessions = usersOf(found, cluster.profile.imageStore).get(image.name) ?? [];
    if (flags.json) {
      process.stdout.write(
        `${JSON.stringify({ key: image.name, path, usedAt: image.usedAt, sessions, receipt, ...inside })}\n`,
      );
      return 0;
    }
    const rows: [string, string | undefined][] = [
      ['key', image.name],
      ['where', `${cluster.profile.host}:${path}`],
      ['made from', receipt && madeFrom(receipt)],
      ['made', receipt && `${receipt.builtAt} by ${receipt.tool}`],
      ['platform', receipt?.platform],
      ['base', receipt?.base && `${receipt.base.name}@${receipt.base.digest}`],
      [
        'content',
        receipt && (receipt.contentInImage ? 'in the image: each commit has its own' : 'beside it: commits share it'),
      ],
      ['size', `${size(image.bytes ?? 0)} (${image.bytes})`],
      ['sha256', receipt?.sha256],
      ['last used', ago(new Date(image.usedAt * 1000), new Date(found.now * 1000))],
      ['sessions', sessions.join(' ')],
      ['fault', receipt ? inside.fault : 'its receipt cannot be read'],
      ...Object.entries(inside.labels).map(([name, value]): [string, string] => ['label', `${name}=${value}`]),
      ...inside.definition
        .split('\n')
        .filter(Boolean)
        .map((line): [string, string] => ['made by', line]),
    ];
    for (const [name, value] of rows) if (value) process.stdout.write(plain(`${name.padEnd(11)}${harmless(value)}\n`));
    return 0;
  });
}

type Inside = { labels: Readonly<Record<string, string>>; definition: string; fault?: string };
const MOST = 1 << 20;

/** Labels and definition as they lie in the SIF, in front of its file system. */
async function objectsOf(cluster: Cluster, path: string, bytes: number): Promise<Inside> {
  const part = async (offset: number, length: number) => {
    const parts: Uint8Array[] = [];
    for await (const one of (await cluster.transport.read(path, { offset, length })) ?? []) parts.push(one);
    return Buffer.concat(parts);
  };
  try {
    const { descriptors } = readSif(await part(0, SIF_READ_BYTES), bytes);
    const text = async (type: number) => {
      const found = descriptors.find((one) => one.type === type);
      return found && found.size <= MOST ? (await part(found.offset, found.size)).toString('utf8') : '';
    };
    const labels: unknown = JSON.parse((await text(SIF_TYPE.jsonGeneric)) || '{}');
    const pairs = Object.entries(typeof labels === 'object' && labels !== null ? labels : {});
    return { labels: flat(pairs), definition: await text(SIF_TYPE.definition) };
  } catch (error) {
    return { labels: {}, definition: '', fault: error instanceof Error ? error.message : String(error) };
  }
}

/** Apptainer nests them by architecture and app; only texts are shown. */
function flat(pairs: readonly (readonly [string, unknown])[]): Record<string, string> {
  const found = new Map<string, string>();
  const walk = (inner: readonly (readonly [string, unknown])[], depth: number) => {
    for (const [name, value] of inner) {
      if (typeof value === 'string') found.set(name, value);
      else if (typeof value === 'object' && value !== null && depth < 4) walk(Object.entries(value), depth + 1);
    }
  };
  walk(pairs, 0);
  return Object.fromEntries(found);
}
