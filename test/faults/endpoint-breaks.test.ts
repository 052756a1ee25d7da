/**
 * What breaks beside `hpcbinder serve` on its login node: commands that hang, talk without end or will not be ended (F-09), a job that
 * cannot be cancelled (F-53), the machine itself, and the state (F-15). Real Slurm and sudo, a real session that must not notice.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { storedImage } from '../e2e/stored.ts';
import { LOGIN, root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { byHeader, Client, type Told } from './campus-client.ts';
import { addresses } from './relays.ts';
import { eventually } from './rig.ts';

const MINUTE = 60_000;
let site: Campus;
let alice: Client;
let bob: Client;
let id: string;
let app: (path: string) => Promise<Told>;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const small = (more: Record<string, unknown> = {}) => ({
  partition: 'debug',
  cpus: 1,
  memoryMb: 700,
  seconds: 1800,
  ...more,
});

beforeAll(async () => {
  await storedImage();
  const many = '100000 per 1m';
  site = await campus({ ...byHeader(), rate: { launches: many, requests: many, sign_in: many, resolve: many } });
  alice = await Client.signedIn(site.url, 'alice@campus');
  bob = await Client.signedIn(site.url, 'bob@campus');
  id = await readyOf(alice, (await alice.launch(site.link, small())).id);
  app = await alice.entered(id);
  expect((await app('/api/status')).status).toBe(200);
}, 8 * MINUTE);

afterAll(async () => {
  await root(
    'for c in squeue scancel sudo; do [ ! -e /usr/bin/$c.real ] || mv /usr/bin/$c.real /usr/bin/$c; done; scontrol update nodename=c2 state=resume || true',
  );
  await root('scancel -u alice; scancel -u bob');
  await site?.[Symbol.asyncDispose]();
});

/** The session of a launch, once its app answers. */
async function readyOf(who: Client, launch: string, seconds = 180): Promise<string> {
  const over = await eventually(
    async () => (await who.launches()).find((one) => one.id === launch),
    (one) => one?.state !== 'running',
    seconds,
  );
  expect(over).toMatchObject({ state: 'ready' });
  return over?.session ?? '';
}

/** In the place of a command, until what is returned is called. */
async function replaced(name: string, script: string): Promise<() => Promise<unknown>> {
  await root(`mv /usr/bin/${name} /usr/bin/${name}.real; cat > /usr/bin/${name}; chmod 755 /usr/bin/${name}`, script);
  return () => root(`mv /usr/bin/${name}.real /usr/bin/${name}`);
}

/** What must hold whatever breaks: the endpoint answers, the open session too, and its memory stays. */
async function unmoved(seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(2_000)) {
    const all = await Promise.all([
      alice.ask('GET', '/health'),
      app('/api/status'),
      alice.ask('GET', '/api/v1/sessions'),
      bob.ask('GET', '/'),
    ]);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(Math.max(...all.map(({ ms }) => ms))).toBeLessThan(8_000);
  }
  expect((await alice.sessions()).find((one) => one.id === id)?.phase).toBe('ready');
  const rss = await root("ps -u hpcbinder -o rss= -o args= | grep '[s]erve --config' | sort -n | tail -1");
  expect(Number.parseInt(rss, 10) / 1024).toBeLessThan(400);
}

describe('a command of the scheduler (F-09)', () => {
  it.each([
    ['sleeps for an hour', '#!/bin/sh\nexec sleep 3607\n'],
    ['will not be ended', "#!/bin/sh\ntrap '' TERM INT HUP\nsleep 3607 & sleep 3607\n"],
    ['prints without end', '#!/bin/sh\nexec yes 3607\n'],
  ])(
    'that %s holds up nobody, and all is as before when it is mended',
    async (_, script) => {
      const restore = await replaced('squeue', script);
      const { id: launch } = await alice.launch(site.link, small({ seconds: 1800 + Math.floor(Math.random() * 999) }));
      try {
        await unmoved(18);
        // stuck ones are ended, not collected
        expect(Number(await root("pgrep -fc '[3]607' || true"))).toBeLessThan(16);
      } finally {
        await restore();
      }
      const session = await readyOf(alice, launch);
      const left = () => root("pgrep -fa '[3]607' || true");
      expect(await eventually(left, (text) => text === '', 40)).toBe('');
      await alice.stop(session);
    },
    6 * MINUTE,
  );

  it(
    'sudo that hangs concerns those alone who need a new helper',
    async () => {
      const restore = await replaced('sudo', '#!/bin/sh\nexec sleep 3607\n');
      let launch: string;
      try {
        ({ id: launch } = await bob.launch(site.link, small()));
        await unmoved(18);
      } finally {
        await restore();
      }
      const over = await eventually(
        async () => (await bob.launches()).find((one) => one.id === launch),
        (one) => one?.state !== 'running',
        120,
      );
      if (over?.state === 'failed')
        expect(over.error?.message).toMatch(/did not come to its end \((?:no answer|connection)|as bob/);
      // he has no image yet, and none is built for him here
      const { id: again } = await bob.launch(site.link, small());
      const connected = await eventually(
        () => bob.told(again),
        (events) => events.some(({ type, phase }) => type === 'done' && phase === 'cluster'),
        60,
      );
      expect(connected.map(({ type, phase }) => `${type} ${phase}`)).toContain('done cluster');
      expect((await bob.ask('DELETE', `/api/v1/launches/${again}`)).status).toBe(200);
    },
    6 * MINUTE,
  );
});

describe('a launch that fails after its job was submitted (F-53)', () => {
  it(
    'whose job cannot be cancelled is cancelled all the same, and the job within 90 s once that can be done',
    async () => {
      await root('scontrol update nodename=c2 state=drain reason=test');
      const { id: launch } = await alice.launch(site.link, small({ partition: 'gpu', gpus: 1 }));
      const name = async () => (await alice.launches()).find((one) => one.id === launch)?.session ?? 'none';
      const inQueue = async () => root(`squeue -h -n ${await name()} -t PD,R -o %j`);
      await eventually(inQueue, (text) => text !== '', 60);
      const restore = await replaced(
        'scancel',
        '#!/bin/sh\necho "scancel: error: Unable to contact slurm controller" >&2\nexit 1\n',
      );
      let was: string | undefined;
      try {
        expect((await alice.ask('DELETE', `/api/v1/launches/${launch}`)).status).toBe(200);
        const over = await eventually(
          async () => (await alice.launches()).find((one) => one.id === launch)?.state,
          (state) => state !== 'running',
          150,
        );
        expect(over).toBe('cancelled');
        was = await inQueue();
      } finally {
        await restore();
      }
      expect(was).not.toBe('');
      const mended = Date.now();
      expect(await eventually(inQueue, (text) => text === '', 120)).toBe('');
      expect(Date.now() - mended).toBeLessThan(90_000);
      await root('scontrol update nodename=c2 state=resume');
      // the record follows as soon as the job is seen to be gone
      const live = async () => (await alice.sessions()).filter(({ phase }) => phase !== 'ended').map((one) => one.id);
      expect(await eventually(live, (ids) => ids.length === 1, 120)).toEqual([id]);
    },
    6 * MINUTE,
  );
});

describe('the login node (F-15)', () => {
  it(
    'restarted with the endpoint on it: sessions and logins are there again, the app has never stopped',
    async () => {
      const before = JSON.parse((await app('/api/status')).text).started;
      const { login } = addresses();
      await execa('docker', ['restart', '-t', '5', LOGIN]);
      expect(addresses().login).toBe(login);
      await eventually(
        () => root('scontrol ping; squeue -h -o %j').catch(() => ''),
        (text) => text.includes(id),
        90,
      );
      await site.start();
      expect((await alice.sessions()).find((one) => one.id === id)?.phase).toBe('ready');
      const again = await eventually(
        () => app('/api/status'),
        ({ status }) => status === 200,
        30,
      );
      expect(JSON.parse(again.text).started).toBe(before);
    },
    4 * MINUTE,
  );

  it(
    'that loses the state as well: the endpoint begins empty, the job goes on, and nobody else has it',
    async () => {
      await site.kill();
      await root('rm -rf /var/lib/hpcbinder/state');
      await site.start();
      alice = await Client.signedIn(site.url, 'alice@campus');
      expect(await alice.sessions()).toEqual([]);
      expect((await app('/api/status')).status).not.toBe(200);
      // the reaper does not know it, and leaves it alone
      await sleep(70_000);
      expect(await root(`squeue -h -t R -n ${id} -o %u`)).toBe('alice\n');
    },
    4 * MINUTE,
  );
});
