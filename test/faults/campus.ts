/**
 * The campus endpoint as a site has it, on the devcluster: the bundle installed on the login node, a service account, the sudo rule,
 * an OpenID provider, a git server; and what brings a browser of this machine to them.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { sha256 } from '../../core/canonical.ts';
import { CLUSTER, ROOT } from '../e2e/rig.ts';
import { gitServer, sh } from '../repos/git-server.ts';
import { installed, LOGIN, root } from './as-user-rig.ts';
import { addresses, answers, freePort, portOf, relay } from './relays.ts';

export const SECRET = 'a-secret-of-the-client-0123456789';
export const POLICY = '/etc/hpcbinder/serve.yaml';

/** The service and the relay beside it, and what they left. */
const KILL = "pkill -KILL -u hpcbinder -f '[h]pcbinder|dist/cli' || true";
const END = `${KILL}; pkill -KILL -f '[r]equire..net' || true; rm -rf /var/lib/hpcbinder/*`;

export type Campus = AsyncDisposable & {
  url: string;
  /** of the repository that the tests launch, as a link has it: `git/<url>/main` */
  link: string;
  /** the link of that repository with these files laid over it: name → text */
  linkWith(files: Readonly<Record<string, string>>): string;
  /** bytes that the service said, newest last */
  log(): Promise<string>;
  /** as `kill -9` and the service manager would */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** started again with this laid over the policy */
  changed(more: Record<string, unknown>): Promise<void>;
};

/** What stands before the endpoint: it is at `url`, and sends on to a port of this machine. */
export type Before = { url: string; close(): Promise<void> };

/** `more` is laid over the policy. `before`: opens a reverse proxy in front of a port of this machine. */
export async function campus(
  more: Record<string, unknown> = {},
  before?: (upstream: number) => Promise<Before>,
): Promise<Campus> {
  // of a run that was killed
  await root(`${END}; scancel -u alice; scancel -u bob`);
  const { login: address, gateway } = addresses();
  const relays: Server[] = [];
  const port = await freePort();
  relays.push(await relay('127.0.0.1', port, address, port));
  const front = await before?.(port);
  const url = front?.url ?? `http://localhost:${port}`;

  const git = await gitServer();
  const gitRelay = await relay(gateway, 0, '127.0.0.1', Number(new URL(git.url).port));
  relays.push(gitRelay);
  let repositories = 0;
  const linkWith: Campus['linkWith'] = (files) => {
    const name = repositories++ === 0 ? 'quickstart.git' : `quickstart-${repositories}.git`;
    repository(join(git.root, name), files);
    return `v2/git/${encodeURIComponent(`http://${gateway}:${portOf(gitRelay)}/${name}`)}/main`;
  };

  const provider = await openIdProvider(url);
  relays.push(await relay(gateway, provider.port, '127.0.0.1', provider.port));

  await installed();
  await root(
    'usermod -aG hpcbinder-users bob; mkdir -p /var/lib/hpcbinder /etc/hpcbinder; chown hpcbinder: /var/lib/hpcbinder; chmod 700 /var/lib/hpcbinder; usermod -d /var/lib/hpcbinder hpcbinder',
  );
  await installBundle();
  await root(
    `cat > /etc/hpcbinder/client-secret; chown hpcbinder: /etc/hpcbinder/client-secret; chmod 600 /etc/hpcbinder/client-secret`,
    SECRET,
  );
  const policy = {
    schema: 1,
    url,
    listen: `${address}:${port}`,
    ...(front ? { trusted_proxies: [gateway] } : {}),
    state_dir: '/var/lib/hpcbinder/state',
    sign_in: {
      oidc: { issuer: provider.issuer, client_id: 'hpcbinder', client_secret_file: '/etc/hpcbinder/client-secret' },
    },
    accounts: { map: { 'alice@campus': 'alice', 'bob@campus': 'bob', 'dave@campus': 'dave' }, admins: ['dave'] },
    clusters: { campus: clusterEntry() },
    repositories: { http: true, private_hosts: [gateway] },
    ...more,
  };
  const write = (changed: Record<string, unknown>) =>
    root(`cat > ${POLICY}; chmod 644 ${POLICY}`, stringify({ ...policy, ...changed }));
  await write({});
  // the provider is on this machine's loopback, which the service has as its own
  const inside = `require('net').createServer((a)=>{const b=require('net').connect(${provider.port},'${gateway}');a.pipe(b).pipe(a);a.on('error',()=>b.destroy());b.on('error',()=>a.destroy())}).listen(${provider.port},'127.0.0.1')`;
  spawnSync('docker', ['exec', '-d', LOGIN, '/opt/hpcbinder/bin/node', '-e', inside]);

  const start = async () => {
    spawnSync('docker', [
      'exec',
      '-d',
      '-u',
      'hpcbinder',
      ...environment(),
      LOGIN,
      'sh',
      '-c',
      `exec hpcbinder serve --config ${POLICY} >> /var/lib/hpcbinder/log 2>&1`,
    ]);
    if (!(await answers(port, new URL(url).host, '/health')))
      throw new Error(`${url} does not answer: ${await root('tail -5 /var/lib/hpcbinder/log')}`);
  };
  const kill = async () => void (await root(KILL));
  await start();
  return {
    url,
    link: linkWith({}),
    linkWith,
    log: () => root('cat /var/lib/hpcbinder/log'),
    kill,
    start,
    async changed(more) {
      await write(more);
      await kill();
      await start();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      // nothing knows of them any more
      await root(`scancel -u alice; scancel -u bob; ${END}; rm -rf /etc/hpcbinder`);
      for (const server of relays) server.close();
      await git.close();
      provider.close();
      await front?.close();
    },
  };
}

function repository(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder);
  spawnSync('cp', ['-R', `${join(ROOT, 'examples', 'quickstart')}/.`, folder]);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  sh(folder, 'init', '-q', '-b', 'main');
  sh(folder, 'add', '.');
  sh(folder, 'commit', '-qm', 'the quickstart');
}

/** The site's certificates and index, as an admin gives them to the service. */
function environment(): string[] {
  const wanted = /^(?:PIP_|NODE_EXTRA_CA_CERTS$|SSL_CERT_FILE$|REQUESTS_CA_BUNDLE$|https?_proxy$)/;
  const named = Object.entries(process.env).filter(([name]) => wanted.test(name));
  return [['HOME', '/var/lib/hpcbinder'], ...named].flatMap(([name, value]) => ['-e', `${name}=${value}`]);
}

/** As `devcluster up` wrote it, without the way there: the endpoint is on the login node. */
export function clusterEntry(): Record<string, unknown> {
  const config = parse(readFileSync(join(process.env.HPCBINDER_CONFIG ?? '', 'config.yaml'), 'utf8')) as {
    clusters: Record<string, Record<string, unknown>>;
  };
  const { bases } = config.clusters[CLUSTER] ?? {};
  return { image_store: '/scratch/$USER/hpcbinder/images', bases, defaults: { partition: 'gpu' } };
}

/** The real bundle, as `npm run bundle` makes it; where this program's is there already, it stays. */
async function installBundle(): Promise<void> {
  const mark = fingerprint(join(ROOT, 'dist'));
  if ((await root('cat /opt/hpcbinder/.test || true')).trim() === mark) return;
  const made = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), '--here'], { encoding: 'utf8' });
  const path = made.stdout.trim().split('\n').at(-1) ?? '';
  if (made.status !== 0) throw new Error(made.stderr);
  spawnSync('docker', ['cp', path, `${LOGIN}:/tmp/bundle.tar.gz`]);
  await root(
    `cd /tmp && rm -rf hpcbinder-* && tar xzf bundle.tar.gz && ./hpcbinder-*-linux-x64/install.sh && rm -rf hpcbinder-* bundle.tar.gz && echo ${mark} > /opt/hpcbinder/.test`,
  );
}

function fingerprint(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return sha256(paths.map((path) => `${path} ${sha256(readFileSync(path))}`).join('\n'));
}

export async function openIdProvider(base: string): Promise<{ issuer: string; port: number; close(): void }> {
  let handler: RequestListener = (_req, res) => res.end();
  const server = createHttp((req, res) => handler(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  const issuer = `http://127.0.0.1:${port}`;
  const { default: Provider } = await import('oidc-provider');
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: 'hpcbinder',
        client_secret: SECRET,
        redirect_uris: [`${base}/sign-in/callback`],
        post_logout_redirect_uris: [`${base}/sign-out`],
      },
    ],
    cookies: { keys: ['a key of the test'] },
    claims: { openid: ['sub', 'preferred_username'], profile: ['preferred_username'] },
    findAccount: (_ctx: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id }),
    }),
  });
  handler = made.callback();
  return { issuer, port, close: () => void server.close() };
}
