/** Inventory and removal as they run on a cluster: the real programs on this machine's disk; the scheduler is a fake queue. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../../core/cluster.ts';
import { ok, unreachable } from '../../../core/command.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import type { Transport } from '../../../core/transport.ts';
import { clear } from '../../../sessions/storage/clear.ts';
import { decide } from '../../../sessions/storage/decide.ts';
import { inventoryOf } from '../../../sessions/storage/inventory.ts';
import { openTransport } from '../../../transports/index.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const LIVE = 'hb-livelively';
const OLD = new Date(Date.now() - 60 * 86_400_000);

let transport: Transport;
let root: string;
let store: string;
let sessions: string;
let live: Map<string, string>;
let silent: boolean;
beforeAll(async () => {
  transport = await openTransport('local', undefined);
});
afterAll(async () => {
  await transport[Symbol.asyncDispose]();
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hb-storage-'));
  store = join(root, 'images');
  sessions = join(root, 'state', 'sessions');
  live = new Map([[LIVE, '7']]);
  silent = false;
  for (const place of [join(store, 'contents'), join(store, 'builds'), sessions])
    mkdirSync(place, { recursive: true, mode: 0o700 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const down = unreachable(new HpcbinderError('E-SCHEDULER-DOWN', { message: 'down', transient: true }));
const cluster = (): Cluster =>
  ({
    profile: {
      host: 'here',
      uid: process.getuid?.(),
      python: 'python3',
      imageStore: store,
      stateDir: join(root, 'state'),
    },
    transport,
    scheduler: { unfinished: () => ({ command: { argv: ['true'] }, parse: () => (silent ? down : ok(live)) }) },
  }) as unknown as Cluster;

function file(path: string, text = 'x', at: Date = OLD): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
  utimesSync(path, at, at);
}

function image(key: string, at: Date = OLD): void {
  file(join(store, `${key}.sif`), 'the image', at);
  file(join(store, `${key}.seal`), 'seal', at);
  file(join(store, `${key}.json`), JSON.stringify({ schema: 1, key }), at);
}

function session(id: string, more: { sif?: string; over?: boolean } = {}): void {
  const dir = join(sessions, id);
  mkdirSync(dir, { mode: 0o700 });
  file(join(dir, 'session.json'), JSON.stringify({ sif: more.sif, phase: 'ready' }));
  file(join(dir, 'job.json'), JSON.stringify({ work: { content: join(store, 'contents', CONTENT), git: null } }));
  if (more.over) file(join(dir, 'end.json'), '{}');
  utimesSync(dir, OLD, OLD);
}
const CONTENT = `git-${'c'.repeat(40)}.tar.gz`;

async function collected(limits = { maxAgeSeconds: 30 * 86_400 }) {
  const found = await inventoryOf(cluster());
  const going = decide(found, limits, store).filter(({ goes }) => goes);
  return { found, going, cleared: await clear(cluster(), going) };
}

describe('gc on a cluster’s disk', () => {
  it('F-39: removes the old, keeps what a living session uses, and touches no name that is not ours', async () => {
    image(A);
    image(B);
    file(join(store, 'notes.txt'), 'mine');
    file(join(store, `${A}.sif.partial`));
    file(join(store, 'contents', CONTENT));
    file(join(store, 'contents', CONTENT.replaceAll('c', 'd')));
    session(LIVE, { sif: join(store, `${B}.sif`) });
    session('hb-overoverov', { sif: join(store, `${A}.sif`), over: true });
    const { found, cleared } = await collected();
    expect(found.uses.map((use) => use.session)).toEqual([LIVE]);
    expect(cleared).toMatchObject({ count: 4, kept: [], left: [] });
    expect(readdirSync(store).sort()).toEqual([
      `${B}.json`,
      `${B}.seal`,
      `${B}.sif`,
      'builds',
      'contents',
      'notes.txt',
    ]);
    expect(readdirSync(join(store, 'contents'))).toEqual([CONTENT]);
    expect(readdirSync(sessions)).toEqual([LIVE]);
  });

  it('F-39: what a launch has touched since it was listed stays; so does what is locked', async () => {
    image(A);
    image(B);
    const found = await inventoryOf(cluster());
    const going = decide(found, { maxAgeSeconds: 60 }, store).filter(({ goes }) => goes);
    expect(going).toHaveLength(2);
    utimesSync(join(store, `${A}.json`), new Date(), new Date());
    mkdirSync(join(store, `${B}.lock`));
    const { kept, count } = await clear(cluster(), going);
    expect(kept).toEqual([
      { name: A, why: 'it was used meanwhile' },
      { name: B, why: 'another hpcbinder holds it' },
    ]);
    expect(count).toBe(0);
    expect(existsSync(join(store, `${A}.json`)) && existsSync(join(store, `${B}.sif`))).toBe(true);
    expect(existsSync(join(store, `${A}.lock`))).toBe(false);
  });

  it('a session that began after the list is spared by the scheduler’s second word', async () => {
    session('hb-overoverov', { over: true });
    live = new Map();
    const found = await inventoryOf(cluster());
    const going = decide(found, { maxAgeSeconds: 60 }, store).filter(({ goes }) => goes);
    live = new Map([['hb-overoverov', '8']]);
    expect((await clear(cluster(), going)).kept).toEqual([{ name: 'hb-overoverov', why: 'its job is not over' }]);
  });

  it('nothing is listed or removed while the scheduler is silent', async () => {
    image(A);
    const found = await inventoryOf(cluster());
    silent = true;
    await expect(inventoryOf(cluster())).rejects.toMatchObject({ code: 'E-SCHEDULER-DOWN' });
    await expect(clear(cluster(), found.things)).rejects.toMatchObject({ code: 'E-SCHEDULER-DOWN' });
    expect(existsSync(join(store, `${A}.sif`))).toBe(true);
  });

  it('follows no link out of the store or of a session’s directory, and opens closed directories', async () => {
    file(join(root, 'precious', 'work.txt'), 'work');
    session('hb-overoverov', { over: true });
    const dir = join(sessions, 'hb-overoverov');
    symlinkSync(join(root, 'precious'), join(dir, 'home'));
    mkdirSync(join(dir, 'closed'));
    file(join(dir, 'closed', 'x'));
    execFileSync('chmod', ['500', join(dir, 'closed')]);
    symlinkSync(join(root, 'precious'), join(store, 'builds', 'c'.repeat(32)));
    symlinkSync(join(root, 'precious', 'work.txt'), join(store, `${A}.sif`));
    file(join(store, `${A}.json`), '{}');
    utimesSync(dir, OLD, OLD);
    const { going } = await collected();
    expect(going.map(({ name }) => name)).toEqual([`hb-overoverov`]);
    expect(existsSync(dir)).toBe(false);
    expect(readFileSync(join(root, 'precious', 'work.txt'), 'utf8')).toBe('work');
  });

  it('a name that leads elsewhere is refused by the program itself', async () => {
    file(join(root, 'state', 'outside'), 'x');
    const thing = { kind: 'session', name: '../outside', usedAt: 9e9, own: true } as const;
    expect((await clear(cluster(), [thing])).kept).toEqual([{ name: '../outside', why: 'that is no name' }]);
    expect(existsSync(join(root, 'state', 'outside'))).toBe(true);
  });

  it('empty directories go at the end, those with something in them are named', async () => {
    file(join(root, 'state', 'of-others', 'x'));
    const { left } = await clear(cluster(), [], { hollow: [store, join(root, 'state')] });
    expect(existsSync(store)).toBe(false);
    expect(left).toEqual([join(root, 'state', 'of-others', 'x')]);
  });

  it.each(['inventory', 'clear'])('%s.py is one that Python 3.6 understands', (name) => {
    const source = readFileSync(join(import.meta.dirname, `../../../sessions/storage/${name}.py`), 'utf8');
    execFileSync('python3', ['-c', 'import ast,sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))'], {
      input: source,
    });
  });
});
