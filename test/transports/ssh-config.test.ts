import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hostConfig, parseConfig, sshConfigHosts } from '../../transports/ssh2/config.ts';
import { hopsTo } from '../../transports/ssh2/hop.ts';
import { parseSshTarget } from '../../transports/ssh2/target.ts';

function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'hb-sshconfig-')), 'config');
  writeFileSync(path, text);
  return path;
}

describe('~/.ssh/config', () => {
  it('is read with equal signs, quotes, comments and CRLF', () => {
    const lines = parseConfig('Host a # c\r\n\tUser="al ice"\r\n# no\r\nPort = 2222\n', 'f');
    expect(lines.map(({ keyword, args }) => [keyword, ...args])).toEqual([
      ['host', 'a'],
      ['user', 'al ice'],
      ['port', '2222'],
    ]);
  });

  it('gives the first value, and adds up identity files', () => {
    const path = file(
      'IdentityFile ~/.ssh/%r@%h\nHost login !other\n User alice\n IdentityFile /k/two\nHost *\n User bob\n HostName %h.hpc.example\n Port 2222\n',
    );
    expect(hostConfig(path, 'login')).toMatchObject({
      hostName: 'login.hpc.example',
      user: 'alice',
      port: 2222,
      identityFiles: [join(homedir(), '.ssh/alice@login.hpc.example'), '/k/two'],
    });
    expect(hostConfig(path, 'other')).toMatchObject({ user: 'bob' });
    expect(hostConfig(path, 'login', { user: 'carol' }).user).toBe('carol');
  });

  it('undoes a pattern by a negated one', () => {
    const path = file('Host *.example !bad.example\n User alice\n');
    expect(hostConfig(path, 'good.example').user).toBe('alice');
    expect(hostConfig(path, 'bad.example').user).toBeUndefined();
  });

  it('follows Include, also by wildcard and inside a Host block', () => {
    const path = file('Host in\n Include parts/*.conf\nHost *\n User last\n');
    mkdirSync(join(path, '../parts'));
    writeFileSync(join(path, '../parts/a.conf'), 'User included\nHost deeper\n');
    expect(hostConfig(path, 'in').user).toBe('included');
    expect(hostConfig(path, 'out').user).toBe('last');
    expect(sshConfigHosts(path)).toEqual(['in', 'deeper']);
  });

  it('understands Match where it needs no command', () => {
    const path = file('Match originalhost a,b user *,!root\n Port 7\nMatch all\n Port 8\n');
    expect(hostConfig(path, 'a', { user: 'x' }).port).toBe(7);
    expect(hostConfig(path, 'a', { user: 'root' }).port).toBe(8);
  });

  it('names the line of what it cannot follow, and only where it applies', () => {
    const path = file('Host gate\n ProxyCommand nc %h %p\nMatch originalhost m exec "true"\n User x\n');
    expect(() => hostConfig(path, 'gate')).toThrow(/line 2: "ProxyCommand"/);
    expect(() => hostConfig(path, 'm')).toThrow(/line 3: "Match exec"/);
    expect(hostConfig(path, 'other').user).toBeUndefined();
  });

  it('makes a chain of ProxyJump, and ends a circle', () => {
    const path = file(
      'Host inner\n ProxyJump me@gate:2200\nHost gate\n HostName gate.example\n User no\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n',
    );
    expect(hopsTo({ host: 'inner', user: 'alice' }, path).map(({ user, host, port }) => [user, host, port])).toEqual([
      ['me', 'gate.example', 2200],
      ['alice', 'inner', 22],
    ]);
    expect(() => hopsTo({ host: 'a' }, path)).toThrow(/more than 8 jumps/);
    expect(hopsTo({ host: 'b', jump: { host: 'gate' } }, path)).toHaveLength(2);
  });

  it('is not there: the name is the host', () => {
    expect(hostConfig('/none/config', 'h')).toEqual({ hostName: 'h', identityFiles: [], identitiesOnly: false });
  });
});

describe('a host as typed', () => {
  it('has user, name and port', () => {
    expect(parseSshTarget('alice@login.example:2222')).toEqual({ host: 'login.example', user: 'alice', port: 2222 });
    expect(parseSshTarget('[::1]:22')).toEqual({ host: '::1', port: 22 });
    expect(parseSshTarget('login')).toEqual({ host: 'login' });
  });

  it('F-48: has a user with letters of any alphabet, or with the domain of a directory', () => {
    expect(parseSshTarget('j.döe@login')).toEqual({ host: 'login', user: 'j.döe' });
    expect(parseSshTarget('user@dom@login:22')).toEqual({ host: 'login', user: 'user@dom', port: 22 });
  });

  it.each(['DOM\\\\user@h', 'a b@h', 'a/b@h', `${'x'.repeat(65)}@h`, 'a\n@h', '@h', 'a;b@h', "a'@h"])(
    'F-48: whose user would be something else to a shell or a path is refused as %j, with what is allowed',
    (text) => {
      expect(() => parseSshTarget(text)).toThrow(
        expect.objectContaining({ code: 'E-USAGE', hint: expect.stringMatching(/may have letters|not a dash/) }),
      );
    },
  );

  it.each(['-oProxyCommand=x', 'a@-x', '-x@a', 'a;b', '$(id)@h', '`id`', 'h\n', 'h%n', 'a b', '', 'h\0', 'h:99999'])(
    'is refused as %j',
    (text) => {
      expect(() => parseSshTarget(text)).toThrow(expect.objectContaining({ code: 'E-USAGE' }));
    },
  );

  it('is refused when the config names a bad one', () => {
    expect(() => hopsTo({ host: 'x' }, file('Host x\n HostName -oProxyCommand=id\n'))).toThrow(/no host name/);
  });
});
