/** A repository whose start script attacks whoever launches it, fetched with a password in its address: what it reaches, and where the password is seen. */
import { execFileSync } from 'node:child_process';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { hasControls } from '../../../core/text.ts';
import { makeCertificates } from '../../../sessions/certificates.ts';
import { hunt, python, type Secrets, secretsOf } from '../../e2e/oracles.ts';
import { CLUSTER, hpcbinder, MAIN, on, Running } from '../../e2e/rig.ts';
import { OwnWorld } from '../../e2e/worlds.ts';
import { type GitServer, gitServer, makeRepo } from '../../repos/git-server.ts';

const CANARY = 'CANARY42-of-the-address';
const VICTIM = ['.ssh/authorized_keys', '.netrc', '.bashrc', '.aws/credentials'];

/** Each try is one line of /srv/repo/tried: `what=how it went`. */
const START = `#!/bin/bash
out=/srv/repo/tried; : >$out
say() { printf '%s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')" >>$out; }
for f in ${VICTIM.map((name) => `/home/alice/${name}`).join(' ')}; do
  if (echo evil >>$f) 2>/dev/null; then say "write $f" yes; else say "write $f" no; fi
  if cat $f >/dev/null 2>&1; then say "read $f" yes; else say "read $f" no; fi
done
mkdir -p ~/.ssh; echo evil >>~/.ssh/authorized_keys; echo 'echo evil' >>~/.bashrc
ln -s /home/alice ~/link; ln -s /etc/passwd /run/hb/runtime/link 2>/dev/null
say tmp "$(ls -A /tmp /var/tmp /dev/shm | grep -v : )"
say processes "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ')"
say variables "$(env | cut -d= -f1 | sort)"
say homes "$(ls -A /home 2>&1)"
say scratch "$(ls -A /scratch 2>&1)"
say run "$(ls -A /run 2>&1)"
say binds "$(ls -A /etc/slurm /var/lib/munge /opt/site 2>/dev/null)"
say capabilities "$(grep CapEff /proc/self/status | cut -f2)"
(echo x >/etc/evil) 2>/dev/null && say image written || say image closed
printf '\\033[2J\\033]0;owned\\007 the start script speaks\\n' >&2
exec "$@"
`;

let server: GitServer;
let session: Running;
let id = '';
let node: 'c1' | 'c2' = 'c1';
let directory = '';
let tried: ReadonlyMap<string, string>;
let secrets: Secrets;
let close = () => {};
let said = '';
const world = new OwnWorld();

/** TLS in front of the git server on loopback: only https and ssh are taken. */
async function encrypted(url: string): Promise<string> {
  const { server: key } = await makeCertificates('hb-abcdefghij', 3600);
  const front = createTls({ cert: key.cert, key: key.key }, (socket) => {
    const to = createConnection({ host: '127.0.0.1', port: Number(new URL(url).port) });
    for (const each of [socket, to]) each.on('error', () => [socket, to].forEach((one) => void one.destroy()));
    socket.pipe(to).pipe(socket);
  });
  front.listen(0, '127.0.0.1');
  await new Promise((resolve) => front.once('listening', resolve));
  close = () => void front.close();
  const address = front.address();
  return `https://u:${CANARY}@127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

beforeAll(async () => {
  await on(
    'login',
    'alice',
    `cp -p ~/.bashrc ~/.bashrc.kept; mkdir -p ~/.aws; echo machine >~/.netrc; echo key >~/.aws/credentials; md5sum ${VICTIM.join(' ')} >~/victim.md5`,
  );
  server = await gitServer({ login: `u:${CANARY}` });
  const repo = makeRepo(join(server.root, 'org', 'hostile'), {
    start: START,
    'hpc.yml': 'cpus: 1\nmemory: 1G\n',
    '.hpcbinder.yml': 'binds: [/]\ntrust: true\n',
    'notes.md': 'x',
  });
  execFileSync('git', ['update-index', '--chmod=+x', 'start'], { cwd: join(server.root, 'org', 'hostile') });
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-qm', 'x'], {
    cwd: join(server.root, 'org', 'hostile'),
  });
  expect(repo).toMatch(/^[0-9a-f]{40}$/);
  const address = `${await encrypted(server.url)}/org/hostile`;
  const env = { ...world.env, GIT_SSL_NO_VERIFY: '1', HPCBINDER_DEBUG: '1' };
  session = new Running(
    ['launch', address, '--cluster', CLUSTER, '--partition', 'debug', '--time', '20m', '--no-browser'],
    { env },
  );
  const ready = await session.ready(500_000);
  ({ id } = ready);
  node = ready.node === 'c2' ? 'c2' : 'c1';
  directory = (
    JSON.parse((await hpcbinder(['status', id, '--json'], { env: world.env })).stdout) as { directory: string }
  ).directory;
  secrets = await secretsOf(directory, node);
  const { stdout } = await hpcbinder(['shell', id, '--', 'cat', 'tried'], { env: world.env });
  tried = new Map(
    stdout.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  said = JSON.stringify(session.events);
}, 600_000);

afterAll(async () => {
  await session?.close();
  if (id) await hpcbinder(['stop', id], { env: world.env });
  await on('login', 'alice', 'mv -f ~/.bashrc.kept ~/.bashrc; rm -rf ~/.netrc ~/.aws ~/victim.md5');
  close();
  await server?.close();
  await world[Symbol.asyncDispose]();
});

describe('what the start script of a repository reaches (SIF-03)', () => {
  it("is nothing of its user's home: not her keys, not her passwords, not her shell's files", async () => {
    for (const name of VICTIM) {
      expect([name, tried.get(`read /home/alice/${name}`)]).toEqual([name, 'no']);
      expect([name, tried.get(`write /home/alice/${name}`)]).toEqual([name, 'no']);
    }
    expect(await on('login', 'alice', 'md5sum --quiet -c ~/victim.md5')).toMatchObject({ code: 0, stdout: '' });
    expect(tried.get('homes')?.trim()).toBe('jovyan');
    expect(tried.get('scratch')).toMatch(/No such file|^$/);
  });

  it('is neither the node’s temporary files, nor a process outside, nor a right beyond its own, nor the image', () => {
    expect(tried.get('tmp')?.trim()).toBe('');
    expect(tried.get('processes')).not.toMatch(/slurm|agent\.py|sshd/);
    expect(tried.get('capabilities')).toMatch(/^0+$/);
    expect(tried.get('image')).toBe('closed');
    expect(tried.get('binds')).toBe('');
    expect(tried.get('run')).not.toMatch(/munge|slurm|docker/);
  });

  it('is no variable but those of the image and of the allow-list (SIF-05)', () => {
    const names = (tried.get('variables') ?? '').trim().split(' ');
    expect(names).toEqual(expect.arrayContaining(['PATH', 'HOME', 'SLURM_JOB_ID']));
    expect(names.filter((name) => /^(SLURM|SBATCH|SSH|HPCBINDER|HB|DBUS|XDG|GIT|LD_PRELOAD|AWS)/.test(name))).toEqual(
      ['SLURM_CPUS_PER_TASK', 'SLURM_JOB_ID'].filter((name) => names.includes(name)),
    );
  });

  it('is no key of the session but the app’s own token (TOK-12)', async () => {
    const { clientKey, ...rest } = Object.fromEntries(
      Object.entries(secrets).map(([name, value]) => [name.split('.').at(-1), value]),
    );
    expect(clientKey).toBeDefined();
    const others = Object.entries({ clientKey, cookieKey: rest.cookieKey }).map(([, value]) => String(value));
    for (const secret of others) {
      const grep = [
        'sh',
        '-c',
        'grep -rsF -- "$1" /srv /home /run /tmp /proc/*/environ | head -1',
        'sh',
        secret.slice(0, 40),
      ];
      // the word itself is in grep's own arguments, not in its environment
      expect((await hpcbinder(['shell', id, '--', ...grep], { env: world.env })).stdout).toBe('');
    }
  });

  it('is no mount that a file of the repository asks for (SIF-04)', async () => {
    const { stdout } = await hpcbinder(['shell', id, '--', 'cat', '/proc/self/mountinfo'], { env: world.env });
    const targets = stdout.split('\n').map((line) => line.split(' ')[4]);
    expect(targets).toContain('/srv/repo');
    expect(targets.filter((target) => target && /^\/(scratch|home\/alice|root|mnt|host)/.test(target))).toEqual([]);
  });

  it('is not the terminal of whoever reads the log: a pipe gets the bytes, a terminal sees them written out', async () => {
    const line = `"${process.execPath}" "${MAIN}" logs ${id} --app`;
    const { stdout } = await execa('script', ['-qefc', line, '/dev/null'], {
      env: { ...world.env, NODE_OPTIONS: '' },
      stdin: 'ignore',
    });
    const shown = stdout.split('\n').find((text) => text.includes('the start script speaks')) ?? '';
    expect(shown).not.toBe('');
    expect(hasControls(shown.replace(/\r$/, ''))).toBe(false);
  });
});

describe('a password in the address (GIT-11)', () => {
  it('is in nothing that this machine keeps or shows', async () => {
    expect(said).not.toContain(CANARY);
    const grep = (dir: string) =>
      execFileSync('sh', ['-c', 'grep -rlF -- "$1" "$2" || true', 'sh', CANARY, dir], { encoding: 'utf8' });
    expect(grep(world.dir)).toBe('');
    for (const command of [
      ['list', '--json'],
      ['status', id, '--json'],
      ['logs', id],
      ['logs', id, '--build'],
    ]) {
      const { stdout, stderr } = await hpcbinder(command, { env: world.env });
      expect(stdout + stderr).not.toContain(CANARY);
    }
    const images = execFileSync('docker', ['image', 'ls', '-q'], { encoding: 'utf8' }).split('\n').filter(Boolean);
    expect(execFileSync('docker', ['inspect', ...images], { encoding: 'utf8', maxBuffer: 64 << 20 })).not.toContain(
      CANARY,
    );
  });

  it('is in no file of hers on the cluster, the image and .git/config among them', async () => {
    const look = `import json,os,sys
p=json.load(sys.stdin); hits=[]; n=0
for tree in p["trees"]:
    for at, _, names in os.walk(tree):
        for name in names:
            path=os.path.join(at,name)
            try:
                with open(path,"rb") as f:
                    n+=1
                    if p["word"].encode() in f.read(): hits.append(path)
            except OSError: pass
json.dump({"hits":hits,"files":n},sys.stdout)`;
    const found = await python<{ hits: string[]; files: number }>('login', 'alice', look, {
      word: CANARY,
      trees: [world.home, world.scratch],
    });
    expect(found.hits).toEqual([]);
    expect(found.files).toBeGreaterThan(10);
    const { stdout } = await hpcbinder(['shell', id, '--', 'cat', '.git/config'], { env: world.env });
    expect(stdout).toContain('/org/hostile');
  });

  it('is found by bob on no host', async () => {
    for (const host of ['login', node] as const)
      expect((await hunt(host, 'bob', { address: CANARY, ...secrets }, '0')).hits).toEqual([]);
  });
});

describe('a session that turns on its user', () => {
  it('ends itself by killing all that it can, and nothing of hers outside of it', async () => {
    const started = await on(node, 'alice', 'sleep 300 >/dev/null 2>&1 & echo $!');
    await hpcbinder(['shell', id, '--', 'sh', '-c', 'kill -9 -1'], { env: world.env });
    expect(await on(node, 'alice', `kill -0 ${started.stdout} && kill ${started.stdout}`)).toMatchObject({ code: 0 });
    expect(await on('login', 'alice', 'md5sum --quiet -c ~/victim.md5')).toMatchObject({ code: 0 });
  });
});
