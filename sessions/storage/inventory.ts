/** What lies on a cluster, and what the living sessions use of it: told by one program there, with progress. */
import { readFileSync } from 'node:fs';
import type { Cluster } from '../../core/cluster.ts';
import { endedInWords, orThrow, succeeded, textOf } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { type Fields, isFields, parseFields } from '../../core/json.ts';
import { lines } from '../../core/lines.ts';
import { lastLines } from '../../core/text.ts';
import { ask } from '../../core/transport.ts';

/** image: a SIF with its receipt · aside: damaged or replaced · orphan: half an image · room: where a build works · modes: how builds went. */
export const KINDS = [
  'image',
  'aside',
  'orphan',
  'partial',
  'lock',
  'content',
  'build',
  'room',
  'modes',
  'session',
] as const;
export type Kind = (typeof KINDS)[number];

export type Thing = {
  kind: Kind;
  /** an image's key, a session's id, else the name below the store */
  name: string;
  /** epoch seconds of the last sign of use, by the cluster's clock */
  usedAt: number;
  /** belongs to the user who asks */
  own: boolean;
  /** absent where counting took too long */
  bytes?: number;
  /** of an image: its receipt's text */
  receipt?: string;
  /** of a build: its job's name */
  job?: string;
  /** of a session: the agent wrote why it ended */
  over?: boolean;
};

export type Use = {
  session: string;
  /** of the image and the content that it reads, absolute */
  paths: readonly string[];
  work?: string;
  over: boolean;
};

export type Inventory = {
  things: readonly Thing[];
  uses: readonly Use[];
  /** session → job, of what the scheduler says is not over */
  live: ReadonlyMap<string, string>;
  /** absent: there is no store yet */
  store?: { mode: string; own: boolean };
  /** epoch seconds by the cluster's clock */
  now: number;
};

export type InventoryHow = { on?(found: number): void; signal?: AbortSignal };

/** The scheduler is asked first: without its word nothing is known to be over. Changes nothing. */
export async function inventoryOf(cluster: Cluster, how: InventoryHow = {}): Promise<Inventory> {
  const { profile, transport, scheduler } = cluster;
  const live = orThrow(await ask(transport, scheduler.unfinished(profile.uid), how.signal));
  const things: Thing[] = [];
  let end: Fields | undefined;
  const input = { store: profile.imageStore, state: profile.stateDir, live: [...live.keys()] };
  await program(cluster, 'inventory.py', input, how.signal, (said) => {
    const thing = thingOf(said);
    if (thing) things.push(thing);
    else if (isFields(said.end)) end = said.end;
    how.on?.(things.length);
  });
  if (end === undefined) throw unreadable(profile.host);
  const { store } = end;
  return {
    things,
    live,
    uses: (Array.isArray(end.uses) ? end.uses : []).filter(isFields).map(useOf),
    now: Number(end.now),
    ...(isFields(store) ? { store: { mode: String(store.mode), own: store.own === true } } : {}),
  };
}

/** One of the two programs beside this file; each line of it is an object. */
export async function program(
  cluster: Pick<Cluster, 'transport' | 'profile'>,
  name: 'inventory.py' | 'clear.py',
  input: unknown,
  signal: AbortSignal | undefined,
  on: (said: Fields) => void,
): Promise<void> {
  const source = readFileSync(new URL(name, import.meta.url), 'utf8');
  const { python, host } = cluster.profile;
  const take = (line: string) => {
    const said = parseFields(line);
    // what is no object is a login shell's chatter
    if (said !== undefined) on(said);
  };
  const result = await lines(
    cluster.transport,
    { argv: [python, '-I', '-c', source], stdin: `${JSON.stringify(input)}\n` },
    { on: take, ...(signal ? { signal } : {}) },
  );
  signal?.throwIfAborted();
  if (succeeded(result)) return;
  throw new HpcbinderError('E-REMOTE', {
    message: `looking at what lies on ${host} did not come to its end (${endedInWords(result.ended)})`,
    evidence: lastLines(textOf(result.stderr), 3),
    transient: result.ended.kind !== 'exit',
  });
}

function thingOf(said: Fields): Thing | undefined {
  const kind = KINDS.find((one) => one === said.kind);
  if (kind === undefined || typeof said.name !== 'string') return undefined;
  return {
    kind,
    name: said.name,
    usedAt: Number(said.usedAt),
    own: said.own === true,
    ...(typeof said.bytes === 'number' ? { bytes: said.bytes } : {}),
    ...(typeof said.receipt === 'string' ? { receipt: said.receipt } : {}),
    ...(typeof said.job === 'string' ? { job: said.job } : {}),
    ...(typeof said.over === 'boolean' ? { over: said.over } : {}),
  };
}

function useOf(said: Fields): Use {
  const paths = (Array.isArray(said.paths) ? said.paths : []).filter((path) => typeof path === 'string');
  return {
    session: String(said.session),
    paths,
    over: said.over === true,
    ...(typeof said.work === 'string' ? { work: said.work } : {}),
  };
}

function unreadable(host: string): HpcbinderError {
  return new HpcbinderError('E-REMOTE', {
    message: `what lies on ${host} could not be read to its end`,
    transient: true,
  });
}
