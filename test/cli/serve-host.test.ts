/** `serve --check` looks at the machine of an endpoint: this one, with answers of sudo and files as a test says them. */
import { describe, expect, it } from '@jest/globals';
import { type Host, lookAtHost } from '../../cli/serve/host.ts';
import { parsePolicy } from '../../server/policy/index.ts';

const policy = (more = '') =>
  parsePolicy(
    `url: https://b.example.edu\nsign_in: {oidc: {issuer: https://id.example.edu, client_id: x}}\nclusters: {campus: {}}\nstate_dir: /var/lib/hpcbinder\nlimits: {sessions: 5}\n${more}`,
    'serve.yaml',
  );
const RULE = '    (%hpcbinder-users) NOPASSWD: /usr/local/libexec/hpcbinder/as-user ""\n';
/** as a login node should be */
const GOOD: Host = {
  run: (program) => (program === 'sudo' ? RULE : program === 'timedatectl' ? 'yes\n' : '3.9\n'),
  owned: () => ({ root: true, closed: true }),
  has: (command) => !command.startsWith('q') && command !== 'pbsnodes',
  uid: 3001,
};
const told = (host: Partial<Host>, more?: string) =>
  lookAtHost(policy(more), { ...GOOD, ...host })
    .filter(({ status }) => status !== 'fine')
    .map(({ status, id }) => `${status} ${id}`);

describe('the machine of an endpoint', () => {
  it.each<[string, Partial<Host>]>([
    ['', {}],
    [
      'broken endpoint.python',
      { run: (program, args) => (program === '/usr/bin/python3' ? '3.5\n' : GOOD.run(program, args)) },
    ],
    ['broken endpoint.sudo', { has: (command) => command !== 'sudo' }],
    ['broken endpoint.program', { owned: () => undefined }],
    ['broken endpoint.program', { owned: () => ({ root: true, closed: false }) }],
    ['broken endpoint.program', { owned: () => ({ root: false, closed: true }) }],
    ['broken endpoint.rule', { run: (program, args) => (program === 'sudo' ? undefined : GOOD.run(program, args)) }],
    // a rule that lets arguments in is another one
    [
      'broken endpoint.rule',
      { run: (program, args) => (program === 'sudo' ? RULE.replace(' ""', '') : GOOD.run(program, args)) },
    ],
    ['note endpoint.rule', { uid: 0 }],
    ['warning endpoint.scheduler', { has: (command) => command === 'sudo' || command === 'sbatch' }],
    [
      'warning endpoint.clock',
      { run: (program, args) => (program === 'timedatectl' ? 'no\n' : GOOD.run(program, args)) },
    ],
    [
      'note endpoint.clock',
      { run: (program, args) => (program === 'timedatectl' ? undefined : GOOD.run(program, args)) },
    ],
  ])('%s', (finding, host) => {
    expect(told(host).join()).toBe(finding);
  });

  it('needs no sudo where everything runs as one account, or the cluster is elsewhere', () => {
    const nothing: Partial<Host> = { owned: () => undefined, has: () => false };
    expect(told(nothing, 'act_as: self\n')).toEqual(['warning endpoint.scheduler']);
    const elsewhere = lookAtHost(
      parsePolicy(
        'url: https://b.example.edu\nsign_in: {oidc: {issuer: https://id.example.edu, client_id: x}}\nclusters: {far: {host: login.example.edu, identity_file: /etc/hpcbinder/key, known_hosts: /etc/hpcbinder/known_hosts}}\nlimits: {sessions: 5}\n',
        'serve.yaml',
      ),
      { ...GOOD, ...nothing },
    );
    expect(elsewhere.filter(({ status }) => status === 'broken')).toEqual([]);
  });

  it('is looked at as it is: here', () => {
    const ids = lookAtHost(policy('act_as: self\n')).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['endpoint.scheduler', 'endpoint.room', 'endpoint.clock']));
  });
});
