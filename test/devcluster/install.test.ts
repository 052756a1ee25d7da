import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readInstalled, rememberImage } from '../../devcluster/install.ts';

async function inState(work: (stateDir: string) => Promise<void>): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'hb-installed-'));
  try {
    await work(stateDir);
  } finally {
    await rm(stateDir, { recursive: true });
  }
}

describe('the record of what `up` installed', () => {
  it('is empty where nothing was, so that --purge removes no package of the user', () =>
    inState(async (stateDir) => {
      expect(await readInstalled(stateDir)).toEqual({ packages: [], images: [] });
    }));

  it('names each image once, and keeps the rest', () =>
    inState(async (stateDir) => {
      await writeFile(join(stateDir, 'devcluster-installed.json'), '{"packages":["docker.io"],"dockerd":77}');
      await rememberImage(stateDir, 'debian:trixie');
      await rememberImage(stateDir, 'debian:trixie');
      expect(await readInstalled(stateDir)).toEqual({
        packages: ['docker.io'],
        images: ['debian:trixie'],
        dockerd: 77,
      });
    }));

  it('gives apt-get no word that could be an option', () =>
    inState(async (stateDir) => {
      await writeFile(join(stateDir, 'devcluster-installed.json'), '{"packages":["-o=x","docker.io",7]}');
      expect((await readInstalled(stateDir)).packages).toEqual(['docker.io']);
    }));
});
