/** Bob has an account on the same cluster: what he finds of alice's session, what he can do to it, what he can make her believe. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HOSTS } from '../../devcluster/index.ts';
import { makeCertificates } from '../../sessions/certificates.ts';
import { crowd, knock, squat, ZMTP_GREETING } from './bob.ts';
import { hunt, left, leftAfter, NOTHING, tap } from './oracles.ts';
import { on } from './rig.ts';
import { IMAGES, slowest, TRAPS, type Victim, victim } from './victim.ts';

let alice: Victim;

beforeAll(async () => {
  alice = await victim();
});

afterAll(async () => {
  if (!alice) return;
  await alice.run('stop', alice.ready.id);
  await alice.leave();
});

describe('what bob finds of her session', () => {
  it('is whatever is planted before the oracle: on a command line, in a file, in a name, in what the scheduler tells', async () => {
    const { ready, traces } = alice;
    const word = (place: string) => `canary-${place}-${ready.id}`;
    const plant = `umask 022; echo ${word('file')} >/tmp/canary; mkdir /tmp/${word('name')}
      echo ${word('home')} >~/canary; bash -c 'exec -a ${word('argv')} sleep 60' >/dev/null 2>&1 &
      sbatch -p gpu --begin=now+1hour --comment=${word('comment')} --job-name=canary --wrap=true -o /dev/null`;
    expect((await on('c2', 'alice', plant)).code).toBe(0);
    const planted = Object.fromEntries(['file', 'name', 'home', 'argv', 'comment'].map((name) => [name, word(name)]));
    const { hits } = await hunt('c2', 'bob', planted, traces.jobId);
    await on('c2', 'alice', `scancel -n canary; pkill -f '[c]anary-argv'; rm -r /tmp/canary* ~/canary`);
    const places = (secret: string) => hits.filter((hit) => hit.secret === secret).map((hit) => hit.place);
    expect(places('file')).toEqual(['/tmp/canary']);
    expect(places('name')).toEqual(['/tmp']);
    expect(places('home')).toEqual(['/home/alice/canary']);
    expect(places('argv')).toEqual(expect.arrayContaining(['ps -eo', expect.stringMatching(/^\/proc\/\d+\/cmdline$/)]));
    expect(places('comment')).toEqual(['scontrol -dd', 'squeue --json']);
  });

  it.each(HOSTS)(
    'is no secret, on %s: not in processes, files, logs, sockets, nor from the scheduler',
    async (host) => {
      const { traces, secrets } = alice;
      expect(Object.keys(secrets).join()).toMatch(/appToken.*clientKey|clientKey.*appToken/);
      expect(Object.values(secrets).every((secret) => secret.length >= 32)).toBe(true);
      const { hits, looked } = await hunt(host, 'bob', secrets, traces.jobId);
      expect(hits).toEqual([]);
      expect(looked.processes).toBeGreaterThan(3);
      expect(looked.files).toBeGreaterThan(20);
      expect(looked.answers).toEqual(expect.arrayContaining(['ps -eo', 'scontrol -dd', 'squeue --json']));
    },
  );

  it('is nothing that logs, spool, accounting or its database could give away either, read by root', async () => {
    const { traces, secrets } = alice;
    for (const host of HOSTS) {
      const { hits, looked } = await hunt(host, 'root', secrets, traces.jobId);
      expect(hits).toEqual([]);
      if (host === 'login')
        expect(looked.answers).toEqual(expect.arrayContaining(['scontrol write', 'mysqldump --all-databases']));
    }
  });

  it('is no readable file, though her home is open and her umask is 000', async () => {
    const { ready, directory, traces } = alice;
    for (const host of HOSTS) {
      const find = `find /home/alice /scratch/alice /tmp /var/tmp /dev/shm -cnewer /tmp/stamp -readable ! -user bob -type f,d,l,s 2>/dev/null`;
      const { stdout } = await on(host, 'bob', find);
      const open = stdout
        .split('\n')
        .filter((path) => path !== '' && !/^\/(home\/alice|scratch\/alice(\/open)?|tmp)$/.test(path));
      // What her shell itself made shows that the umask was as bad as we say, and that bob would see more of it.
      expect(open.sort()).toEqual(['/home/alice/umask.seen']);
    }
    expect((await on('login', 'bob', 'cat ~alice/umask.seen')).stdout).toBe('0000');
    for (const path of [directory, ready.workDirectory, IMAGES, traces.nodeDirectory]) {
      const host = path === traces.nodeDirectory ? traces.node : 'login';
      expect(await on(host, 'alice', `ls '${path}'`)).toMatchObject({ code: 0 });
      expect((await on(host, 'bob', `ls '${path}'`)).stderr).toContain('Permission denied');
    }
  });

  it('is no way in through names that he made before her', async () => {
    for (const host of HOSTS) {
      expect(await on(host, 'bob', `find ${TRAPS} -mindepth 1; ls /tmp/victim 2>/dev/null`)).toMatchObject({
        stdout: '',
      });
    }
  });

  it('is one open port: app and kernels listen on sockets in a directory that is hers alone', async () => {
    const { traces, door } = alice;
    const { processes, sockets, jobs, paths } = await left(traces);
    for (const name of ['agent.py', 'jupyter-lab', 'ipykernel']) expect(processes.join('\n')).toContain(name);
    expect({ jobs, paths }).toEqual({ jobs: [traces.jobId], paths: [traces.nodeDirectory] });
    expect(sockets.filter((socket) => socket.startsWith('tcp anywhere'))).toEqual([`tcp anywhere ${door.port}`]);
    expect(sockets.filter((socket) => socket.startsWith('unix'))).toContain('unix /run/hb/app.sock');
    for (const socket of sockets.filter((name) => name.startsWith('unix'))) expect(socket).toMatch(/^unix \/run\/hb\//);
    const { stdout } = await on(
      traces.node,
      'root',
      `stat -c '%U %a' ${traces.nodeDirectory} ${traces.nodeDirectory}/run`,
    );
    expect(stdout).toBe('alice 700\nalice 700');
  });

  it('is, on the node itself, a kernel’s inner pipe, which tells nothing: it only takes, and only what has its own key', async () => {
    const { traces } = alice;
    const { sockets } = await left(traces);
    const pipes = sockets
      .filter((socket) => socket.startsWith('tcp loopback'))
      .map((socket) => Number(socket.slice(13)));
    // ipykernel binds one for output of forked children, whatever its transport is (ipykernel/iostream.py, _setup_pipe_in).
    expect(pipes.length).toBeLessThanOrEqual(1);
    for (const port of pipes) {
      const { answer } = await knock(traces.node, 'bob', { host: '127.0.0.1', port }, { say: ZMTP_GREETING });
      expect(answer).toMatch(/Socket-Type\0{3}\x04PULL/);
    }
  });
});

describe('the port of her agent', () => {
  const say = 'GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const asControl = { say: '{"verb":"status"}\n', alpn: 'hb/1' };

  it('answers whoever has her key', async () => {
    const { directory, door } = alice;
    const record = JSON.parse((await on('login', 'alice', `cat ${directory}/session.json`)).stdout);
    const key = { cert: record.secrets.clientCert, key: record.secrets.clientKey };
    expect((await knock('c1', 'alice', door, { say, alpn: 'http/1.1', key })).answer).toMatch(/^HTTP\/1\.1 /);
    expect((await knock('c1', 'alice', door, { ...asControl, key })).answer).toContain('"ready"');
  });

  it('closes on bob: without a certificate, with one of another CA under her names, without TLS', async () => {
    const { ready, door } = alice;
    const forged = await makeCertificates(ready.id, 3600);
    for (const how of [
      { say },
      { say: asControl.say },
      { say, alpn: 'http/1.1' },
      asControl,
      { say, alpn: 'http/1.1', key: forged.client },
      { ...asControl, key: forged.client },
      { ...asControl, key: forged.server },
    ]) {
      const { answer, error } = await knock('c1', 'bob', door, how);
      expect(answer).not.toMatch(/HTTP|ready|error/);
      if (how.alpn) expect(error).not.toBe('');
    }
  });

  it('shows nothing in the clear to who listens on the wire', async () => {
    const { ready, client, traces, secrets, door } = alice;
    const path = `seen-${ready.id}.txt`;
    const wire = await tap(traces.node, { ...secrets, path, plain: 'GET /spoken-in-the-clear' });
    await client.save(path, 'a file');
    expect((await client.send('GET', `/api/contents/${path}`)).text).toContain('a file');
    await knock('c1', 'bob', door, { say: 'GET /spoken-in-the-clear HTTP/1.0\r\n\r\n' });
    const { hits, bytes } = await wire.stop();
    expect(hits).toEqual(['plain']);
    expect(bytes).toBeGreaterThan(2000);
  });

  it.each(['c1', 'login'] as const)(
    'is not shut by 1,100 idle connections of his from %s: she waits at most 1 s more',
    async (host) => {
      const { directory, door } = alice;
      const logged = async () => Number((await on('login', 'alice', `stat -c %s ${directory}/agent.log`)).stdout);
      const before = { waited: await slowest(alice, 8), logged: await logged() };
      const his = await crowd(host, door, 1100);
      const waited = await slowest(alice, 16);
      const { opened } = await his.end();
      expect(opened).toBeGreaterThanOrEqual(1100);
      expect(waited).toBeLessThanOrEqual(before.waited + 1000);
      expect((await logged()) - before.logged).toBeLessThan(1000);
    },
  );
});

describe('what bob can make her believe', () => {
  it('is nothing about her jobs, by rows forged in the names of his (INJ-10)', async () => {
    const { ready, client, traces, door, status } = alice;
    const waiting = await alice.launchAnother('--sbatch=--begin=now+1hour');
    const queued = { phase: 'queued', jobId: waiting.jobId };
    expect(await status(waiting.id)).toMatchObject(queued);

    const row = (id: string, state: string) => `x\\n${id}|${state}|evilnode|2001|1|1|None`;
    const names = [waiting.jobId, traces.jobId].flatMap((id) =>
      ['RUNNING', 'COMPLETED'].map((state) => `$'${row(id, state)}'`),
    );
    for (const name of [...names, `'${waiting.id}'`, `'${ready.id}'`]) {
      const words = `--job-name=${name} --comment=${name} -p debug -w c1 -t 5 --mem 10 -o /dev/null --wrap 'sleep 200'`;
      expect(await on('login', 'bob', `sbatch ${words}`)).toMatchObject({ code: 0 });
    }
    // A poll that asks for names would have been taken in.
    const naive = await on('login', 'alice', `squeue -h -a -o '%A|%j|%T|%N'`);
    expect(naive.stdout.split('\n')).toContainEqual(expect.stringMatching(`^${waiting.jobId}\\|RUNNING\\|evilnode`));

    const after = await status(waiting.id);
    expect(after).toMatchObject(queued);
    expect(after.address).toBeUndefined();
    expect(await status(ready.id)).toMatchObject({ phase: 'ready', jobId: traces.jobId, address: door });
    expect((await client.send('GET', '/api/status')).status).toBe(200);

    expect((await alice.run('stop', waiting.id)).code).toBe(0);
    const { stdout } = await on('login', 'root', `squeue -h -o '%A %u' --name=${waiting.id}`);
    expect(stdout).toMatch(/^\d+ bob$/);
  });

  it('is not that he is her agent, when it dies and he takes its port (NET-02): she is told nothing false and is back on the new one', async () => {
    const { ready, client, kernel, traces, door, status } = alice;
    const forged = await makeCertificates(ready.id, 3600);
    const his = await squat(traces.node, door.port, forged.server);
    const agent = (await left(traces)).processes.find((line) => line.includes('./agent.py'))?.split(' ')[0];
    expect(await on(traces.node, 'root', `kill -9 ${agent}`)).toMatchObject({ code: 0 });
    const deadline = Date.now() + 60_000;
    let answer = await client.send('GET', `/api/kernels/${kernel}`);
    while (answer.status !== 200 && Date.now() < deadline) {
      expect([502, 503, 504]).toContain(answer.status);
      await new Promise((resolve) => setTimeout(resolve, 500));
      answer = await client.send('GET', `/api/kernels/${kernel}`);
    }
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining(kernel) });
    const { taken, guests, heard } = await his.end();
    expect({ taken, heard }).toEqual({ taken: true, heard: '' });
    expect(guests).toBeGreaterThan(0);
    expect((await status(ready.id)).address?.port).not.toBe(door.port);
  });
});

describe('when she has stopped it', () => {
  it('nothing of it is left: processes, sockets, directories on the node, jobs', async () => {
    const { ready, directory, traces, running } = alice;
    await running.close();
    expect((await alice.run('stop', ready.id)).code).toBe(0);
    expect(await leftAfter(traces)).toEqual(NOTHING);
    for (const host of HOSTS) {
      const { stdout } = await on(
        host,
        'root',
        `ps -o args= -u alice; find /tmp /var/tmp /dev/shm -user alice; find ${IMAGES} -name '*.partial*' 2>/dev/null`,
      );
      expect(stdout).toBe('');
    }
    expect(await on('login', 'alice', `ls ${directory}/address.json`)).toMatchObject({ code: 2 });
  });
});
