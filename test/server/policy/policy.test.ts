import { describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../../core/errors.ts';
import { explain } from '../../../server/policy/explain.ts';
import { parsePolicy } from '../../../server/policy/parse.ts';
import { read } from '../../sources.ts';
import { least } from './example.ts';

const parse = (text: string) => parsePolicy(text, 'serve.yaml');
const refusal = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof HpcbinderError)) throw error;
    expect(error.code).toBe('E-POLICY');
    return `${error.message} | ${error.hint ?? ''}`;
  }
  throw new Error('it was accepted');
};

describe('the policy file', () => {
  it('needs an address, a way to sign in and a cluster, and has a default for all else', () => {
    const policy = parse(least);
    expect(policy.url).toBe('https://binder.example.edu/');
    expect(policy.limits.perUser).toBe(5);
    expect(policy.retentionSeconds).toBe(180 * 86400);
    expect(policy.actAs).toBe('sudo');
    expect(policy.repositories.http).toBe(false);
    expect(policy.sessions).toBe('wildcard');
    for (const { key, value } of explain(policy)) expect([key, value]).toEqual([key, expect.stringMatching(/\S/)]);
  });

  it.each([
    ['limits: {per_users: 3}', /^serve\.yaml:\d+:10: unknown key "per_users" in "limits" \| Did you mean "per_user"\?/],
    ['limits: {per_user: many}', /^serve\.yaml:\d+:20: "limits\.per_user" must be a whole number/],
    ['limits: {per_user: -1}', /must be a whole number from 0/],
    ['ceilings: {time: forever}', /^serve\.yaml:\d+:18: "ceilings\.time": "forever" is no duration/],
    ['ceilings: {memory: 1}\nceilings: {gpus: 1}', /unique/],
    ['retention: 3 moons', /is no duration/],
    ['rate: {launches: 20/h}', /is no rate \| Write it like 20 per 1h/],
    ['repositories: {ban: ["^github\\\\.com"]}', /is no pattern of repositories/],
    ['repositories: {private_hosts: ["https://x"]}', /the name of a host/],
    ['repositories: {settings: [{sessions: 3}]}', /"repositories\.settings\[0\]\.match" is missing/],
    ['apps: [vscode]', /must be one of lab, notebook/],
    [
      'apps: [lab]\ndefaults: {app: notebook}',
      /^serve\.yaml:\d+: "defaults\.app" is notebook, which is not under apps/,
    ],
    ['defaults: {cluster: campsu}', /names "campsu", which is not under clusters \| Did you mean "campus"\?/],
    ['data: {era5: {path: data/era5}}', /must be an absolute path/],
    ['data: {era5: {at: /data/era5}}', /"data\.era5\.path" is missing/],
    ['trusted_proxies: [10.0.0.0/8]', /must be an IP address/],
    ['listen: "8443"', /no address to listen at/],
    ['accounts: {pattern: "(.*)@example.edu"}', /must begin with \^ and end with \$/],
    ['accounts: {pattern: "^.*@example.edu$"}', /exactly one group/],
    ['accounts: {pattern: "^(x$"}', /no regular expression/],
    ['accounts: {map: {alice@example.edu: --root}}', /must be the name of an account/],
    ['accounts: {map: {alice@example.edu: root}}', /may not be root/],
    ['accounts: {map: {alice@example.edu: 1000}}', /must be the name of an account/],
    ['tls: {cert: /etc/ssl/x.pem}', /"tls\.key" is missing/],
    ['schema: 2', /must be a whole number from 1 to 1/],
    ['banner: *x', /must be a text/],
  ])('%s ends with a place and a way out', (text, words) => {
    expect(refusal(`${least}\n${text}\n`)).toMatch(words);
  });

  it.each([
    [least.replace(/^url.*\n/m, ''), /"url" is missing/],
    [least.replace('https:', 'http:'), /no address of an endpoint/],
    [least.replace(/^sign_in.*\n/m, ''), /must have one of oidc, header and ssh/],
    [least.replace(/^clusters.*\n?/m, ''), /"clusters" is missing/],
    [
      least.replace('sign_in: {', 'sign_in: {oidc: {issuer: https://id.example.edu, client_id: x}, '),
      /one of oidc, header and ssh/,
    ],
  ])('without what it needs is refused', (text, words) => {
    expect(refusal(text)).toMatch(words);
  });

  it('tells of each key the line that set it', () => {
    const lines = new Map(explain(parse(`${least}limits:\n  sessions: 7\n`)).map((row) => [row.key, row]));
    const at = `${least}limits:\n  sessions: 7\n`.split('\n').indexOf('  sessions: 7') + 1;
    expect(lines.get('limits.sessions')).toEqual({ key: 'limits.sessions', value: '7 at once', line: at });
    expect(lines.get('limits.per_user')).toEqual({ key: 'limits.per_user', value: '5 at once' });
  });
});

describe('the example in docs/endpoint.md', () => {
  const [, example = ''] = /^## Policy$[\s\S]*?^```yaml\n([\s\S]*?)^```$/m.exec(read('docs/endpoint.md')) ?? [];
  const policy = parse(example);

  it('is read as it stands, and leaves nothing out', () => {
    expect(explain(policy).filter(({ line }) => line === undefined)).toEqual([]);
  });

  it('names the defaults as they are, where it says nothing of its own', () => {
    const own =
      /^(?:url|tls|trusted_proxies|sign_in|accounts|repositories|data|banner|clusters|defaults\.partition|defaults\.cluster)/;
    const plain = new Map(explain(parse(least)).map(({ key, value }) => [key, value]));
    for (const { key, value } of explain(policy))
      if (!own.test(key)) expect([key, value]).toEqual([key, plain.get(key)]);
  });
});
