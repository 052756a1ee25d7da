/** A repository whose build attacks whoever builds it, on a node and in the engine; and what bob finds of a build meanwhile. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CLUSTER, type Event, hpcbinder, on, Running } from '../../e2e/rig.ts';
import { OwnWorld } from '../../e2e/worlds.ts';
import { notRun } from '../../not-run.ts';

const VICTIM = ['.ssh/authorized_keys', '.netrc', '.aws/credentials'];
const CANARY = 'CANARY43-of-the-login';
const NODES = ['c1', 'c2'] as const;
const PORT = 8999;

/** Each try is one line of the build's output: `tried what=how it went`. `homes`: where the victim's files are outside. */
const attack = (home: string) => `#!/bin/bash
say() { printf 'tried %s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ' | cut -c1-2000)"; }
roots=; for p in /proc/[0-9]*; do roots="$roots $p/root $p/cwd"; done
for r in '' $roots; do
  for f in ${VICTIM.join(' ')}; do
    if cat "$r${home}/$f" >/dev/null 2>&1; then say "read" "$r/$f"; fi
    if (echo evil >>"$r${home}/$f") 2>/dev/null; then say "write" "$r/$f"; fi
  done
  if ls -d "$r/scratch/alice" >/dev/null 2>&1; then say "scratch" "$r"; fi
done
say variables "$(cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -aE '${CANARY}|^(AWS|SSH|HPCBINDER)_')"
say cmdlines "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ')"
say tmp "$(ls -A /tmp /var/tmp /dev/shm 2>/dev/null | grep -v :)"
say sockets "$(ls /run/docker.sock /var/run/docker.sock /run/munge/* /proc/[0-9]*/root/run/munge/* 2>/dev/null)"
say mount "$(unshare --mount true 2>&1 && echo yes)"
say loopback "$(python3 -c 'import socket; socket.create_connection(("127.0.0.1", ${PORT}), 3); print("open")' 2>&1 | tail -1)"
say caps "$(grep CapPrm /proc/self/status | cut -f2)"
kill -9 -1
say signals sent
`;

const tried = (lines: readonly string[]) =>
  lines.flatMap((line) => {
    const found = /^tried ([^=]+)=(.*)$/.exec(line);
    return found?.[1] === undefined ? [] : [[found[1], (found[2] ?? '').trim()] as const];
  });
const logOf = (running: Running) => running.events.flatMap(({ line }) => (typeof line === 'string' ? [line] : []));

const world = new OwnWorld({}, { pinned: false });
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hb-hostile-builds-'));
  await on(
    'login',
    'alice',
    `cp -p ~/.bashrc ~/.bashrc.kept; mkdir -p ~/.aws; echo machine >~/.netrc; echo key >~/.aws/credentials
     chmod 755 ~; echo 'umask 000; export AWS_SECRET_ACCESS_KEY=${CANARY}' | cat - ~/.bashrc.kept >~/.bashrc
     md5sum ${VICTIM.join(' ')} >~/victim.md5`,
  );
});

afterAll(async () => {
  await on('login', 'alice', 'mv -f ~/.bashrc.kept ~/.bashrc; rm -rf ~/.netrc ~/.aws ~/victim.md5');
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('a build on the cluster', () => {
  let tries: (readonly [string, string])[];
  const all = (what: string) => tries.filter(([name]) => name === what).map(([, how]) => how);
  let open: string[];
  let survivors: boolean[];

  beforeAll(async () => {
    const dir = join(folder, 'attacker');
    mkdirSync(dir);
    // bob looks before the attack, which ends by killing all that it can
    writeFileSync(join(dir, 'postBuild'), attack('/home/alice').replace('say() ', 'echo begun; sleep 20\nsay() '));
    chmodSync(join(dir, 'postBuild'), 0o755);
    for (const host of NODES) {
      await on(host, 'root', `cd /; setsid python3 -m http.server ${PORT} --bind 127.0.0.1 -d /mnt >/dev/null 2>&1 &`);
      await on(host, 'alice', `setsid sleep 777 >/dev/null 2>&1 &`);
    }
    for (const host of ['login', ...NODES] as const) await on(host, 'bob', 'touch /tmp/bob-stamp');
    const running = new Running(['build', dir, '--cluster', CLUSTER, '--build-partition', 'debug'], {
      env: { ...world.env, HPCBINDER_ENGINE: 'none' },
    });
    try {
      await running.until(({ line }) => line === 'begun', 500_000);
      const look = `find /home/alice /scratch/alice /tmp /var/tmp /dev/shm -newer /tmp/bob-stamp ! -user bob -readable -type f,d,p,s 2>/dev/null`;
      const found = await Promise.all((['login', ...NODES] as const).map((host) => on(host, 'bob', look)));
      open = found.flatMap(({ stdout }) => stdout.split('\n')).filter(Boolean);
      await running.until(({ type }) => type === 'built', 300_000).catch(() => {});
      tries = tried(logOf(running));
      survivors = await Promise.all(
        NODES.map(async (host) => (await on(host, 'alice', 'pgrep -u alice -f "^sleep 777$"')).code === 0),
      );
    } finally {
      await running.close();
      for (const host of NODES) {
        await on(host, 'root', `pkill -f '[h]ttp.server ${PORT}'; pkill -u alice -f '^sleep 777$'`);
        await on(host, 'bob', 'rm -f /tmp/bob-stamp');
      }
    }
  }, 900_000);

  it('reads and writes nothing of the home directory and scratch, nor through the processes of the node (BLD-01)', async () => {
    expect(all('caps')).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect([all('read'), all('write'), all('scratch')]).toEqual([[], [], []]);
    expect(await on('login', 'alice', 'md5sum --quiet -c ~/victim.md5')).toMatchObject({ code: 0, stdout: '' });
  });

  it('sees no variable of the login, no temporary file of the node, no socket, and mounts nothing', () => {
    expect([all('variables'), all('tmp'), all('sockets')]).toEqual([[''], [''], ['']]);
    expect(all('mount').join()).toMatch(/not permitted/);
  });

  it('sees and ends no process but its own', () => {
    expect(all('cmdlines').join()).not.toMatch(/slurm|build-job|munged|sleep 777/);
    expect(survivors).toEqual([true, true]);
  });

  it('has the network of the node, its loopback too: SECURITY.md says so', () => {
    expect(all('loopback')).toEqual(['open']);
    expect(readFileSync('SECURITY.md', 'utf8')).toMatch(/loopback/);
  });

  it('leaves nothing open to bob meanwhile, though her home is open and her umask is 000 (TAR-10)', () => {
    expect(open.filter((path) => !/^\/(home\/alice|scratch\/alice|tmp|var\/tmp|dev\/shm)$/.test(path))).toEqual([]);
  });
});

describe('a build in the engine', () => {
  let tries: (readonly [string, string])[];
  const all = (what: string) => tries.filter(([name]) => name === what).map(([, how]) => how);
  const tmp = () => join(folder, 'tmp');
  let visits = 0;
  let built: Event | undefined;
  let seen: string[] = [];

  beforeAll(async () => {
    const home = join(folder, 'home');
    const dir = join(folder, 'dockerfile');
    for (const name of VICTIM) {
      mkdirSync(join(home, name, '..'), { recursive: true });
      writeFileSync(join(home, name), 'secret\n');
    }
    mkdirSync(dir);
    writeFileSync(join(dir, 'attack'), attack(home), { mode: 0o755 });
    const base = (world.entry.bases as Record<string, { digest: string; name: string; stand_in?: boolean }>)['3.13'];
    const from = base?.stand_in ? base.digest : `${base?.name}@${base?.digest}`;
    // new on each run: nothing is taken from the engine's cache
    const jupyter = "RUN printf '#!/bin/sh\\necho 4.0\\n' >/usr/local/bin/jupyter; chmod 755 /usr/local/bin/jupyter";
    const lines = [`FROM ${from}`, `RUN echo ${Date.now()}`, jupyter, 'COPY attack /', 'RUN /attack; sleep 3'];
    writeFileSync(join(dir, 'Dockerfile'), `${lines.join('\n')}\n`);
    const server = createServer((socket) => {
      visits++;
      socket.destroy();
    });
    server.listen(PORT, '127.0.0.1');
    // what bob, on her machine, sees while it builds and converts; her own folders can be entered
    for (const path of [world.dir, ...['config', 'state', 'cache'].map((name) => join(world.dir, name))])
      chmodSync(path, 0o755);
    const stamp = join(folder, 'stamp');
    writeFileSync(stamp, '');
    chmodSync(folder, 0o755);
    mkdirSync(tmp());
    chmodSync(tmp(), 0o1777);
    const find = `while :; do find "$1" "$2" -newer "$3" -user "$4" -readable 2>/dev/null; sleep 0.3; done`;
    const bob = spawn(
      'setpriv',
      [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
        ...['sh', '-c', find, 'sh', tmp(), world.dir, stamp, String(process.getuid?.())],
      ],
      { detached: true },
    );
    let text = '';
    bob.stdout.on('data', (data) => {
      text += String(data);
    });
    writeFileSync(join(tmp(), 'planted'), '', { mode: 0o644 });
    // newer than the stamp, though both may be made within one tick of the kernel's coarse clock
    const soon = Date.now() / 1000 + 5;
    utimesSync(join(tmp(), 'planted'), soon, soon);
    const running = new Running(['build', dir, '--cluster', CLUSTER, '--partition', 'debug'], {
      env: {
        ...world.env,
        HOME: home,
        TMPDIR: tmp(),
        AWS_SECRET_ACCESS_KEY: CANARY,
        DOCKER_CONFIG: process.env.DOCKER_CONFIG ?? join(process.env.HOME ?? '', '.docker'),
      },
    });
    try {
      built = await running.until(({ type }) => type === 'built', 400_000);
      tries = tried(logOf(running));
    } finally {
      await running.close();
      process.kill(-(bob.pid ?? 0), 'SIGKILL');
      server.close();
      seen = [...new Set(text.split('\n'))].filter((path) => path !== '');
    }
  }, 500_000);

  it('reads nothing of the home, the variables, the processes and the loopback of the machine (BLD-01)', () => {
    expect(all('signals')).toEqual(['sent']);
    expect([all('read'), all('write')]).toEqual([[], []]);
    expect([all('variables'), all('tmp'), all('sockets')]).toEqual([[''], [''], ['']]);
    expect(all('mount').join()).toMatch(/not permitted/);
    expect(all('loopback').join()).not.toBe('open');
    expect(visits).toBe(0);
  });

  it('leaves no file open to another user of this machine, from the checkout to the upload (TAR-10)', () => {
    if (process.getuid?.() !== 0)
      return notRun('another user of this machine looks at a build: it takes root to be one');
    expect(seen).toContain(join(tmp(), 'planted'));
    const made = [world.dir, join(world.dir, 'state'), join(world.dir, 'cache'), tmp(), join(tmp(), 'planted')];
    expect(seen.filter((path) => !made.includes(path))).toEqual([]);
  });

  it('is not replaced by an image that bob has put under its key into a store that both may use (BLD-02)', async () => {
    const pool = `${world.scratch}/pool`;
    const key = String(built?.key);
    const plant = `mkdir -m 1777 ${pool} && cp -p ${world.scratch}/images/${key}.* ${pool} && chown root ${pool} && chown bob ${pool}/*`;
    expect(await on('login', 'root', plant)).toMatchObject({ code: 0 });
    world.entry.image_store = pool;
    world.write();
    const again = () =>
      hpcbinder(['build', join(folder, 'dockerfile'), '--cluster', CLUSTER, '--partition', 'debug'], {
        env: world.env,
      });
    const sticky = await again();
    expect(sticky).toMatchObject({ code: 1, stderr: expect.stringMatching(/not trusted: it belongs to user 2002/) });
    await on('login', 'root', `chown alice ${pool}/*; chmod 777 ${pool}`);
    expect(await again()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/others may write into it \(mode 777\)/),
    });
    await on('login', 'root', `chmod 1777 ${pool}`);
    expect((await again()).code).toBe(0);
  });
});
