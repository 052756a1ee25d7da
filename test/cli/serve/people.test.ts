import { expect, it } from '@jest/globals';
import { choicesIn } from '../../../cli/serve/clusters.ts';
import { People } from '../../../cli/serve/people.ts';
import { type Policy, parsePolicy } from '../../../server/policy/index.ts';

const policyOf = (far: string) =>
  parsePolicy(
    `url: https://b.example.edu
sign_in: {oidc: {issuer: https://id.example.edu, client_id: x}}
act_as: self
clusters: {campus: {}, far: {user: hpcbinder, identity_file: /k, known_hosts: /h, ${far}}}
`,
    'serve.yaml',
  );

it('a connection serves until its cluster’s entry leads elsewhere; what the entry says of partitions changes no way', async () => {
  let policy: Policy = policyOf('host: one.example.edu');
  const opened: string[] = [];
  const people = new People(
    (account, { name, entry }) => {
      opened.push(`${account} ${entry.host ?? name}`);
      return new Promise(() => {});
    },
    () => choicesIn(policy),
  );
  const ask = async (account: string, name: string) => {
    const choice = people.choice(name);
    if (choice) void people.lend(account, choice);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const all = async () => {
    for (const [account, name] of [
      ['alice', 'campus'],
      ['alice', 'far'],
      ['bob', 'far'],
    ] as const)
      await ask(account, name);
    return opened.splice(0);
  };
  expect(await all()).toEqual(['alice campus', 'alice one.example.edu', 'bob one.example.edu']);
  expect(await all()).toEqual([]);
  policy = policyOf('host: one.example.edu, partitions: {day: {time: 6h}}, defaults: {partition: day}');
  expect(await all()).toEqual([]);
  policy = policyOf('partitions: {day: {}}, host: two.example.edu');
  expect(await all()).toEqual(['alice two.example.edu', 'bob two.example.edu']);
  policy = policyOf('host: two.example.edu, bases: {"3.12": {name: registry.example.edu/python}}');
  expect(await all()).toEqual(['alice two.example.edu', 'bob two.example.edu']);
});
