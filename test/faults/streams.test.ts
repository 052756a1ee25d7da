/** A cell that prints once a second, over one WebSocket, while the way to it is cut: no number is missed (docs/faults.md). */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import Docker from 'dockerode';
import { CLUSTER } from '../e2e/rig.ts';
import { eventually, type Far, farSession, status } from './rig.ts';

/** The sleep of the last test; CI's slice sleeps less. */
const ASLEEP_SECONDS = Number(process.env.HPCBINDER_ASLEEP ?? 600);

let far: Far;

beforeAll(async () => {
  far = await farSession((sif) => ['launch', '--sif', sif, '--partition', 'gpu', '--time', '45m']);
});

afterEach(() => far?.line.giveUpLost());

afterAll(async () => {
  await far?.[Symbol.asyncDispose]();
});

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));
const numbers = (upto: number) => Array.from({ length: upto }, (_, n) => `${n + 1}\n`).join('');

/** `upto` numbers, one a second, while `fault` happens after the third; afterwards all are there, once each, in order. */
async function countsThrough(upto: number, fault: () => Promise<void>): Promise<void> {
  const kernel = await far.client.startKernel();
  const cell = `import time\nfor n in range(1, ${upto + 1}):\n    print(n, flush=True)\n    time.sleep(1)`;
  // Jupyter accepts the WebSocket when the kernel has started
  const open = () => far.client.listen(kernel, cell).catch(() => undefined);
  const heard = await eventually(open, (one) => one !== undefined, 60);
  if (!heard) throw new Error('no WebSocket to the kernel');
  await eventually(
    async () => heard.printed(),
    (text) => text.includes('3\n'),
    60,
  );
  await fault();
  const text = await eventually(
    async () => heard.printed(),
    (now) => now.endsWith(`\n${upto}\n`) || heard.closed(),
    upto + 90,
  );
  expect(text).toBe(numbers(upto));
  expect(heard.closed()).toBe(false);
  heard.close();
  expect(await status(far.world, far.session.id)).toMatchObject({ phase: 'ready', jobId: far.session.jobId });
}

it('F-13: silence for 30 s, then a new way while the old one stays silent for ever: no number is missed', async () => {
  await countsThrough(60, async () => {
    far.line.cut();
    await seconds(30);
    far.line.mend({ lost: true });
  });
}, 240_000);

it('F-13: a new way from the start, the old one silent: it is in use within half a minute, not after a minute of keepalive', async () => {
  await countsThrough(45, async () => {
    far.line.cut();
    far.line.mend({ lost: true });
    const since = Date.now();
    const page = () => far.client.send('GET', '/api').catch(() => undefined);
    await eventually(page, (reply) => reply?.status === 200, 90);
    expect(Date.now() - since).toBeLessThan(30_000);
  });
}, 240_000);

it('F-13: the connection reset, three times: no number is missed', async () => {
  await countsThrough(30, async () => {
    for (let n = 0; n < 3; n++) {
      far.line.reset();
      await seconds(6);
    }
  });
}, 240_000);

it('F-15: the login node restarted: no number is missed', async () => {
  await countsThrough(40, async () => {
    const { port } = far.line;
    await new Docker().getContainer(`hpcbinder-${CLUSTER}-login`).restart({ t: 1 });
    expect(far.line.port).toBe(port);
  });
}, 300_000);

it(`F-13: asleep for ${ASLEEP_SECONDS} s: no number is missed, and the page answers at once`, async () => {
  await countsThrough(ASLEEP_SECONDS + 20, async () => {
    process.kill(far.running.pid, 'SIGSTOP');
    await seconds(ASLEEP_SECONDS);
    process.kill(far.running.pid, 'SIGCONT');
    const woken = Date.now();
    expect((await far.client.send('GET', '/api')).status).toBe(200);
    expect(Date.now() - woken).toBeLessThan(10_000);
  });
}, 900_000);
