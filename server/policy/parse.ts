/** serve.yaml → policy: the defaults for what it does not say, and what two of its parts say together. */
import { HpcbinderError } from '../../core/errors.ts';
import { readYaml } from '../../core/schema.ts';
import { APPS } from '../../core/session.ts';
import { nearest } from '../../core/text.ts';
import { checkClusters } from './clusters.ts';
import { linesOf } from './lines.ts';
import { type Policy, resources, within } from './policy.ts';
import { type Rate, type ServedCluster, serveFile } from './schema.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const perHour = (count: number): Rate => ({ count, seconds: HOUR });
const perMinute = (count: number): Rate => ({ count, seconds: 60 });

/** Throws E-POLICY with `file:line:column` and the nearest key. */
export function parsePolicy(text: string, file: string): Policy {
  const read = readYaml(text, file, 'E-POLICY', serveFile);
  const lines = linesOf(text);
  const wrong = (key: string, message: string, hint?: string): never => {
    const at = lines.get(key);
    throw new HpcbinderError('E-POLICY', {
      message: `${file}${at === undefined ? '' : `:${at}`}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const needed = <T>(key: string, value: T | undefined, hint: string): T =>
    value ?? wrong(key.split('.')[0] ?? key, `"${key}" is missing`, hint);

  const clusters = read.clusters ?? new Map<string, ServedCluster>();
  const [first] = clusters.keys();
  const cluster =
    read.defaults?.cluster ?? needed('clusters', first, 'Name at least one cluster: clusters: {campus: {}}');
  if (!clusters.has(cluster))
    wrong(
      'defaults.cluster',
      `"defaults.cluster" names "${cluster}", which is not under clusters`,
      near(cluster, clusters),
    );
  const { oidc, header, ssh, idle = 12 * HOUR, longest = 7 * DAY, tokens = 90 * DAY } = read.sign_in ?? {};
  if ([oidc, header, ssh].filter((way) => way !== undefined).length !== 1)
    wrong(
      'sign_in',
      '"sign_in" must have one of oidc, header and ssh',
      'One says who somebody is; two could disagree.',
    );
  const ceilings = {
    seconds: read.ceilings?.time ?? DAY,
    cpus: read.ceilings?.cpus ?? 64,
    memoryMb: read.ceilings?.memory ?? 256 * 1024,
    gpus: read.ceilings?.gpus ?? 4,
  };
  const apps = read.apps ?? APPS;
  const app = read.defaults?.app ?? apps[0] ?? wrong('apps', '"apps" is empty', `Apps: ${APPS.join(', ')}.`);
  if (!apps.includes(app)) wrong('defaults.app', `"defaults.app" is ${app}, which is not under apps`);
  const { limits = {}, culling = {}, rate = {}, repositories = {} } = read;
  const policy: Policy = {
    file,
    url: needed('url', read.url, 'The address of the endpoint: url: https://binder.hpc.example.edu'),
    sessions: read.sessions ?? 'wildcard',
    listen: read.listen ?? { host: '127.0.0.1', port: 8443 },
    tls:
      read.tls === undefined
        ? undefined
        : {
            cert: needed('tls.cert', read.tls.cert, 'A file with the chain.'),
            key: needed('tls.key', read.tls.key, 'A file with the key.'),
          },
    trustedProxies: read.trusted_proxies ?? [],
    stateDir: read.state_dir ?? '/var/lib/hpcbinder',
    signIn: {
      oidc: oidc && {
        issuer: needed('sign_in.oidc.issuer', oidc.issuer, 'The address of the provider.'),
        clientId: needed('sign_in.oidc.client_id', oidc.client_id, 'As the provider registered this endpoint.'),
        clientSecretFile: oidc.client_secret_file,
        scopes: oidc.scopes ?? ['openid'],
        accountClaim: oidc.account_claim ?? 'preferred_username',
      },
      header: header && {
        name: needed('sign_in.header.name', header.name, 'The header that the proxy sets, as X-Remote-User.'),
        from: needed('sign_in.header.from', header.from, 'The address of the proxy: nobody else is believed.'),
        secret: header.secret && {
          header: needed('sign_in.header.secret', header.secret.header, 'The header that only the proxy can send.'),
          file: needed('sign_in.header.secret', header.secret.file, 'The file that holds its value.'),
        },
      },
      ssh: ssh && {
        host: needed('sign_in.ssh.host', ssh.host, 'The login node whose sshd is asked.'),
        port: ssh.port ?? 22,
        knownHosts: needed('sign_in.ssh.known_hosts', ssh.known_hosts, 'The file that holds its host key.'),
      },
      idleSeconds: idle,
      longestSeconds: longest,
      tokenSeconds: tokens,
    },
    accounts: {
      map: read.accounts?.map ?? new Map(),
      pattern: read.accounts?.pattern,
      admins: read.accounts?.admins ?? [],
      contact: read.accounts?.contact,
    },
    actAs: read.act_as ?? 'sudo',
    clusters,
    repositories: {
      allow: repositories.allow ?? [],
      ban: repositories.ban ?? [],
      http: repositories.http ?? false,
      privateHosts: repositories.private_hosts ?? [],
      tokens: (repositories.tokens ?? []).map(({ match, file, user, accounts }, index) => ({
        match: needed(`repositories.tokens[${index}].match`, match, 'The repositories that it opens.'),
        file: needed(`repositories.tokens[${index}].file`, file, 'The file that holds the token alone, mode 0600.'),
        user: user ?? 'oauth2',
        ...(accounts === undefined ? {} : { accounts }),
      })),
      settings: (repositories.settings ?? []).map(({ match, sessions, ...own }, index) => ({
        match: needed(`repositories.settings[${index}].match`, match, 'The repositories that it is about.'),
        ...(sessions === undefined ? {} : { sessions }),
        ...resources(own),
      })),
    },
    limits: {
      sessions: limits.sessions ?? 500,
      perUser: limits.per_user ?? 5,
      perRepository: limits.per_repository ?? 100,
      launches: limits.launches ?? 50,
      launchesPerUser: limits.launches_per_user ?? 3,
      builds: limits.builds ?? 8,
      buildsPerUser: limits.builds_per_user ?? 2,
      buildAgeSeconds: limits.build_age ?? 2 * HOUR,
    },
    defaults: {
      ...within({ seconds: 2 * HOUR, cpus: 2, memoryMb: 8192, gpus: 0, ...resources(read.defaults ?? {}) }, ceilings),
      cluster,
      ...(read.defaults?.partition === undefined ? {} : { partition: read.defaults.partition }),
      app,
    },
    ceilings,
    data: new Map(
      [...(read.data ?? [])].map(([name, { path, at, cluster }]) => {
        const from = needed(`data.${name}.path`, path, 'The directory on the cluster.');
        return [name, { path: from, at: at ?? from, ...(cluster === undefined ? {} : { cluster }) }];
      }),
    ),
    apps,
    culling: {
      idleSeconds: culling.idle ?? HOUR,
      longestIdleSeconds: Math.max(culling.longest_idle ?? 0, culling.idle ?? HOUR),
      maxAgeSeconds: culling.max_age ?? 7 * DAY,
      atOnce: culling.at_once ?? 20,
      touch: culling.touch ?? true,
    },
    rate: {
      launches: rate.launches ?? perHour(30),
      resolve: rate.resolve ?? perMinute(60),
      forecast: rate.forecast ?? perMinute(30),
      signIn: rate.sign_in ?? perMinute(60),
      requests: rate.requests ?? perMinute(1200),
      // a quarter of what the front takes (server/limits.ts): a class behind one address has room
      connections: rate.connections ?? 1000,
    },
    banner: read.banner,
    retentionSeconds: read.retention ?? 180 * DAY,
    lines,
  };
  checkClusters(policy, wrong);
  return policy;
}

function near(name: string, among: ReadonlyMap<string, unknown>): string {
  const found = nearest(name, [...among.keys()]);
  return found === undefined ? `There is: ${[...among.keys()].join(', ')}.` : `Did you mean "${found}"?`;
}
