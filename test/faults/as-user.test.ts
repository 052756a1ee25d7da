/** What the sudo program refuses, on the devcluster's login node (docs/security.md has the table). ABU-10. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AsUserList } from '../../cli/as-user-list.ts';
import { exitCode, textOf } from '../../core/command.ts';
import { PROGRAM as PREFLIGHT } from '../../sessions/preflight.ts';
import { REMOTE_PROGRAMS } from '../../sessions/remote.ts';
import { WRITE_SMALL } from '../../transports/file-scripts.ts';
import { frameOf, type Kind } from '../../transports/sudo/frames.ts';
import { AS_USER, UserTransport } from '../../transports/sudo/index.ts';
import { at, installed, LIST, RULES, root, sudo, wayThere } from './as-user-rig.ts';

const [CREATE = '', , , REMOVE = ''] = REMOTE_PROGRAMS;
const PROGRAM = ['-n', '-u', 'alice', AS_USER];
const START = frameOf('s', 1, '{"argv": ["touch", "/tmp/as-user-was-here"]}');

/** Runs sudo with these words and frames; what it said. */
async function asked(words: readonly string[], frames: readonly Buffer[] = [START], env: readonly string[] = []) {
  const child = sudo(words, { env });
  const [out, err]: Buffer[][] = [[], []];
  child.stdout.on('data', (data: Buffer) => out?.push(data));
  child.stderr.on('data', (data: Buffer) => err?.push(data));
  child.stdin.on('error', () => undefined);
  for (const frame of frames) child.stdin.write(frame);
  const timer = setTimeout(() => child.stdin.end(), 1_500);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return { code, stdout: String(Buffer.concat(out ?? [])), stderr: String(Buffer.concat(err ?? [])) };
}

/** As the real list, with programs by which the tests see what was run. */
function withOdds(list: AsUserList): AsUserList {
  const odd = {
    touch: '/usr/bin/touch',
    env: '/usr/bin/env',
    id: '/usr/bin/id',
    sleep: '/usr/bin/sleep',
    cat: '/usr/bin/cat',
  };
  return { ...list, commands: { ...list.commands, ...odd } };
}

const verbs: readonly [Kind, Buffer][] = [
  ['s', START],
  ['i', frameOf('i', 1, 'text')],
  ['k', frameOf('k', 1, 'KILL')],
  ['c', frameOf('c', 1, Buffer.from([111, 0, 0, 1, 0]))],
];

const processes = async () => (await root('ps -eo args | grep -E "[a]s-user$|[s]leep 77.7$" || :')).trim();

async function nothingRuns(): Promise<void> {
  for (let tries = 0; tries < 50 && (await processes()) !== ''; tries++) await new Promise((on) => setTimeout(on, 100));
  expect(await processes()).toBe('');
}

describe('by the rule that `admin sudoers` prints', () => {
  beforeAll(() => installed(withOdds));
  afterAll(async () => expect(await root('ls /tmp/as-user-was-here 2>/dev/null || :')).toBe(''));

  it('visudo finds the rule in order', async () => {
    expect(await root(`visudo -c -f ${RULES}`)).toContain('parsed OK');
  });

  it('is all that the service may do by sudo', async () => {
    const { stdout } = await at('hpcbinder', ['sudo', '-n', '-l']);
    const [, rules = ''] = stdout.split('may run the following commands');
    expect(
      rules
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    ).toEqual([`(%hpcbinder-users) NOPASSWD: ${AS_USER} ""`]);
  });

  it.each([
    ['root', 'root'],
    ['uid 0', '#0'],
    ['uid -1', '#-1'],
    ['the service account, though in the group', 'hpcbinder'],
    ['an account under uid 1000, though in the group', 'toolow'],
    ['a user outside of the group', 'bob'],
  ])('each verb as %s is refused', async (_, account) => {
    for (const [, frame] of verbs) {
      const { code, stdout, stderr } = await asked(['-n', '-u', account, AS_USER], [frame]);
      expect([code === 0, stdout]).toEqual([false, '']);
      expect(stderr).toMatch(/^(sudo: |as-user: )/m);
    }
  });

  it.each([
    ['an argument', [...PROGRAM, '-c']],
    ['another program', ['-n', '-u', 'alice', '/usr/bin/id']],
    ['a shell', ['-n', '-u', 'alice', '-s']],
    ['a login shell', ['-n', '-u', 'alice', '-i']],
    ['a group', ['-n', '-u', 'alice', '-g', 'root', AS_USER]],
    ['a directory', ['-n', '-u', 'alice', '-D', '/tmp', AS_USER]],
    ['its environment', ['-n', '-E', '-u', 'alice', AS_USER]],
    ...['NODE_OPTIONS=--require=/tmp/x.js', 'PYTHONPATH=/tmp', 'LD_PRELOAD=/tmp/x.so', 'BASH_ENV=/tmp/x'].map(
      (each): [string, string[]] => [each, ['-n', '-u', 'alice', each, AS_USER]],
    ),
  ])('sudo refuses %s on its command line', async (_, words) => {
    const { code, stdout, stderr } = await asked(words);
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toMatch(/^sudo: /m);
  });

  it('the service’s own variables reach nothing', async () => {
    await root(
      "mkdir -p /tmp/odd && echo \"open('/tmp/as-user-was-here', 'w')\" | tee /tmp/odd/json.py /tmp/odd/sitecustomize.py",
    );
    const env = [
      'NODE_OPTIONS=--bad',
      'PYTHONPATH=/tmp/odd',
      'PYTHONSTARTUP=/tmp/odd/json.py',
      'BASH_ENV=/tmp/odd/json.py',
      'LD_PRELOAD=/tmp/odd/x.so',
      'HOME=/tmp/odd',
    ];
    const { stdout, stderr } = await asked(PROGRAM, [frameOf('s', 1, '{"argv": ["env"]}')], env);
    const set = /HOME=[\s\S]*/.exec(stdout)?.[0] ?? '';
    expect(set).toContain('HOME=/home/alice\n');
    expect(set).not.toMatch(/odd|NODE|PYTHON|LD_|BASH|SUDO/);
    expect(stderr).toBe('');
  });

  it('it acts for nobody without sudo', async () => {
    expect(await at('alice', [AS_USER])).toMatchObject({ code: 77, stderr: 'as-user: is started by sudo alone\n' });
    const faked = await at('alice', ['env', 'SUDO_UID=3001', 'python3', AS_USER]);
    expect(faked).toMatchObject({ code: 77, stderr: 'as-user: is started by sudo alone\n' });
  });
});

describe('where an admin’s rule lets more pass, the program itself', () => {
  beforeAll(async () => {
    await installed(withOdds);
    const loose = `Defaults!${AS_USER} !env_reset, setenv\nhpcbinder ALL=(ALL) NOPASSWD:SETENV: ${AS_USER}\n`;
    await root(`cat > ${RULES}; visudo -c -q -f ${RULES}`, loose);
  });

  it.each([
    ['root', 'root', 'acts for no uid under 1000'],
    ['an account under uid 1000', 'toolow', 'acts for no uid under 1000'],
    ['the service account', 'hpcbinder', 'acts for hpcbinder alone, and not as it'],
    ['a user outside of the group', 'bob', 'bob is not in the group hpcbinder-users'],
  ])('refuses to be %s', async (_, account, said) => {
    for (const [, frame] of verbs) {
      const { code, stdout, stderr } = await asked(['-n', '-u', account, AS_USER], [frame]);
      expect({ code, stdout, stderr }).toEqual({ code: 77, stdout: '', stderr: `as-user: ${said}\n` });
    }
  });

  it('refuses arguments', async () => {
    expect(await asked([...PROGRAM, '--help'])).toMatchObject({ code: 77, stderr: 'as-user: takes no argument\n' });
  });

  it.each(['NODE_OPTIONS', 'PYTHONPATH', 'LD_PRELOAD', 'BASH_ENV', 'ENV', 'IFS'])(
    'refuses to run with %s',
    async (name) => {
      const { code, stdout, stderr } = await asked(['-n', '-u', 'alice', `${name}=/tmp/odd`, AS_USER]);
      expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
      expect(stderr).toContain(`as-user: ${name} is set: the sudo rule lacks env_reset\n`);
    },
  );

  it.each([
    ['itself', `chmod g+w ${AS_USER}`],
    ['its list', `chmod o+w ${LIST}`],
    ['its list by owner', `chown alice ${LIST}`],
    ['its folder', 'chmod o+w /usr/local/libexec/hpcbinder'],
    ['a folder above', 'chgrp alice /usr/local/libexec && chmod g+w /usr/local/libexec'],
    ['its list by a link', `mv ${LIST} /tmp/list && ln -s /tmp/list ${LIST}`],
  ])('refuses where others could change %s', async (_, change) => {
    await root(change);
    try {
      const { code, stdout, stderr } = await asked(PROGRAM);
      expect([code, stdout]).toEqual([77, '']);
      expect(stderr).toMatch(/^as-user: \/usr\/local\/libexec\S* is not root's alone\n$/);
    } finally {
      await root(`chown root:root /usr/local/libexec; chmod 0755 /usr/local/libexec; rm -f ${LIST}`);
      await installed(withOdds);
      await root(
        `cat > ${RULES}`,
        `Defaults!${AS_USER} !env_reset, setenv\nhpcbinder ALL=(ALL) NOPASSWD:SETENV: ${AS_USER}\n`,
      );
    }
  });
});

describe('where its list is of no use', () => {
  afterAll(() => installed());

  it.each([
    ['is not there', `rm -f ${LIST}`],
    ['is half', `echo '{"service": "hpcbinder"' > ${LIST}`],
    ['names a service account that is not there', `sed -i 's/"service":"hpcbinder"/"service":"nobody-here"/' ${LIST}`],
    ['names no group', `sed -i 's/"group":/"grup":/' ${LIST}`],
  ])('because it %s, the program says so in one line', async (_, change) => {
    await installed();
    await root(change);
    const { code, stdout, stderr } = await asked(PROGRAM);
    expect([code, stdout]).toEqual([77, '']);
    expect(stderr).toMatch(/^as-user: cannot begin: .*\n$/);
  });
});

describe('of what is asked for as alice', () => {
  let alice: UserTransport;
  beforeAll(async () => {
    await installed();
    alice = new UserTransport(wayThere('alice'));
    await root(
      'su alice -c "mkdir -p ~/hpcbinder && ln -sfn /home/alice ~/hpcbinder/home && echo mine > ~/.bashrc-of-hers"',
    );
  });
  afterAll(() => alice[Symbol.asyncDispose]());

  const write = (path: string) => ['sh', '-c', WRITE_SMALL, 'sh', path, '0644', '0', 'e3b0c44298fc', 'x'];

  it.each<[string, readonly string[], number]>([
    ['a shell’s text', ['sh', '-c', 'id'], 127],
    ['a text with one more blank', ['sh', '-c', `${WRITE_SMALL} `, 'sh'], 127],
    ['Python’s text', ['python3', '-I', '-c', 'import os'], 127],
    ['a text of the other language', ['python3', '-I', '-c', PREFLIGHT], 127],
    ['a program', ['cat', '/etc/hostname'], 127],
    ['a command by a path of one’s own', ['/tmp/squeue'], 127],
    ['a step in a job', ['srun', 'id'], 127],
    ['a write to her start files', write('/home/alice/.bashrc'), 126],
    ['a write to her keys', write('/home/alice/.ssh/authorized_keys'), 126],
    ['a write by dots', write('/home/alice/hpcbinder/../.bashrc'), 126],
    ['a write over a link', write('/home/alice/hpcbinder/home/.bashrc'), 126],
    ['a write to a relative path', write('hpcbinder/x'), 126],
    ['a write beside a folder of that name', write('/home/alice/hpcbinder-of-others/x'), 126],
    ['files beside a directory that is new', ['python3', '-I', '-c', CREATE, '/home/alice'], 126],
    ['removing a directory by the session’s program', ['python3', '-I', '-c', REMOVE, '/home'], 126],
    ['removing her home', ['rm', '-rf', '--', '/home/alice'], 126],
    ['removing over a link', ['rm', '-rf', '--', '/home/alice/hpcbinder/home/.bashrc-of-hers'], 126],
    ['a container command of one’s own', ['/bin/sh', '-c', PREFLIGHT, 'sh', '/tmp/apptainer', '', '0'], 126],
  ])('%s is refused', async (_, argv, code) => {
    const result = await alice.run({ argv });
    expect([exitCode(result), textOf(result.stdout)]).toEqual([code, '']);
    expect(textOf(result.stderr)).toMatch(/^as-user: .*programs\.json/);
  });

  it.each([
    ['PATH', '/tmp'],
    ['LD_PRELOAD', '/tmp/x.so'],
    ['PYTHONPATH', '/tmp'],
    ['NODE_OPTIONS', '--require=/tmp/x.js'],
    ['SLURM_CONF', '/tmp/slurm.conf'],
    ['SBATCH_PARTITION', 'gpu'],
    ['HPCBINDER_PYTHON', '/tmp/python3'],
  ])('the variable %s is refused', async (name, value) => {
    const result = await alice.run({ argv: ['true'], env: { [name]: value } });
    expect([exitCode(result), textOf(result.stderr)]).toEqual([
      126,
      `as-user: a variable of ${name} is not in programs.json\n`,
    ]);
  });

  it('her own files are as they were', async () => {
    expect(
      await root(
        'cat /home/alice/.bashrc-of-hers; ls /home/alice/.ssh/authorized_keys.x /home/alice/.bashrc.x 2>/dev/null || :',
      ),
    ).toBe('mine\n');
  });

  it('another’s account is one refusal, and sudo is asked once for it', async () => {
    const bob = new UserTransport(wayThere('bob'));
    const asks = [1, 2, 3].map(() => bob.start({ argv: ['true'] }).catch((error: unknown) => error));
    for (const answer of await Promise.all(asks)) expect(answer).toMatchObject({ code: 'E-USER' });
    expect((await bob.run({ argv: ['true'] })).ended).toMatchObject({ kind: 'lost', cause: { code: 'E-USER' } });
    await bob[Symbol.asyncDispose]();
  });
});

describe('its frames', () => {
  beforeAll(() => installed(withOdds));

  const many = Array.from({ length: 7 }, () => frameOf('i', 1, Buffer.alloc(1 << 16)));
  it.each<[string, readonly Buffer[], RegExp]>([
    ['of no kind', [frameOf('z' as Kind, 1)], /a frame that it does not know/],
    ['that is too long', [frameOf('i', 1, Buffer.alloc(70_000))], /a frame of 70000 bytes/],
    ['that is a start and too long', [frameOf('s', 1, Buffer.alloc(600_000))], /a frame of 600000 bytes/],
    ['that is noise', [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')], /a frame of [0-9]+ bytes/],
    ['whose JSON is none', [frameOf('s', 1, '{')], /a broken frame/],
    ['without words', [frameOf('s', 1, '{"argv": []}')], /a broken frame/],
    ['with a word that is a number', [frameOf('s', 1, '{"argv": [1, 2, 3, 4]}')], /a broken frame/],
    ['with a zero byte in a word', [frameOf('s', 1, '{"argv": ["id", "\\u0000"]}')], /a broken frame/],
    [
      'with a call’s number that is taken',
      [frameOf('s', 1, '{"argv": ["sleep", "77.7"]}'), frameOf('s', 1, '{}')],
      /does not know/,
    ],
    [
      'with more input than there is room for',
      [frameOf('s', 1, '{"argv": ["sleep", "77.7"]}'), ...many],
      /more input than/,
    ],
    [
      'with room of an odd length',
      [frameOf('s', 1, '{"argv": ["sleep", "77.7"]}'), frameOf('c', 1, 'o')],
      /a broken frame/,
    ],
  ])('end it where there is one %s, and what it started', async (_, frames, said) => {
    const { code, stderr } = await asked(PROGRAM, frames);
    expect(code).toBe(77);
    expect(stderr).toMatch(said);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    await nothingRuns();
  });

  it('end it where one does not come whole within 30 seconds', async () => {
    const child = sudo(PROGRAM);
    child.stdin.write(frameOf('s', 1, '{"argv": ["id"]}').subarray(0, 12));
    const [text] = await once(child.stderr, 'data');
    expect(String(text)).toBe('as-user: half a frame for 30 s\n');
    await once(child, 'close');
  });

  it('let 32 calls run at once and refuse the next', async () => {
    const starts = Array.from({ length: 33 }, (_, n) => frameOf('s', n, '{"argv": ["sleep", "77.7"]}'));
    const { stdout } = await asked(PROGRAM, starts);
    expect(stdout).toContain('as-user: more than 32 calls at once\n');
    await nothingRuns();
  });
});

describe('when one side is killed', () => {
  /** An endpoint that has two commands under way, and says who is who. */
  const HOLD = `
import os, struct, subprocess, time
p = subprocess.Popen(["sudo", "-n", "-u", "alice", "${AS_USER}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
start = b'{"argv": ["sleep", "77.7"]}'
p.stdin.write(b"".join(struct.pack(">cII", b"s", n, len(start)) + start for n in (1, 2)))
p.stdin.flush()
with open("/tmp/as-user-held", "w") as out:
    out.write("endpoint=%d; sudo=%d" % (os.getpid(), p.pid))
time.sleep(60)
`;
  const WHO = '. /tmp/as-user-held; guard=$(pgrep -P $sudo); worker=$(pgrep -P $guard)';
  beforeAll(() => installed(withOdds));

  // who is left sees the end of sudo, and goes: so does the endpoint, which closes the pipe
  it.each([
    ['the endpoint', 'kill -KILL $endpoint'],
    ['the worker', 'kill -KILL $worker'],
    ['the guard', 'kill -KILL $guard; sleep 0.5; kill -KILL $endpoint'],
    ['sudo', 'kill -KILL $sudo; sleep 0.5; kill -KILL $endpoint'],
  ])('by SIGKILL (%s), nothing is left', async (_, kill) => {
    await root('rm -f /tmp/as-user-held');
    const endpoint = at('hpcbinder', ['python3', '-c', HOLD]);
    const both = async () => (await root('pgrep -c -u alice -x sleep || :')).trim() === '2';
    for (let tries = 0; tries < 50 && !(await both()); tries++) await new Promise((on) => setTimeout(on, 100));
    expect(await both()).toBe(true);
    await root(`${WHO}; ${kill}`);
    await nothingRuns();
    await root('. /tmp/as-user-held; kill -KILL $endpoint 2>/dev/null || :');
    await endpoint;
  });

  it('a command that was under way is told as lost, and the next one starts anew', async () => {
    const alice = new UserTransport(wayThere('alice'));
    const sleeping = await alice.start({ argv: ['sleep', '77.7'] });
    // the worker is the sleep's parent
    await root('kill -KILL $(ps -o ppid= -p $(pgrep -u alice -x sleep))');
    expect(await sleeping.ended).toMatchObject({ kind: 'lost', cause: { code: 'E-REMOTE' } });
    expect(exitCode(await alice.run({ argv: ['id'] }))).toBe(0);
    await alice[Symbol.asyncDispose]();
    await nothingRuns();
  });

  it('one that nobody needs ends by itself', async () => {
    const alice = new UserTransport(wayThere('alice'), { idleMs: 200 });
    expect(textOf((await alice.run({ argv: ['id', '-un'] })).stdout)).toBe('alice\n');
    await nothingRuns();
    expect(textOf((await alice.run({ argv: ['id', '-un'] })).stdout)).toBe('alice\n');
    await alice[Symbol.asyncDispose]();
  });
});
