/**
 * A shared disk that shows late what a node has written, as a network file system's cache of attributes does (SECURITY F-40).
 * The lateness is a fake: on the login node a `cat` of this test's own finds the agent's files only when they are old enough.
 */
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { launchOf, status, stop } from './rig.ts';

/** the address and the work report */
const LATE_SECONDS = 95;
/** why the session ended */
const LATE_END_SECONDS = 40;
const FAKE = '/usr/local/bin/cat';
let world: OwnWorld;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
  const sessions = `*/${basename(world.dir)}/*`;
  const script = `#!/bin/sh
# fake: late visibility
for file; do
  case $PWD/$file in
    ${sessions}/address.json | ${sessions}/work.json) late=${LATE_SECONDS} ;;
    ${sessions}/end.json) late=${LATE_END_SECONDS} ;;
    *) continue ;;
  esac
  [ "$(($(date +%s) - $(stat -c %Z "$file" 2>/dev/null || date +%s)))" -ge "$late" ] || exit 1
done
exec /bin/cat "$@"`;
  const encoded = Buffer.from(script).toString('base64');
  const { code } = await on('login', 'root', `echo ${encoded} | base64 -d > ${FAKE} && chmod 755 ${FAKE}`);
  expect(code).toBe(0);
});
afterAll(async () => {
  await on('login', 'root', `rm -f ${FAKE}`);
  await world[Symbol.asyncDispose]();
});

describe('files that are seen late', () => {
  it(`F-40: the address of the session appears ${LATE_SECONDS} s late, and why it ended ${LATE_END_SECONDS} s: both are waited for`, async () => {
    const running = new Running(launchOf(sif), { env: world.env });
    try {
      await running.until(({ type, phase }) => type === 'start' && phase === 'start');
      const began = Date.now();
      const { id } = await running.ready();
      expect((Date.now() - began) / 1000).toBeGreaterThan(LATE_SECONDS - 5);
      expect((Date.now() - began) / 1000).toBeLessThan(LATE_SECONDS + 60);
      expect(running.events.some(({ text }) => String(text).includes('the node prepares the work directory'))).toBe(
        true,
      );
      expect((await status(world, id)).phase).toBe('ready');
      const stopping = Date.now();
      expect((await stop(world, id)).ended?.why).toBe('stopped');
      expect((Date.now() - stopping) / 1000).toBeGreaterThan(LATE_END_SECONDS - 5);
      expect(await running.until(({ type }) => type === 'ended')).toMatchObject({ why: 'stopped' });
      expect(await world.jobs()).toHaveLength(1);
    } finally {
      await running.close();
    }
  }, 400_000);
});
