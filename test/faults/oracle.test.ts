/** Our conversion against `apptainer build` of the same image, twenty times: docs/conversion.md. */
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { convertByApptainer } from '../../converters/apptainer.ts';
import { docker2singularity } from '../../converters/docker2singularity.ts';
import type { SifFile } from '../../core/artifacts.ts';
import { execIn } from '../../devcluster/index.ts';
import { findEngine } from '../../images/find.ts';
import { CLUSTER, ROOT } from '../e2e/rig.ts';
import { archiveOf, IMAGES, ODD_ENV, tagOf } from './oracle-images.ts';
import { type Difference, differences, type Tree, treeOf, WANTED } from './oracle-wanted.ts';

const dir = mkdtempSync(join(tmpdir(), 'hb-oracle-'));
const THERE = '/tmp/hb-oracle';
const made = new Map<string, readonly [SifFile, SifFile]>();
const trees = new Map<string, { ours: Tree; theirs: Tree }>();

/** On a compute node; fails with its words. */
async function there(user: 'root' | 'alice', script: string, stdin?: string): Promise<string> {
  const how = {
    user,
    name: CLUSTER,
    timeoutMs: 240_000,
    cwd: '/',
    ...(stdin ? { stdin: createReadStream(stdin) } : {}),
  };
  const { exitCode, stdout, stderr } = await execIn('c1', ['bash', '-ec', script], how);
  if (exitCode !== 0) throw new Error(`${script.slice(0, 200)}: ${stderr.slice(-2000)}`);
  return stdout;
}

/** A file's tree: unpacked by root there, so that modes, owners and links are those of the file. */
function list(file: string): Promise<string> {
  return there(
    'root',
    `cd ${THERE}; rm -rf tree; at=$(apptainer sif list ${file} | sed -n 's/.*|\\([0-9]*\\)-[0-9]* *|FS.*/\\1/p')
       unsquashfs -quiet -no-progress -offset "$at" -dest tree ${file} >&2; python3 oracle-tree.py tree`,
  );
}

async function treesOf(name: string): Promise<{ ours: Tree; theirs: Tree }> {
  return { ours: treeOf(await list(`ours-${name}.sif`)), theirs: treeOf(await list(`theirs-${name}.sif`)) };
}

beforeAll(async () => {
  const engine = await findEngine();
  for (const image of IMAGES) {
    const archive = join(dir, `${image.name}.tar`);
    writeFileSync(archive, archiveOf(image));
    execFileSync('docker', ['load', '--quiet', '--input', archive], { stdio: 'pipe' });
    const first = await docker2singularity(engine, tagOf(image.name), join(dir, `ours-${image.name}.sif`));
    made.set(image.name, [first, await docker2singularity(engine, tagOf(image.name), join(dir, 'again.sif'))]);
  }
  rmSync(join(dir, 'again.sif'));
  const all = join(tmpdir(), `${dir.split('/').at(-1)}.tar`);
  writeFileSync(join(dir, 'oracle-tree.py'), readFileSync(join(ROOT, 'test/faults/oracle-tree.py')));
  execFileSync('tar', ['-cf', all, '-C', dir, '.']);
  const fresh = `rm -rf ${THERE}; mkdir ${THERE}; tar -xf - -C ${THERE} --no-same-owner; chmod -R a+rX ${THERE}; chmod 1777 ${THERE}`;
  await there('root', fresh, all);
  rmSync(all);
  // the way of a user on a laptop or a login node: no root, no other ids
  const fast = '--mksquashfs-args "-comp gzip -Xcompression-level 1"';
  const build = `apptainer --quiet build --disable-cache ${fast} theirs-$name.sif docker-archive:$name.tar </dev/null`;
  await there('alice', `cd ${THERE}; for name in ${IMAGES.map(({ name }) => name).join(' ')}; do ${build}; done`);
  for (const { name } of IMAGES) trees.set(name, await treesOf(name));
}, 600_000);

afterAll(async () => {
  rmSync(dir, { recursive: true });
  execFileSync('docker', ['rmi', '--force', ...IMAGES.map(({ name }) => tagOf(name))], { stdio: 'ignore' });
  await there('root', `rm -rf ${THERE}`);
});

function of(name: string): Difference[] {
  const both = trees.get(name);
  if (both === undefined) throw new Error(`no trees of ${name}`);
  expect(both.ours.size).toBeGreaterThan(10);
  return differences(name, both.ours, both.theirs);
}

describe.each(IMAGES.map(({ name }) => name))('the image "%s"', (name) => {
  it('has types, modes, owners, times, links and contents as in apptainer build, but for what is listed', () => {
    const unwanted = of(name).filter((difference) => !WANTED.some(({ covers }) => covers(difference)));
    expect(unwanted).toEqual([]);
  });

  it('becomes the same bytes twice', () => {
    const [first, second] = made.get(name) ?? [];
    expect(first?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(second?.sha256).toBe(first?.sha256);
  });
});

describe('the list of wanted differences', () => {
  it('has eight at most, each of which occurs', () => {
    const all = IMAGES.flatMap(({ name }) => of(name));
    expect(WANTED.filter(({ covers }) => !all.some(covers)).map(({ what }) => what)).toEqual([]);
    expect(WANTED.length).toBeLessThanOrEqual(8);
    expect(IMAGES).toHaveLength(20);
  });

  it('is the one of the document, with a reason for each', () => {
    const rows = readFileSync(join(ROOT, 'docs/conversion.md'), 'utf8').match(/^\| \*\*.*$/gm) ?? [];
    const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
    expect(cells.map((row) => row[1]?.replaceAll('*', ''))).toEqual(WANTED.map(({ what }) => what));
    expect(cells.filter((row) => (row[4] ?? '').length < 20)).toEqual([]);
  });
});

describe('--converter apptainer', () => {
  it('makes the file by the tool itself: the same tree, but for what is listed', async () => {
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    // this machine has none: the node's, called as if it were here
    const node = `docker exec -i -u alice -e HOME=/home/alice -w ${THERE} hpcbinder-${CLUSTER}-c1`;
    const shim = [
      '#!/bin/sh',
      `[ "$1" = --version ] && exec ${node} apptainer --version`,
      `${node} sh -c 'rm -f shim.*; cat > shim.tar' < "\${5#docker-archive:}" || exit`,
      `${node} apptainer "$1" "$2" "$3" shim.sif docker-archive:shim.tar < /dev/null || exit`,
      `${node} cat shim.sif > "$4"`,
    ];
    writeFileSync(join(bin, 'apptainer'), `${shim.join('\n')}\n`, { mode: 0o755 });
    const path = join(dir, 'by-apptainer.sif');
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const sif = await convertByApptainer(await findEngine(), tagOf('whiteouts'), path, { env });
    expect(sif).toMatchObject({ path, converter: expect.stringMatching(/^apptainer 1\./) });
    const tree = treeOf(await list('shim.sif'));
    const fresh = ({ name, field }: Difference) => field === 'mtime' && tree.get(name)?.kind !== 'file';
    const all = differences('whiteouts', tree, trees.get('whiteouts')?.theirs ?? new Map());
    expect(all.filter((difference) => !WANTED.some(({ covers }) => covers(difference)) && !fresh(difference))).toEqual(
      [],
    );
  });
});

describe('what an image says of itself', () => {
  // programs of the node's own /usr, for the images have none; NO_EVAL as our agent sets it: words are words
  const inside = (sif: string, verb: string) =>
    `cd /tmp; export APPTAINER_NO_EVAL=1; apptainer --quiet ${verb} --containall --cleanenv --no-home --bind /usr:/usr ${THERE}/${sif}.sif`;

  async function environment(sif: string): Promise<string[]> {
    const text = await there('alice', `${inside(sif, 'exec')} env -0 | base64 -w0`);
    const pairs = Buffer.from(text, 'base64').toString('utf8').split('\0');
    return pairs.filter((pair) => !/^(?:(?:APPTAINER|SINGULARITY)_(?:CONTAINER|NAME)|_)=/.test(pair)).sort();
  }

  it('is the same environment inside', async () => {
    const ours = await environment('ours-symlinks');
    expect(ours).toEqual(await environment('theirs-symlinks'));
    expect(ours).toEqual(expect.arrayContaining(['PLAIN=plain', 'SPACES= a  b ', 'UNICODE=é']));
  });

  it('arrives with quotes, dollars, backslashes and newlines; Apptainer 1.4.5 loses all of it (a wanted difference)', async () => {
    const [ours, theirs] = [await environment('ours-times'), await environment('theirs-times')];
    expect(ours).toEqual(expect.arrayContaining(ODD_ENV.filter((pair) => !pair.startsWith('PATH='))));
    expect(theirs).not.toContain('PLAIN=plain');
  });

  it.each([
    ['without words', ''],
    ['with words', `'two words' '$HOME' ''`],
  ])('is run the same %s', async (_, words) => {
    const run = (who: string) => there('alice', `${inside(`${who}-symlinks`, 'run')} ${words}`);
    const ours = await run('ours');
    expect(ours).toBe(await run('theirs'));
    expect(ours).toContain(words === '' ? '<two words>' : '<$HOME>');
  });

  it('alone counts: scripts that it brings in .singularity.d do not (a wanted difference)', async () => {
    expect(await environment('theirs-own-runtime')).toContain('THEIRS=1');
    const ours = await environment('ours-own-runtime');
    expect(ours.filter((pair) => pair.startsWith('THEIRS'))).toEqual([]);
    expect(ours).toEqual(expect.arrayContaining([expect.stringMatching(/^PATH=\/usr\/bin:\/bin/)]));
  });
});
