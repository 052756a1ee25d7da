/**
 * The whole endpoint on loopback: real front, gate, sign-in by a reverse proxy's header, API tokens, policy and state. Only the
 * clusters are a fake, which writes down all that is asked of it. alice has a session, a launch that is over and one that goes on.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeptSession, LaunchGranted, Outlook, Scope, Services, ShapeView, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { type Endpoint, type EndpointOptions, openEndpoint } from '../../../server/endpoint/endpoint.ts';
import { PolicyFile } from '../../../server/policy/index.ts';
import { State } from '../../../server/state/index.ts';
import { StaticFiles } from '../../../server/web/index.ts';
import { session } from '../../sessions/example.ts';
import { transpiled } from '../web/rig.ts';

const SECRET = 'what-only-the-reverse-proxy-knows-0123456789';
/** Stands in all that is alice's and that nobody else may read. */
export const CANARY = 'canary';
export const SESSION = 'hb-alicealice';
export const LAUNCH = 'la-a11ce0a11ce0a11c';

const record: KeptSession = {
  ...session,
  id: SESSION,
  phase: 'ready',
  createdAt: new Date().toISOString(),
  repo: { shown: `org/${CANARY}-repo`, url: `https://github.com/org/${CANARY}-repo`, commit: 'c'.repeat(40) },
  directory: `/home/alice/${CANARY}-directory`,
  workDirectory: `/home/alice/${CANARY}-work`,
  address: { host: `${CANARY}-node`, port: 4711 },
  secrets: {
    ca: `${CANARY}-ca`,
    clientCert: `${CANARY}-certificate`,
    clientKey: `${CANARY}-key`,
    appToken: `${CANARY}-app-token`,
    cookieKey: 'ab'.repeat(32),
  },
};
const wanted = { provider: 'gh', spec: `org/${CANARY}-repo/HEAD` };
const granted: LaunchGranted = {
  ...wanted,
  cluster: 'campus',
  repo: { url: record.repo.url ?? '', shown: record.repo.shown },
  binds: [],
  idleSeconds: 3600,
  notes: [],
};

const MANY = '100000 per 1m';
const ROOM = `limits: {sessions: 900, per_user: 900, per_repository: 900, launches: 900, launches_per_user: 900}
rate: {launches: ${MANY}, resolve: ${MANY}, sign_in: ${MANY}, requests: ${MANY}}`;

/** `alone`: on a connection of its own. */
export type Asked = { method?: string; headers?: Record<string, string>; body?: string; alone?: boolean };
export type Told = { status: number; headers: IncomingHttpHeaders; body: string };

/** Somebody, as the headers that their browser or script sends; `xsrf`: what a click of theirs brings along. */
export type Actor = { name: string; headers: Record<string, string>; xsrf?: string };

/** What answers for alice's job; without one the fake cluster has no node. */
export type WorldAgent = {
  keys: Pick<KeptSession['secrets'], 'ca' | 'clientCert' | 'clientKey'>;
  connect: Services['connect'];
};

/**
 * `mode`: an origin for each session, or one for all; `others`: sessions beside hers, by owner; `services` in place of the fake's own;
 * `before`: what else is in the state when it begins.
 */
export type Opening = {
  options?: Pick<EndpointOptions, 'room' | 'limits'>;
  agent?: WorldAgent;
  mode?: 'wildcard' | 'path';
  others?: Readonly<Record<string, string>>;
  services?: Partial<Services>;
  before?(state: State): void;
};

const SHAPE: ShapeView = {
  by: 'scheduler',
  words: '2 h on gpu',
  shape: { partition: 'gpu', seconds: 7200, cpus: 2, memoryMb: 8192, gpus: 0 },
};

export class World {
  /** of those that are opened after, where they say nothing */
  static mode: 'wildcard' | 'path' = 'wildcard';
  readonly #directory = mkdtempSync(join(tmpdir(), 'hb-matrix-'));
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  /** what a launch on the fake cluster does at its beginning */
  began: ((user: User, how: Parameters<Services['launch']>[2]) => void) | undefined;
  /** stands in for the fake cluster's own */
  outlook: Partial<Outlook> = {};
  /** what the fake clusters were asked: verb and session */
  readonly asked: string[] = [];
  /** of alice's launch that goes on */
  running = '';
  #opened: { endpoint: Endpoint; state: State; policy: PolicyFile } | undefined;

  get #all() {
    if (!this.#opened) throw new Error('not open');
    return this.#opened;
  }
  get endpoint(): Endpoint {
    return this.#all.endpoint;
  }
  get state(): State {
    return this.#all.state;
  }
  get port(): number {
    return this.endpoint.port;
  }
  get host(): string {
    return `localhost:${this.port}`;
  }

  /** `limits`: lines of the policy; without them there is room for all that a test asks */
  async open(limits?: string, how: Opening = {}): Promise<this> {
    const { agent, mode = World.mode, others = {} } = how;
    const port = await freePort();
    const save = (name: string, text: string) => {
      writeFileSync(join(this.#directory, name), text, { mode: 0o600 });
      return join(this.#directory, name);
    };
    const policy = new PolicyFile(
      save(
        'serve.yaml',
        `url: http://localhost:${port}
listen: 127.0.0.1:${port}
sessions: ${mode}
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1], secret: {header: X-Proxy-Secret, file: ${save('secret', SECRET)}}}}
accounts: {map: {alice: alice, bob: bob, root-of-all: admina}, admins: [admina]}
clusters: {campus: {}}
${limits ?? ROOM}
`,
      ),
    );
    const state = State.open(join(this.#directory, 'state'));
    state.saveLaunch({
      id: LAUNCH,
      account: 'alice',
      wanted,
      granted,
      startedAt: record.createdAt,
      state: 'ready',
      session: SESSION,
    });
    const hers = agent ? { ...record, secrets: { ...record.secrets, ...agent.keys } } : record;
    const shared = mode === 'path' ? { ...granted, sharedOrigin: true as const } : granted;
    state.saveSession(hers, { account: 'alice', launch: LAUNCH, granted: shared });
    for (const [account, id] of Object.entries(others))
      state.saveSession({ ...record, id }, { account, granted: shared });
    how.before?.(state);
    const endpoint = await openEndpoint({
      services: { ...this.#fakeServices(), ...(agent ? { connect: agent.connect } : {}), ...how.services },
      state,
      policy,
      product: 'hpcbinder/0',
      log: () => {},
      files: new StaticFiles(transpiled),
      ...how.options,
    });
    this.#opened = { endpoint, state, policy };
    return this;
  }

  #fakeOutlook(): Outlook {
    const { asked } = this;
    const usual: Outlook = {
      start: async () => ({ by: 'scheduler', at: Math.round(Date.now() / 1000) }),
      holds: async () => true,
      sooner: async ({ account }, { id }) => {
        asked.push(`sooner ${id} ${account}`);
        return { askedAt: Math.round(Date.now() / 1000), own: SHAPE, others: [], asked: 0, canChange: true };
      },
      reshape: async ({ account }, { id }) => {
        asked.push(`reshape ${id} ${account}`);
        return undefined;
      },
    };
    const one = <K extends keyof Outlook>(name: K): Outlook[K] =>
      ((...rest: never[]) => Reflect.apply(this.outlook[name] ?? usual[name], undefined, rest)) as Outlook[K];
    return { start: one('start'), holds: one('holds'), sooner: one('sooner'), reshape: one('reshape') };
  }

  #fakeServices(): Services {
    const note =
      (verb: string) =>
      async (_user: unknown, { id }: KeptSession) => {
        this.asked.push(`${verb} ${id}`);
      };
    const until = (signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const same = (verb: string) => async (user: unknown, one: KeptSession) => {
      await note(verb)(user, one);
      return one;
    };
    const { asked } = this;
    const begins = (user: User, how: Parameters<Services['launch']>[2]) => this.began?.(user, how);
    return {
      clusters: ['campus'],
      offers: async () => ({ cluster: 'campus', partitions: [], askedAt: 0 }),
      repositoryTokens: {
        list: async ({ account }) => (account === 'alice' ? [{ host: `${CANARY}.example.edu`, user: 'alice' }] : []),
        keep: async ({ account }, { host }) => {
          asked.push(`keep a token of ${account} for ${host}`);
        },
        forget: async ({ account }, host) => {
          asked.push(`forget a token of ${account} for ${host}`);
        },
      },
      resolve: async (_user, { url }) => {
        asked.push(`resolve ${url}`);
        throw new HpcbinderError('E-REPO-MISSING', { message: 'the fake host of repositories has none' });
      },
      outlook: this.#fakeOutlook(),
      async *launch(user, _granted, how) {
        const { id, signal } = how;
        asked.push(`launch ${id} ${user.account}`);
        begins(user, how);
        yield { type: 'log', phase: 'queue', line: user.account === 'alice' ? `${CANARY}-line` : 'a line' };
        await until(signal);
        throw signal.reason;
      },
      async follow(_user, one, _how, signal) {
        await until(signal);
        return one;
      },
      refresh: async (_user, one) => one,
      stop: same('stop'),
      extend: same('extend'),
      touch: note('touch'),
      log: async (user, one) => {
        await note('log')(user, one);
        return `${CANARY}-log\n`;
      },
      reap: async () => [],
      connect: async ({ id }) => {
        asked.push(`connect ${id}`);
        throw new HpcbinderError('E-SSH-UNREACHABLE', { message: 'the fake cluster has no node' });
      },
    };
  }

  /** One request over loopback, to the endpoint's own origin where no Host is named. The body of a stream is its beginning. */
  ask(path: string, { method = 'GET', headers = {}, body, alone }: Asked = {}): Promise<Told> {
    return new Promise((resolve, reject) => {
      const asking = request({
        agent: alone ? false : this.#agent,
        host: '127.0.0.1',
        port: this.port,
        path,
        method,
        headers: {
          Host: this.host,
          ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      });
      asking.on('error', reject).on('response', (answer) => {
        const parts: Buffer[] = [];
        const done = () => {
          clearTimeout(timer);
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString('utf8'),
          });
        };
        const stream = (answer.headers['content-type'] ?? '').startsWith('text/event-stream');
        // a launch that goes on has no end: what was told until then is what is looked at
        const timer = stream ? setTimeout(() => answer.destroy(), 300) : undefined;
        answer
          .on('data', (part: Buffer) => parts.push(part))
          .on('close', done)
          .on('error', () => {});
      });
      asking.end(body);
    });
  }

  /** Through the reverse proxy, which says with every request who it is. */
  async signIn(identity: string): Promise<Actor & { cookie: string }> {
    const proxy = { 'X-Remote-User': identity, 'X-Proxy-Secret': SECRET };
    const entered = await this.ask('/sign-in', { headers: proxy });
    const cookie = (entered.headers['set-cookie'] ?? []).map((each) => each.split(';', 1)[0]).join('; ');
    const headers = { ...proxy, Cookie: cookie };
    const { account, xsrf } = JSON.parse((await this.ask('/api/v1/me', { headers })).body);
    return { name: account, headers, xsrf, cookie };
  }

  async token(of: Actor, ...scopes: Scope[]): Promise<Actor & { id: string }> {
    const { status, body } = await this.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { ...of.headers, 'X-Xsrftoken': of.xsrf ?? '', 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: `${CANARY}-${scopes.join('-')}`, scopes }),
    });
    if (status !== 201) throw new Error(body);
    const { token, id } = JSON.parse(body);
    return {
      name: `${of.name}'s token for ${scopes.join(' ')}`,
      headers: { Authorization: `Bearer ${token}` },
      id,
    };
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#opened?.endpoint.close();
    this.#opened?.policy.close();
    this.#opened?.state.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
