/** BinderHub's own JavaScript client, unchanged, against our stream; the progress is that of a real launch on a devcluster. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import fastify, { type FastifyInstance } from 'fastify';
import { asHpcbinderError, HpcbinderError } from '../../../core/errors.ts';
import type { Progress } from '../../../core/progress.ts';
import { acceptsEvents, BinderEvents, EVENT_STREAM_HEADERS } from '../../../server/links/binder-events.ts';
import { parseLink, repoOf } from '../../../server/links/link.ts';
import { atCommit, imageName } from '../../../server/links/names.ts';

type Line = { phase?: string; message?: string; imageName?: string; [field: string]: unknown };

const CLIENT = fileURLToPath(new URL('./binder-client.mjs', import.meta.url));
const SHA = '0123456789abcdef0123456789abcdef01234567';
const RECORDED = new URL('../../fixtures/progress/launch.jsonl', import.meta.url);
const recorded = readFileSync(RECORDED, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Progress);

/** A launch as the endpoint keeps it: events from its beginning, and those who listen. */
class Play {
  readonly said: Progress[] = [];
  readonly readers = new Set<{ on(event: Progress): void; end(): void }>();
  error: HpcbinderError | undefined;
  over = false;

  async run(breaks: boolean): Promise<void> {
    for (const event of recorded) {
      if (breaks && event.type === 'start' && event.phase === 'convert') {
        this.error = new HpcbinderError('E-CONVERT', { message: 'no room', hint: 'Make some.' });
        break;
      }
      this.said.push(event);
      for (const reader of this.readers) reader.on(event);
      if (this.said.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.over = true;
    for (const reader of this.readers) reader.end();
  }
}

let app: FastifyInstance;
let base: URL;
let launches: Map<string, Play>;
let started = 0;

beforeAll(async () => {
  launches = new Map();
  app = fastify();
  app.get('/build/:provider/*', async (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, EVENT_STREAM_HEADERS);
    const image = imageName('gh', { path: 'org/repo', url: '' }, SHA);
    const events = new BinderEvents(reply.raw, { image, keepaliveMs: 20 });
    try {
      if (!acceptsEvents(request.headers.accept))
        throw new HpcbinderError('E-LINK', { message: 'only event streams are given here' });
      const wanted = parseLink(new URL(request.url, base));
      const repo = repoOf(wanted);
      const play = launches.get(wanted.spec) ?? new Play();
      if (!launches.has(wanted.spec)) {
        launches.set(wanted.spec, play);
        started += 1;
        void play.run(repo.path === 'org/broken');
      }
      const { page, spec } = atCommit(wanted, repo, SHA);
      const end = () => {
        if (play.error !== undefined) return events.failed(play.error);
        events.ready({
          url: 'https://hb-k3f9q2x7ma.binder.example.edu/',
          token: 'once',
          image,
          repo_url: repo.url,
          binder_ref_url: page,
          binder_launch_host: 'https://binder.example.edu/',
          binder_request: `v2/gh/${wanted.spec}`,
          binder_persistent_request: `v2/gh/${spec}`,
        });
      };
      const reader = { on: (event: Progress) => events.progress(event), end };
      for (const event of play.said) reader.on(event);
      if (play.over) end();
      else play.readers.add(reader);
      reply.raw.once('close', () => play.readers.delete(reader));
    } catch (error) {
      events.failed(asHpcbinderError(error), 400);
    }
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  base = new URL(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`);
});
afterAll(async () => {
  app.server.closeAllConnections();
  await app.close();
});

/** What the client yields; with `most` it goes away after so many lines. */
async function follow(spec: string, how: { most?: number; at?: URL } = {}): Promise<Line[]> {
  const words = [
    CLIENT,
    new URL('build/', how.at ?? base).href,
    spec,
    ...(how.most === undefined ? [] : [String(how.most)]),
  ];
  const { stdout } = await execa(process.execPath, words, { timeout: 60_000 });
  return stdout.split('\n').map((line) => JSON.parse(line));
}
/** Each phase once, in the order of its first line. */
const phases = (lines: readonly Line[]) => [...new Set(lines.map(({ phase }) => phase))];
const ALL = [
  'waiting',
  'fetching',
  'building',
  'converting',
  'staging',
  'built',
  'launching',
  'queued',
  'starting',
  'ready',
];

describe('@jupyterhub/binderhub-client', () => {
  it('follows a launch from its beginning to the address, in BinderHub’s phases and ours', async () => {
    const lines = await follow('gh/org/repo/main');
    expect(phases(lines)).toEqual(ALL);
    expect(lines.filter(({ phase }) => phase === 'built')).toEqual([
      expect.objectContaining({ imageName: expect.stringMatching(/^hpcbinder-org-2drepo-[0-9a-f]{6}:[0-9a-f]{40}$/) }),
    ]);
    expect(lines.at(-1)).toEqual({
      phase: 'ready',
      message: 'server running at https://hb-k3f9q2x7ma.binder.example.edu/\n',
      url: 'https://hb-k3f9q2x7ma.binder.example.edu/',
      token: 'once',
      image: imageName('gh', { path: 'org/repo', url: '' }, SHA),
      repo_url: 'https://github.com/org/repo',
      binder_ref_url: `https://github.com/org/repo/tree/${SHA}`,
      binder_launch_host: 'https://binder.example.edu/',
      binder_request: 'v2/gh/org/repo/main',
      binder_persistent_request: `v2/gh/org/repo/${SHA}`,
    });
    for (const { message } of lines) expect(message).toMatch(/[\n\r]$/);
  });

  it('that is cut off and asks again joins the launch, sees all of it, and nothing is built twice', async () => {
    const before = started;
    const first = await follow('gh/org/again/main', { most: 5 });
    expect(first).toHaveLength(5);
    const both = await Promise.all([follow('gh/org/again/main'), follow('gh/org/again/main')]);
    for (const lines of both) expect(phases(lines)).toEqual(ALL);
    expect(both[0].slice(0, 5)).toEqual(first);
    expect(started - before).toBe(1);
  });

  it('is told of a failure in its words, and what to do', async () => {
    const lines = await follow('gh/org/broken/main');
    expect(phases(lines)).toEqual([...ALL.slice(0, ALL.indexOf('building') + 1), 'converting', 'failed']);
    expect(lines.at(-1)).toEqual({ phase: 'failed', message: 'no room\nMake some.\n', error: 'E-CONVERT' });
  });

  it('is told of a link that is refused, with the status that a plain answer would have had', async () => {
    const [line, ...rest] = await follow('gh/org/repo/a..b');
    expect(rest).toEqual([]);
    expect(line).toMatchObject({ phase: 'failed', status_code: 400, error: 'E-LINK' });
  });

  it('whose stream ends without a last word says so itself', async () => {
    const cut = fastify();
    cut.get('/build/*', (_, reply) =>
      reply.type('text/event-stream').send('data: {"phase":"building","message":"x\\n"}\n\n'),
    );
    await cut.listen({ host: '127.0.0.1', port: 0 });
    const lines = await follow('gh/o/r/x', {
      at: new URL(`http://127.0.0.1:${(cut.server.address() as AddressInfo).port}/`),
    });
    expect(lines.at(-1)).toEqual({ phase: 'failed', message: 'Event stream closed unexpectedly\n' });
    await cut.close();
  });
});
