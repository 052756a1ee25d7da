/** The real bundle on the devcluster's login node, by the very blocks of docs/zero-to-hpcbinder.md; and gone again. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from '../sources.ts';
import { LOGIN, root } from './as-user-rig.ts';

const BLOCKS = [
  ...readFileSync(join(ROOT, 'docs', 'zero-to-hpcbinder.md'), 'utf8').matchAll(/^```sh run\n(.*?)^```/gms),
].map((match) => match[1] ?? '');
const names = () =>
  root(
    "find / -xdev \\( -path /proc -o -path /sys -o -path /tmp -o -path /run -o -path '/var/log' -o -path '/scratch' -o -path '/home' \\) -prune -o -print | sort",
  );
let before: string;

beforeAll(async () => {
  await root(
    'command -v sudo >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo; } >/dev/null 2>&1; rm -rf /tmp/hpcbinder-*; groupadd tmpgroup; useradd -g tmpgroup tmpuser; userdel tmpuser; groupdel tmpgroup 2>/dev/null || true',
  );
  const made = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), '--here'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  before = await names();
  spawnSync('docker', ['cp', made.stdout.trim().split('\n').at(-1) ?? '', `${LOGIN}:/tmp/`]);
}, 240_000);

describe('docs/zero-to-hpcbinder.md', () => {
  it('installs without a registry, up to a policy that is fine', async () => {
    expect(BLOCKS).toHaveLength(4);
    for (const block of BLOCKS.slice(0, -1)) await root(block);
    expect(await root('hpcbinder serve --check --json')).toContain('"ok":true');
    expect(await root("su -s /bin/sh hpcbinder -c 'sudo -n -l'")).toContain('/usr/local/libexec/hpcbinder/as-user ""');
    expect(await root('find /opt/hpcbinder ! -user root -o ! -type l -perm /022 | head')).toBe('');
  }, 120_000);

  it('uninstalls without a trace', async () => {
    await root(BLOCKS.at(-1) ?? '');
    expect((await names()).split('\n')).toEqual(before.split('\n'));
    expect(await root('getent passwd hpcbinder || true; getent group hpcbinder-users hpcbinder || true')).toBe('');
  }, 60_000);
});
