/** What lies on a cluster, as its user sees it. What waits and what damages is in test/faults/images.test.ts. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CLUSTER, hpcbinder, on } from './rig.ts';
import { storedImage } from './stored.ts';
import { OwnWorld } from './worlds.ts';

let world: OwnWorld;
let images: string;
let key: string;

/** A store of its own with a copy of the image, as a shared one is made: its seal is not of this file. */
beforeAll(async () => {
  const stored = await storedImage();
  world = new OwnWorld();
  images = `${world.scratch}/images`;
  key = stored.replace(/^.*\/([0-9a-f]{32})\.sif$/, '$1');
  const from = stored.replace(/\.sif$/, '');
  const { code } = await on('login', 'alice', `umask 077; mkdir -p ${images} && cp ${from}.sif ${from}.json ${images}`);
  expect(code).toBe(0);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const run = (...args: string[]) => hpcbinder(args, { env: world.env });

it('ls and show tell what an image is made from, how large it is and where', async () => {
  const { images: rows, totals } = JSON.parse((await run('images', 'ls', '--json')).stdout);
  expect(rows).toMatchObject([{ key, sessions: [], receipt: { key, platform: 'linux/amd64' } }]);
  expect(totals).toMatchObject({ images: { count: 1, bytes: rows[0].bytes }, sessions: { count: 0 } });
  const { stdout } = await run('images', 'show', key.slice(0, 6));
  expect(stdout).toContain(`${images}/${key}.sif`);
  expect(stdout).toContain(`org.hpcbinder.key=${key}`);
  expect((await run('images', 'show', 'nothing')).code).toBe(2);
});

it('SIF-01: a copy is read once and sealed; changed bytes are named, and exit with 1', async () => {
  expect((await run('images', 'verify', key)).stdout).toMatch(/whole, 1[0-9]+ MB$/);
  expect((await on('login', 'alice', `cut -d ' ' -f 2 ${images}/${key}.seal`)).stdout).toMatch(/^[0-9]{9}$/);
  await on('login', 'alice', `printf x | dd of=${images}/${key}.sif bs=1 seek=50000000 conv=notrunc`);
  const { code, stdout } = await run('images', 'verify');
  expect([code, stdout]).toEqual([1, expect.stringMatching(/damaged: it has another content than was stored/)]);
});

it('gc says what would go; uninstall leaves nothing', async () => {
  const aside = await run('images', 'gc', '--dry-run');
  expect(aside.stdout).toMatch(/stays +set aside .*damaged within the last hour/);
  const { code, stdout } = await run('uninstall', CLUSTER, '--yes');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/goes +1 leftover, 1[0-9]+ MB/)]);
  expect((await on('login', 'alice', `ls -A ${world.scratch} ${world.home}`)).stdout).not.toContain('images');
});
