/** Policy in words, each key with the line of the file that set it: for the admin page and `hpcbinder serve --check`. */
import { duration, memory } from '../../core/units.ts';
import { entryRows } from './entries.ts';
import type { Ceilings, Policy } from './policy.ts';
import type { Rate } from './schema.ts';

/** Without a line it is the default. */
export type PolicyLine = { key: string; value: string; line?: number };

export function explain(policy: Policy): PolicyLine[] {
  const { limits, defaults, ceilings, culling, rate, repositories, signIn, accounts, lines } = policy;
  const rows: [string, string][] = [
    ['url', policy.url],
    ['sessions', policy.sessions === 'path' ? 'path: users trust each other' : 'wildcard: an origin for each'],
    ['listen', 'path' in policy.listen ? policy.listen.path : `${policy.listen.host}:${policy.listen.port}`],
    ['tls', policy.tls === undefined ? 'by a proxy in front' : policy.tls.cert],
    ['trusted_proxies', words(policy.trustedProxies, 'none')],
    ['state_dir', policy.stateDir],
    [
      'sign_in',
      signIn.oidc
        ? `OpenID Connect at ${signIn.oidc.issuer}`
        : signIn.ssh
          ? `the SSH login of ${signIn.ssh.host}, through this page`
          : `header ${signIn.header?.name} of ${words(signIn.header?.from ?? [], 'nobody')}`,
    ],
    ['sign_in.idle', duration(signIn.idleSeconds)],
    ['sign_in.longest', duration(signIn.longestSeconds)],
    ['sign_in.tokens', duration(signIn.tokenSeconds)],
    ['accounts.map', `${accounts.map.size} identities`],
    ['accounts.pattern', accounts.pattern?.source ?? 'none'],
    ['accounts.admins', words(accounts.admins, 'none')],
    ['accounts.contact', accounts.contact ?? 'nobody'],
    [
      'act_as',
      policy.actAs === 'self'
        ? 'self: everything runs as the account of this service'
        : 'sudo: jobs run as their users',
    ],
    [
      'repositories.allow',
      words(
        repositories.allow.map(({ text }) => text),
        'all',
      ),
    ],
    [
      'repositories.ban',
      words(
        repositories.ban.map(({ text }) => text),
        'none',
      ),
    ],
    ['repositories.http', repositories.http ? 'allowed' : 'refused'],
    ['repositories.private_hosts', words(repositories.privateHosts, 'none')],
    ...repositories.tokens.map(({ match, accounts }, index): [string, string] => [
      `repositories.tokens[${index}]`,
      `${match.text}: for ${accounts === undefined ? 'everybody who may launch' : words(accounts, 'nobody')}`,
    ]),
    ...repositories.settings.map(({ match, sessions, ...own }, index): [string, string] => [
      `repositories.settings[${index}]`,
      `${match.text}: ${words([...(sessions === undefined ? [] : [`${sessions} sessions`]), ...inWords(own)], 'nothing')}`,
    ]),
    ['limits.sessions', `${limits.sessions} at once`],
    ['limits.per_user', `${limits.perUser} at once`],
    ['limits.per_repository', `${limits.perRepository} at once`],
    ['limits.launches', `${limits.launches} on their way`],
    ['limits.launches_per_user', `${limits.launchesPerUser} on their way`],
    ['limits.builds', `${limits.builds} at once`],
    ['limits.builds_per_user', `${limits.buildsPerUser} at once`],
    ['limits.build_age', duration(limits.buildAgeSeconds)],
    ['defaults.cluster', defaults.cluster],
    ['defaults.partition', defaults.partition ?? "the scheduler's"],
    ['defaults.app', defaults.app],
    ...numbers('defaults', defaults),
    ...numbers('ceilings', ceilings),
    ...[...policy.clusters].flatMap(([name, entry]) => entryRows(name, entry)),
    ...[...policy.clusters].flatMap(([name, { partitions }]) =>
      partitions === undefined
        ? [[`clusters.${name}.partitions`, 'all'] satisfies [string, string]]
        : [...partitions].map(([partition, { time, memory: mib, ...rest }]): [string, string] => [
            `clusters.${name}.partitions.${partition}`,
            words(
              inWords({
                ...rest,
                ...(time === undefined ? {} : { seconds: time }),
                ...(mib === undefined ? {} : { memoryMb: mib }),
              }),
              'as ceilings',
            ),
          ]),
    ),
    ...[...policy.clusters].flatMap(([name, { builds }]): [string, string][] =>
      builds === undefined
        ? []
        : [
            [
              `clusters.${name}.builds`,
              `by ${builds.as} for all, into ${builds.store}${builds.partition === undefined ? '' : `, on ${builds.partition}`}`,
            ],
          ],
    ),
    ...[...policy.data].map(([name, { path, at, cluster }]): [string, string] => [
      `data.${name}`,
      [path === at ? path : `${path} at ${at}`, ...(cluster === undefined ? [] : [`on ${cluster}`]), 'read-only'].join(
        ', ',
      ),
    ]),
    ['apps', words(policy.apps, 'none')],
    ['culling.idle', duration(culling.idleSeconds)],
    ['culling.longest_idle', `${duration(culling.longestIdleSeconds)}, where a user asks for it`],
    ['culling.max_age', duration(culling.maxAgeSeconds)],
    ['culling.at_once', `${culling.atOnce} in a minute`],
    ['culling.touch', culling.touch ? 'users may put it off' : 'users may not put it off'],
    ['rate.launches', `${rateWords(rate.launches)}, each user`],
    ['rate.resolve', `${rateWords(rate.resolve)}, each user`],
    ['rate.forecast', `${rateWords(rate.forecast)}, each user`],
    ['rate.sign_in', `${rateWords(rate.signIn)}, each address`],
    ['rate.requests', `${rateWords(rate.requests)}, each address`],
    ['rate.connections', `${rate.connections} at once, each address`],
    ['banner', policy.banner ?? 'none'],
    ['retention', duration(policy.retentionSeconds)],
  ];
  return rows.map(([key, value]) => {
    const line = lines.get(key);
    return { key, value, ...(line === undefined ? {} : { line }) };
  });
}

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
const rateWords = ({ count, seconds }: Rate) => `${count} per ${duration(seconds)}`;
const words = (list: readonly string[], none: string) => (list.length === 0 ? none : list.join(', '));

function inWords({ seconds, cpus, memoryMb, gpus }: Partial<Ceilings>): string[] {
  return [
    ...(seconds === undefined ? [] : [duration(seconds)]),
    ...(cpus === undefined ? [] : [counted(cpus, 'core')]),
    ...(memoryMb === undefined ? [] : [memory(memoryMb)]),
    ...(gpus === undefined ? [] : [counted(gpus, 'GPU')]),
  ];
}

function numbers(where: string, { seconds, cpus, memoryMb, gpus }: Ceilings): [string, string][] {
  return [
    [`${where}.time`, duration(seconds)],
    [`${where}.cpus`, counted(cpus, 'core')],
    [`${where}.memory`, memory(memoryMb)],
    [`${where}.gpus`, counted(gpus, 'GPU')],
  ];
}
