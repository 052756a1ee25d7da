/** Who may still come in, when nobody asks just now. */
import { describe, expect, it } from '@jest/globals';
import { mayEnter } from '../../../server/sign-in/index.ts';
import type { State } from '../../../server/state/index.ts';
import { Rig } from '../state/rig.ts';

const RULES = {
  map: new Map([
    ['alice@campus', 'alice'],
    ['superuser', 'root'],
  ]),
  pattern: /^([a-z]+)@hpc$/,
  admins: [],
};

describe('an account may still be entered', () => {
  it.each<[string, string, string[], boolean]>([
    ['that the map names, as whomever it came in', 'alice', ['alice@elsewhere'], true],
    ['by the pattern, by the identity that it came in with', 'bob', ['bob@hpc'], true],
    ['by one of several identities', 'bob', ['bob@elsewhere', 'bob@hpc'], true],
    ['of which no identity is known: in doubt', 'carol', [], true],
    ['not by an identity that is another account’s', 'bob', ['carol@hpc'], false],
    ['not by an identity that has no account any more', 'bob', ['bob@elsewhere'], false],
    ['not as root, whatever the map says', 'root', ['superuser'], false],
  ])('%s', (_what, account, identities, may) => {
    expect(mayEnter(RULES, account, identities)).toBe(may);
  });
});

it('identities are those of the last sign-in, of logins and of tokens, and of no other account', () => {
  const rig = new Rig();
  try {
    const state: State = rig.open();
    const expires = new Date(rig.clock.getTime() + 3_600_000).toISOString();
    const login = (account: string, shown: string, id: string) =>
      state.logins.create({ account, shown, roles: ['user'] }, { id, xsrf: 'x', expires });
    login('alice', 'alice@first', 'a'.repeat(64));
    login('alice', 'alice@last', 'b'.repeat(64));
    login('bob', 'bob@hpc', 'c'.repeat(64));
    state.tokens.create({
      account: 'alice',
      shown: 'alice@token',
      hash: 'd'.repeat(64),
      name: 'x',
      scopes: ['read'],
      expires,
    });
    expect(state.logins.identities('alice').sort()).toEqual(['alice@first', 'alice@last', 'alice@token']);
    expect(state.logins.identities('nobody')).toEqual([]);
  } finally {
    rig.remove();
  }
});
